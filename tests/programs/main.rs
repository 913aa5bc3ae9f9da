//! The programs over loopback: bad peers, kills, many clients, and programs that nobody here wrote.

mod file;
mod hello;
mod interop;
mod mailroom;
mod pop3_fetch;
mod pop3_limits;
mod pop3_serve;
mod support;
