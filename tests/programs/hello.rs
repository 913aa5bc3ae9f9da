//! The greeting: exact, for everybody, whatever clients do.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::thread;

use rustix::process::Signal;

use crate::support::{
    HANG, Server, code, connect, crosscheck, err, out, read_all, reset, run, run_with,
};

const GREETING: &[u8] = b"Hello, you are connected!\n";

const MODES: [&[&str]; 2] = [&[], &["--nonblocking"]];

fn serve(options: &[&str]) -> Server {
    Server::start(&[&["hello", "serve", "--listen", "127.0.0.1:0"], options].concat())
}

fn assert_greeted(stream: &mut TcpStream) {
    assert_eq!(read_all(stream), GREETING);
}

#[test]
fn the_greeting_has_26_bytes_and_leaves_a_line_in_the_log() {
    for mode in MODES {
        let server = serve(mode);
        assert_greeted(&mut server.connect());
        let mut talkative = server.connect();
        talkative
            .write_all(&[b'x'; 100_000])
            .expect("what is sent is taken or forgotten");
        assert_greeted(&mut talkative);
        drop(talkative);
        let ended = server.stop();
        assert_eq!(ended.code, Some(0), "{mode:?}: {}", ended.log);
        assert_eq!(
            ended
                .log
                .matches("received a connection from 127.0.0.1")
                .count(),
            2,
            "{mode:?}: {}",
            ended.log
        );
    }
}

#[test]
fn get_shows_what_it_receives() {
    for mode in MODES {
        let server = serve(mode);
        let port = server.address().port();
        for host in [format!("127.0.0.1:{port}"), format!("localhost:{port}")] {
            let output = run(&["hello", "get", &host]);
            assert_eq!(code(&output), Some(0), "{}", err(&output));
            assert_eq!(out(&output), "Received: Hello, you are connected!\n");
        }
    }
}

#[test]
fn two_hundred_clients_at_once_are_all_greeted() {
    for mode in MODES {
        for limit in ["1", "16", "256"] {
            let server = serve(&[mode, &["--max-clients", limit]].concat());
            let mut clients: Vec<TcpStream> = (0..200).map(|_| server.connect()).collect();
            for mut client in clients.drain(..) {
                assert_greeted(&mut client);
            }
            assert_eq!(server.stop().code, Some(0), "{mode:?} {limit}");
        }
    }
}

#[test]
fn permits_of_a_thousand_clients_that_vanish_come_back() {
    for mode in MODES {
        let server = serve(&[mode, &["--max-clients", "3"]].concat());
        for client in 0..1_000 {
            let stream = server.connect();
            match client % 3 {
                // Mostly before the server has accepted it.
                0 => reset(stream),
                1 => drop(stream),
                _ => stream
                    .shutdown(std::net::Shutdown::Write)
                    .expect("the server is there"),
            }
        }
        // As many at once as there are permits: all of them are back.
        let mut clients: Vec<TcpStream> = (0..3).map(|_| server.connect()).collect();
        for client in &mut clients {
            assert_greeted(client);
        }
        assert_eq!(server.stop().code, Some(0));
    }
}

#[test]
fn a_client_that_never_closes_holds_up_nobody_for_ever() {
    for mode in MODES {
        let server = serve(&[mode, &["--max-clients", "1"]].concat());
        let silent = server.connect();
        assert_greeted(&mut server.connect());
        drop(silent);
    }
}

#[test]
fn a_server_ends_at_once_while_clients_wait_and_sessions_run() {
    for mode in MODES {
        for signal in [Signal::TERM, Signal::INT] {
            let server = serve(&[mode, &["--max-clients", "1", "--grace", "50ms"]].concat());
            let mut first = server.connect();
            let mut greeting = [0; GREETING.len()];
            first.read_exact(&mut greeting).expect("it is greeted");
            // The first has the only permit, and keeps it beyond the grace.
            let waiting: Vec<TcpStream> = (0..5).map(|_| server.connect()).collect();
            server.signal(signal);
            let ended = server.wait();
            assert_eq!(ended.code, Some(0), "{mode:?}: {}", ended.log);
            drop((first, waiting));
        }
    }
}

#[test]
fn an_idle_server_ends_at_once() {
    for mode in [MODES[0], MODES[1], &["--udp"]] {
        let ended = serve(mode).stop();
        assert_eq!(ended.code, Some(0), "{mode:?}: {}", ended.log);
    }
}

