//! Messages into a mailbox, none lost and none twice, whenever the process dies.
//!
//! 1. `deliveries`: the messages of one account, staged, promised and put in their place in batches.
//! 2. `ledger`: what was promised, and what was delivered.
//! 3. `mailbox`: what a mailbox has to do for that.
//! 4. `maildir`: a file for each message.
//! 5. `mbox`: all messages in one file.
//! 6. `mboxrd`: what a message looks like in an mbox.
//! 7. `text`: the ends of lines.
//! 8. `lock`: files that are opened and locked at once.

mod deliveries;
mod ledger;
mod lock;
mod mailbox;
mod maildir;
mod mbox;
mod mboxrd;
mod text;

pub use deliveries::{Deliveries, Delivery, DeliveryError};
pub use ledger::Key;
pub use mailbox::Format;
