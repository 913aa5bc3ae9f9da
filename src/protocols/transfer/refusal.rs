//! Why a command or a session fails, as the peers tell each other.

use std::fmt;

use crate::escape::Escaped;

/// The longest text of a refusal, in bytes; longer ones are cut at a character.
pub const MAX_TEXT: usize = 1024;

/// A reason with a number on the wire, and a text for people.
///
/// The text of a peer is data: escape it before a terminal sees it, as `Display` does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    reason: Reason,
    text: String,
}

impl Refusal {
    /// A refusal with a text of at most [`MAX_TEXT`] bytes; the rest of a longer one is dropped.
    pub fn new(reason: Reason, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.len() > MAX_TEXT {
            text.truncate(text.floor_char_boundary(MAX_TEXT));
        }
        Self { reason, text }
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// In words, as they came.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.text.is_empty() {
            write!(f, "{}", self.reason)
        } else {
            write!(f, "{}: {}", self.reason, Escaped(self.text.as_bytes()))
        }
    }
}

impl std::error::Error for Refusal {}

macro_rules! reasons {
    ($($number:literal $name:ident $text:literal),* $(,)?) => {
        /// Why, as a number on the wire.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $(#[doc = concat!("On the wire ", $number, ": ", $text, ".")] $name,)*
            /// A number that this version does not know.
            Other(u16),
        }

        impl Reason {
            /// All that have a name.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The number on the wire.
            #[must_use]
            pub fn number(self) -> u16 {
                match self {
                    $(Self::$name => $number,)*
                    Self::Other(number) => number,
                }
            }

            /// The reason of a number.
            #[must_use]
            pub fn of(number: u16) -> Self {
                match number {
                    $($number => Self::$name,)*
                    number => Self::Other(number),
                }
            }
        }

        impl fmt::Display for Reason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name => f.write_str($text),)*
                    Self::Other(number) => write!(f, "reason {number}"),
                }
            }
        }
    };
}

reasons! {
    1 Protocol "the peer broke the protocol",
    2 Version "no version in common",
    3 Name "the name is not allowed",
    4 NotFound "no such file or directory",
    5 Kind "not a regular file or directory, as wanted",
    6 Denied "not permitted",
    7 Exists "the target exists",
    8 PrefixDiffers "the part that is there already differs",
    9 OffsetBeyondEnd "more is there already than the file has",
    10 SourceChanged "the file changed while it was sent",
    11 Corrupt "length or digest of the file are wrong",
    12 NoSpace "no space left",
    13 TooSlow "too slow",
    14 Busy "another transfer of this file is running",
    15 Shutdown "the server is shutting down",
    16 Failed "the file system failed",
    17 Cancelled "cancelled",
}
