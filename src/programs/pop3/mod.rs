//! A POP3 server over Maildir, and a client that delivers to one.
