//! The Post Office Protocol, version 3 (RFC 1939), server and client.
