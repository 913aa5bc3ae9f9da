//! A greeting server and its clients, over TCP and UDP.
