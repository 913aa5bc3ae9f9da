//! File transfer over one byte stream, server and client.
