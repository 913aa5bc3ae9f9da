//! Programs that nobody here wrote are content with our server. Where one is not there, the test says
//! that it was skipped.

use std::process::{Command, Output};

use crate::mailroom::{Mailroom, SecureServer};
use crate::support::{code, err, out, run_with};

const MESSAGES: [&[u8]; 4] = [
    b"Subject: first\n\n.a dot, and no end",
    b".\n",
    b"",
    b"Subject: last\r\n\r\nbody\r\n",
];

/// What a client should have of them.
const ON_THE_WIRE: [&[u8]; 4] = [
    b"Subject: first\r\n\r\n.a dot, and no end\r\n",
    b".\r\n",
    b"",
    b"Subject: last\r\n\r\nbody\r\n",
];

/// Whether a program is there; says so if not.
fn is_there(program: &str, arguments: &[&str]) -> bool {
    let there = Command::new(program)
        .args(arguments)
        .output()
        .is_ok_and(|output| output.status.success());
    if !there {
        println!("skipped: {program} is not there");
    }
    there
}

fn curl(arguments: &[&str]) -> Output {
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--show-error",
        "--max-time",
        "60",
        "--user",
        "alice:open sesame",
    ]);
    command.args(arguments);
    run_with(command, b"")
}

#[test]
fn curl_reads_mail_without_tls_with_stls_and_over_tls() {
    if !is_there("curl", &["--version"]) {
        return;
    }
    let room = Mailroom::new();
    room.deliver("alice", &MESSAGES);
    let SecureServer {
        server: _server,
        plain,
        tls,
        cert,
    } = room.serve_with_tls();
    for (base, options) in [
        (format!("pop3://localhost:{}", plain.port()), &[][..]),
        (
            format!("pop3://localhost:{}", plain.port()),
            &["--ssl-reqd", "--cacert", &cert],
        ),
        (
            format!("pop3s://localhost:{}", tls.port()),
            &["--cacert", &cert],
        ),
    ] {
        let list = curl(&[options, &[&format!("{base}/")]].concat());
        assert_eq!(code(&list), Some(0), "{base} {options:?}: {}", err(&list));
        assert_eq!(out(&list).replace('\r', ""), "1 38\n2 3\n3 0\n4 23\n");
        for (at, message) in ON_THE_WIRE.iter().enumerate() {
            let output = curl(&[options, &[&format!("{base}/{}", at + 1)]].concat());
            assert_eq!(
                code(&output),
                Some(0),
                "{base}/{}: {}",
                at + 1,
                err(&output)
            );
            // curl takes the CRLF before the final dot for the end of a last line, and gives an empty
            // message one though that CRLF ends the reply.
            let message = if message.is_empty() {
                b"\r\n"
            } else {
                *message
            };
            assert_eq!(output.stdout, message, "{base}/{}", at + 1);
        }
    }
    let wrong = run_with(
        {
            let mut command = Command::new("curl");
            command.args(["--silent", "--user", "alice:wrong"]);
            command.arg(format!("pop3://localhost:{}/", plain.port()));
            command
        },
        b"",
    );
    // 67: the login was denied.
    assert_eq!(code(&wrong), Some(67));
}

const POPLIB: &str = r#"
import poplib, ssl, sys
plain, tls, cert = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
context = ssl.create_default_context(cafile=cert)

def look(box, delete):
    box.user("alice")
    box.pass_("open sesame")
    count, octets = box.stat()
    sizes = [int(line.split()[1]) for line in box.list()[1]]
    assert sum(sizes) == octets and len(sizes) == count, (count, octets, sizes)
    assert len(set(box.uidl()[1])) == count
    for number in range(1, count + 1):
        _, lines, _ = box.retr(number)
        body = b"".join(line + b"\r\n" for line in lines)
        assert len(body) == sizes[number - 1], (number, body)
        sys.stdout.buffer.write(b"%d %r\n" % (number, body))
        box.top(number, 0)
    box.noop()
    if delete:
        box.dele(1)
        box.rset()
        box.dele(2)
    box.quit()

look(poplib.POP3("localhost", plain), False)
box = poplib.POP3("localhost", plain)
assert "STLS" in box.capa(), box.capa()
box.stls(context=context)
look(box, False)
look(poplib.POP3_SSL("localhost", tls, context=context), True)
"#;

#[test]
fn poplib_of_python_reads_and_deletes_mail() {
    if !is_there("python3", &["-c", "import poplib, ssl"]) {
        return;
    }
    let room = Mailroom::new();
    room.deliver("alice", &MESSAGES);
    let SecureServer {
        server: _server,
        plain,
        tls,
        cert,
    } = room.serve_with_tls();
    let mut command = Command::new("python3");
    command.args([
        "-c",
        POPLIB,
        &plain.port().to_string(),
        &tls.port().to_string(),
        &cert,
    ]);
    let output = run_with(command, b"");
    assert_eq!(code(&output), Some(0), "{}", err(&output));
    let once = concat!(
        r#"1 b'Subject: first\r\n\r\n.a dot, and no end\r\n'"#,
        "\n",
        r#"2 b'.\r\n'"#,
        "\n",
        r#"3 b''"#,
        "\n",
        r#"4 b'Subject: last\r\n\r\nbody\r\n'"#,
        "\n",
    );
    assert_eq!(out(&output), once.repeat(3));
    assert_eq!(room.mail("alice").len(), 3);
}

/// The greeting server is readable by a program that knows nothing of it.
#[test]
fn netcat_is_greeted() {
    if !is_there("nc", &["-h"]) {
        return;
    }
    let server = crate::support::Server::start(&["hello", "serve", "--listen", "127.0.0.1:0"]);
    let mut command = Command::new("nc");
    command.args(["127.0.0.1", &server.address().port().to_string()]);
    let output = run_with(command, b"");
    assert_eq!(out(&output), "Hello, you are connected!\n");
}
