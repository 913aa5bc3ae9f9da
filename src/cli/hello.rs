//! `crosscheck hello`: the greeting server and its clients.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::args::time;
use super::programs::{Serving, print};
use crate::programs::hello::{PORT, chat, datagram, get, multiplex, serve};
use crate::programs::net::{Address, Failure, Listener, exit, listener, log};

#[derive(Debug, Subcommand)]
pub(super) enum Hello {
    /// Greet every client: `Hello, you are connected!`
    Serve(Serve),
    /// Show what a greeting server says
    Get(Get),
    /// Connect standard input and output to a server
    Chat(Chat),
}

#[derive(Args, Debug)]
pub(super) struct Serve {
    /// Where to listen; port 0 takes any that is free
    #[arg(long, value_name = "HOST[:PORT]", default_value = "127.0.0.1:3333")]
    listen: String,
    #[command(flatten)]
    serving: Serving,
    /// Answer datagrams instead of connections
    #[arg(long, conflicts_with_all = ["nonblocking", "max_clients"])]
    udp: bool,
    /// Serve all clients in one thread, by waiting for readiness
    #[arg(long)]
    nonblocking: bool,
}

#[derive(Args, Debug)]
pub(super) struct Get {
    /// The server; the port is 3333 unless given
    #[arg(value_name = "HOST[:PORT]")]
    server: String,
    /// Ask by a datagram instead of a connection
    #[arg(long)]
    udp: bool,
    /// Connect the socket of the datagrams, so that it hears when nobody listens
    #[arg(long, requires = "udp")]
    connected: bool,
    /// Bytes in the datagram, 0 to 65507
    #[arg(long, value_name = "N", default_value_t = 0, requires = "udp")]
    bytes: usize,
    /// How long to wait for the connection, and for the greeting
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    timeout: Duration,
}

#[derive(Args, Debug)]
pub(super) struct Chat {
    /// The server; the port is 3333 unless given
    #[arg(value_name = "HOST[:PORT]")]
    server: String,
    /// How long both sides may be silent
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time)]
    timeout: Duration,
}

/// Runs the command; its exit code.
pub(super) fn run(hello: &Hello) -> u8 {
    log::start();
    exit::report(match hello {
        Hello::Serve(serve) => run_server(serve),
        Hello::Get(get) => run_get(get),
        Hello::Chat(chat) => run_chat(chat),
    })
}

fn run_server(arguments: &Serve) -> Result<(), Failure> {
    let address = Address::parse(&arguments.listen, PORT)?;
    let shutdown = Serving::shutdown()?;
    if arguments.udp {
        let server = datagram::Server::bind(&address)?;
        listener::announce(&server.address());
        return server.serve(&shutdown);
    }
    let listener = Listener::bind(&[address])?;
    let service = arguments.serving.service(&shutdown);
    listener.announce();
    if arguments.nonblocking {
        multiplex::serve(&listener, &service)
    } else {
        serve::serve(&listener, &service)
    }
}

fn run_get(arguments: &Get) -> Result<(), Failure> {
    let address = Address::parse(&arguments.server, PORT)?;
    let said = if arguments.udp {
        if arguments.bytes > datagram::MAX {
            return Err(datagram::too_long(arguments.bytes));
        }
        let question = vec![b'?'; arguments.bytes];
        datagram::get(&address, &question, arguments.connected, arguments.timeout)?
    } else {
        get::get(&address, arguments.timeout)?
    };
    print(&get::shown(&said))
}

fn run_chat(arguments: &Chat) -> Result<(), Failure> {
    let address = Address::parse(&arguments.server, PORT)?;
    chat::chat(&address, arguments.timeout, &Serving::shutdown()?)
}
