//! What every program needs of a network: addresses, doors, streams with deadlines, TLS, an orderly
//! end.
//!
//! 1. [`resolve`]: names and ports, every address of a name tried.
//! 2. [`listener`]: the accept loop; the suite's own semaphore limits the sessions.
//! 3. [`stream`]: one connection, plain or TLS, on which nothing waits without a deadline.
//! 4. [`tls`]: certificates and keys from PEM files, trusted roots.
//! 5. [`link`](mod@link): a protocol core driven over a stream.
//! 6. [`shutdown`]: the one wish that ends a program, and [`ready`] which waits for it and sockets.
//! 7. [`exit`]: exit codes and the last words of a program; [`log`] is for those before.

pub mod exit;
pub mod link;
pub mod listener;
pub mod log;
pub mod ready;
pub mod resolve;
pub mod shutdown;
pub mod stream;
pub mod tls;

pub use exit::{Exit, Failure};
pub use link::{Core, Link, Turn};
pub use listener::{BindError, Listener, Service, Visit};
pub use resolve::{Address, AddressError, ConnectError};
pub use shutdown::Shutdown;
pub use stream::{Stream, StreamError};
pub use tls::{ClientTls, ServerTls, TlsError};