#[test]
fn a_port_can_be_taken_again_at_once_but_not_twice() {
    let server = serve(&[]);
    let address = server.address().to_string();
    // The server closes first, so that its side of the connection stays in TIME_WAIT.
    assert_greeted(&mut server.connect());
    let second = run(&["hello", "serve", "--listen", &address]);
    assert_eq!(code(&second), Some(2));
    assert!(err(&second).contains(&address), "{}", err(&second));
    assert_eq!(server.stop().code, Some(0));
    let server = Server::start(&["hello", "serve", "--listen", &address]);
    assert_greeted(&mut server.connect());
}

/// With 24 descriptors accept fails with EMFILE long before 200 permits are in use.
#[test]
fn a_server_without_descriptors_lets_clients_wait() {
    for mode in ["", "--nonblocking"] {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!(
            "ulimit -n 24; exec '{}' hello serve --listen 127.0.0.1:0 --max-clients 200 {mode}",
            env!("CARGO_BIN_EXE_crosscheck"),
        ));
        let server = Server::spawn(command);
        let mut clients: Vec<TcpStream> = (0..100).map(|_| server.connect()).collect();
        for mut client in clients.drain(..) {
            assert_greeted(&mut client);
        }
        let ended = server.stop();
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert!(ended.log.contains("clients have to wait"), "{}", ended.log);
    }
}

#[test]
fn datagrams_of_every_size_are_answered() {
    let server = serve(&["--udp"]);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(HANG)).expect("a timeout");
    let mut answer = [0; 100];
    for size in [0, 1, 65_507] {
        socket
            .send_to(&vec![b'x'; size], server.address())
            .expect("loopback takes it");
        let (length, from) = socket.recv_from(&mut answer).expect("an answer");
        assert_eq!((&answer[..length], from), (GREETING, server.address()));
    }
    let address = server.address().to_string();
    for options in [
        &[][..],
        &["--connected"],
        &["--bytes", "65507"],
        &["--connected", "--bytes", "65507"],
    ] {
        let output = run(&[&["hello", "get", &address, "--udp"], options].concat());
        assert_eq!(code(&output), Some(0), "{options:?}: {}", err(&output));
        assert_eq!(out(&output), "Received: Hello, you are connected!\n");
    }
    let output = run(&["hello", "get", &address, "--udp", "--bytes", "65508"]);
    assert_eq!(code(&output), Some(2));
    assert!(err(&output).contains("65507"), "{}", err(&output));
    let ended = server.stop();
    assert!(
        ended
            .log
            .contains("received a datagram of 0 bytes from 127.0.0.1")
    );
    assert!(
        ended
            .log
            .contains("received a datagram of 65507 bytes from 127.0.0.1")
    );
}

#[test]
fn a_datagram_server_survives_clients_that_are_gone() {
    let server = serve(&["--udp"]);
    for _ in 0..20 {
        // Gone before the answer: the server hears of it as an ICMP message.
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.send_to(b"", server.address()).expect("it is sent");
    }
    let output = run(&["hello", "get", &server.address().to_string(), "--udp"]);
    assert_eq!(code(&output), Some(0), "{}", err(&output));
}

#[test]
fn nobody_there_is_said_with_the_address_and_code_1() {
    // A port that was free a moment ago, and was not given to anybody else for connections.
    let (tcp, udp) = {
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
        (
            tcp.local_addr().expect("bound").to_string(),
            udp.local_addr().expect("bound").to_string(),
        )
    };
    for (arguments, says) in [
        (&["hello", "get", &tcp][..], tcp.as_str()),
        (&["hello", "chat", &tcp], &tcp),
        (
            &["hello", "get", &udp, "--udp", "--connected"],
            "nobody listens there",
        ),
        (
            &["hello", "get", &udp, "--udp", "--timeout", "50ms"],
            "no answer",
        ),
        (
            &["hello", "get", "no-such-host.invalid"],
            "no-such-host.invalid",
        ),
    ] {
        let output = run(arguments);
        assert_eq!(code(&output), Some(1), "{arguments:?}: {}", err(&output));
        assert!(
            err(&output).contains(says),
            "{arguments:?}: {}",
            err(&output)
        );
        assert_eq!(err(&output).lines().count(), 1, "{}", err(&output));
    }
}

#[test]
fn wrong_use_is_said_with_code_2() {
    for arguments in [
        &["hello", "get", "host:port"][..],
        &["hello", "get", "\u{1b}[2J"],
        &["hello", "get", "h", "--connected"],
        &["hello", "serve", "--max-clients", "0"],
        &["hello", "serve", "--listen", "192.0.2.1:0"],
        &["hello"],
    ] {
        let output = run(arguments);
        assert_eq!(code(&output), Some(2), "{arguments:?}: {}", err(&output));
        assert!(!err(&output).contains('\u{1b}'), "{}", err(&output));
    }
}

