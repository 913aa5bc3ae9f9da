//! File transfer: serve a directory, get, put and list.
