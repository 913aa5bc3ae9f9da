//! Messages into a mailbox, none lost and none twice, whenever the process dies.
//!
//! 1. `deliveries`: the messages of one account, staged, promised and put in their place in batches.
//! 2. `register`: which messages of a session were delivered before.
//! 3. `entry`: what stays of a message from session to session.
//! 4. `ledger`: what was promised, and what was delivered.
//! 5. `mailbox`: what a mailbox has to do for that.
//! 6. `maildir`: a file for each message.
//! 7. `mbox`: all messages in one file.
//! 8. `mboxrd`: what a message looks like in an mbox.
//! 9. `text`: the ends of lines.
//! 10. `lock`: files that are opened and locked at once.
//! 11. `steps`: what leaves something on the disk, and who looks at it.

mod deliveries;
mod entry;
mod ledger;
mod lock;
mod mailbox;
mod maildir;
mod mbox;
mod mboxrd;
mod register;
mod steps;
mod text;

pub use deliveries::{Arrival, Break, Deliveries, Delivery, DeliveryError};
pub use mailbox::Format;
pub use register::{Course, Offer};
pub use steps::{Step, Steps};
