//! Programs as child processes: started, read, ended by their own id, never left behind.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

/// A wait that is longer is a hang. Generous: machines that run tests do other work as well.
pub(crate) const HANG: Duration = Duration::from_secs(60);

/// Makes system calls fail in a command, as on a system that does not have them: with which error each
/// is refused. Whether this system can do that.
pub(crate) fn without(command: &mut Command, calls: &[(i64, Errno)]) -> bool {
    // Berkeley packet filter: load the number of the call, and for each compare and return.
    let statement = |code: u32, k: u32, skip: u8| libc::sock_filter {
        code: u16::try_from(code).expect("a small code"),
        jt: 0,
        jf: skip,
        k,
    };
    let returns = libc::BPF_RET | libc::BPF_K;
    let mut filter = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0)];
    for (number, error) in calls {
        let number = u32::try_from(*number).expect("a small number");
        filter.push(statement(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            number,
            1,
        ));
        let error = error.raw_os_error().cast_unsigned();
        filter.push(statement(returns, libc::SECCOMP_RET_ERRNO | error, 0));
    }
    filter.push(statement(returns, libc::SECCOMP_RET_ALLOW, 0));
    let install = move || {
        let program = libc::sock_fprog {
            len: u16::try_from(filter.len()).expect("a short filter"),
            filter: filter.as_ptr().cast_mut(),
        };
        // SAFETY: it takes numbers only.
        let bound = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
        // SAFETY: the program and its filter live until the call returns; the kernel copies and
        // checks them.
        let filtered = unsafe {
            libc::prctl(
                libc::PR_SET_SECCOMP,
                libc::SECCOMP_MODE_FILTER,
                &raw const program,
            )
        };
        match (bound, filtered) {
            (0, 0) => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    let mut probe = Command::new("true");
    // SAFETY: between fork and exec it makes two system calls and allocates nothing.
    unsafe { probe.pre_exec(install.clone()) };
    // SAFETY: as above.
    unsafe { command.pre_exec(install) };
    probe.status().is_ok_and(|status| status.success())
}

/// The program under test.
pub(crate) fn crosscheck(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosscheck"));
    command.args(arguments).env_remove("CROSSCHECK_LOG");
    command
}

/// Runs the program to its end, without input.
pub(crate) fn run(arguments: &[&str]) -> Output {
    run_with(crosscheck(arguments), b"")
}

/// Runs a command to its end with that input.
pub(crate) fn run_with(mut command: Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let output = reading(child.stdout.take().expect("it has an output"));
    let errors = reading(child.stderr.take().expect("it has an error output"));
    let mut stdin = child.stdin.take().expect("it has an input");
    // A program that ends without reading its input is fine.
    let _ = stdin.write_all(input);
    drop(stdin);
    let status = Guarded(child).wait();
    Output {
        status,
        stdout: output.join().expect("the output is read"),
        stderr: errors.join().expect("the errors are read"),
    }
}

pub(crate) fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The most memory that a process has had, in kB.
pub(crate) fn peak_kilobytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.expect("a peak of memory").trim();
    let kilobytes = kilobytes.trim_end_matches(" kB");
    kilobytes.parse().expect("a number")
}

/// Whether tests move gibibytes, which takes minutes in a build that is not optimised; says so if not.
pub(crate) fn moves_gibibytes() -> bool {
    let moves = !cfg!(debug_assertions) || std::env::var_os("CROSSCHECK_LARGE").is_some();
    if !moves {
        eprintln!("skipped: gibibytes; run with --release, or with CROSSCHECK_LARGE=1");
    }
    moves
}

fn reading(mut pipe: impl std::io::Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe can be read");
        bytes
    })
}

/// A child process that does not outlive its test.
pub(crate) struct Guarded(pub(crate) Child);

impl Guarded {
    /// Waits for its end; a process that does not end is killed and fails the test.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        while begun.elapsed() < HANG {
            if let Some(status) = self.0.try_wait().expect("a child can be waited for") {
                return status;
            }
            thread::sleep(Duration::from_millis(2));
        }
        panic!("process {} does not end", self.0.id());
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.0.id()).expect("process ids are small");
        kill_process(Pid::from_raw(id).expect("an id is not 0"), signal)
            .expect("the process is there");
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server of ours, listening.
pub(crate) struct Server {
    child: Guarded,
    addresses: Vec<SocketAddr>,
    log: Option<JoinHandle<Vec<u8>>>,
}

/// How a server ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// What it has logged.
    pub(crate) log: String,
}

impl Server {
    /// Starts it; the arguments should name port 0.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::spawn(crosscheck(arguments))
    }

    /// Starts a command that runs the program.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = Guarded(
            command
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the command starts"),
        );
        let log = reading(child.0.stderr.take().expect("it has an error output"));
        let mut line = String::new();
        BufReader::new(child.0.stdout.take().expect("it has an output"))
            .read_line(&mut line)
            .expect("its output can be read");
        let Some(addresses) = line.strip_prefix("listening on ") else {
            let _ = child.0.kill();
            let log = log.join().expect("the log is read");
            panic!("no server: {line:?} {}", String::from_utf8_lossy(&log));
        };
        let addresses = addresses
            .split_whitespace()
            .map(|address| address.parse().expect("a real address"))
            .collect();
        Self {
            child,
            addresses,
            log: Some(log),
        }
    }

    /// Its first address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// All its addresses.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.address())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.child.signal(signal);
    }

    /// Asks it to end, as `kill` does, and waits until it has.
    pub(crate) fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Ended {
        let status = self.child.wait();
        let log = self.log.take().expect("it is read once");
        let log = log.join().expect("the log is read");
        Ended {
            code: status.code(),
            log: String::from_utf8_lossy(&log).into_owned(),
        }
    }
}

/// A connection on which nothing hangs.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, HANG).expect("the server accepts");
    stream.set_read_timeout(Some(HANG)).expect("a timeout");
    stream.set_write_timeout(Some(HANG)).expect("a timeout");
    stream
}

/// Everything up to the end of the stream.
pub(crate) fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("it ends in order");
    bytes
}

/// Ends a connection by a reset instead of an end of stream.
pub(crate) fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .expect("an option");
    drop(stream);
}