/// A server of the test: answers one client by `answer`.
fn scripted(answer: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound").to_string();
    thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client comes");
        answer(stream);
    });
    address
}

#[test]
fn what_a_hostile_server_says_does_no_harm() {
    let server = scripted(|mut stream| {
        stream
            .write_all(b"\x1b]0;title\x07\xff\nsecond\r\n")
            .expect("the client reads");
    });
    let output = run(&["hello", "get", &server]);
    assert_eq!(code(&output), Some(0), "{}", err(&output));
    assert_eq!(
        out(&output),
        "Received: \\u{1b}]0;title\\u{7}\\xff\nReceived: second\n"
    );

    let silent = scripted(drop);
    let endless = scripted(|mut stream| while stream.write_all(&[b'x'; 4096]).is_ok() {});
    let cut = scripted(reset);
    for (server, says) in [
        (silent, "without a word"),
        (endless, "64 KiB"),
        (cut, "reset"),
    ] {
        let output = run(&["hello", "get", &server]);
        assert_eq!(code(&output), Some(1), "{says}: {}", out(&output));
        assert!(err(&output).contains(says), "{}", err(&output));
        assert!(err(&output).contains(&server), "{}", err(&output));
    }
    let mute = scripted(|stream| {
        // Until the client gives up.
        let _ = (&stream).read(&mut [0; 1]);
        let _ = (&stream).read(&mut [0; 1]);
        thread::park();
    });
    let output = run(&["hello", "get", &mute, "--timeout", "50ms"]);
    assert_eq!(code(&output), Some(1));
    assert!(err(&output).contains("too long"), "{}", err(&output));
}

#[test]
fn chat_passes_both_directions_and_closes_its_own_first() {
    // Far more than sockets and pipes hold: neither side may wait for the other.
    let sent: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let server = scripted(|mut stream| {
        let mut copy = stream.try_clone().expect("a socket has two ends");
        stream.write_all(b"welcome\n").expect("the client reads");
        std::io::copy(&mut copy, &mut stream).expect("an echo");
        stream
            .write_all(b"that was all\n")
            .expect("the client reads to the end");
    });
    let output = run_with(crosscheck(&["hello", "chat", &server]), &sent);
    assert_eq!(code(&output), Some(0), "{}", err(&output));
    let expected = [b"welcome\n", &sent[..], b"that was all\n"].concat();
    assert!(
        output.stdout == expected,
        "{} bytes came back",
        output.stdout.len()
    );
}

#[test]
fn chat_with_a_greeting_server_shows_the_greeting() {
    let server = serve(&[]);
    let output = run(&["hello", "chat", &server.address().to_string()]);
    assert_eq!(code(&output), Some(0), "{}", err(&output));
    assert_eq!(output.stdout, GREETING);
}

#[test]
fn chat_ends_when_nobody_says_anything() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let output = run(&["hello", "chat", &address, "--timeout", "50ms"]);
    assert_eq!(code(&output), Some(1));
    assert!(
        err(&output).contains("nobody said anything"),
        "{}",
        err(&output)
    );
}

#[test]
fn both_families_of_addresses_work() {
    let Ok(_) = TcpListener::bind("[::1]:0") else {
        println!("skipped: this machine has no IPv6");
        return;
    };
    let server = Server::start(&["hello", "serve", "--listen", "[::1]:0"]);
    assert_greeted(&mut connect(server.address()));
    let output = run(&["hello", "get", &server.address().to_string()]);
    assert_eq!(code(&output), Some(0), "{}", err(&output));
    let ended = server.stop();
    assert!(
        ended.log.contains("received a connection from ::1"),
        "{}",
        ended.log
    );
}

/// As a shell runs what it has in the background, and as nohup does: that is no reason not to start.
#[test]
fn signals_that_are_ignored_from_the_start_stay_so() {
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "trap '' INT HUP; exec \"$0\" hello serve --listen 127.0.0.1:0",
    ]);
    command.arg(env!("CARGO_BIN_EXE_crosscheck"));
    let server = Server::spawn(command);
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id()));
    let status = status.expect("Linux has it");
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = u64::from_str_radix(mask.expect("a mask").trim(), 16).expect("a number");
    for signal in [Signal::INT, Signal::HUP] {
        assert_ne!(
            mask & (1 << (signal.as_raw() - 1)),
            0,
            "{signal:?}: {mask:x}"
        );
        server.signal(signal);
        assert_eq!(read_all(&mut server.connect()).len(), 26);
    }
    assert_eq!(server.stop().code, Some(0));
}
