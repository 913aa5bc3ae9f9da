//! The programs over loopback: bad peers, kills, many clients, and programs that nobody here wrote.

mod hello;
mod interop;
mod mailroom;
mod pop3_fetch;
mod pop3_serve;
mod support;
