//! The programs over loopback: bad peers, kills, many clients, and programs that nobody here wrote.

mod hello;
mod support;
