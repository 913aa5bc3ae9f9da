//! Laws of the protocols, with arbitrary bytes in arbitrary pieces.

mod pop3;
