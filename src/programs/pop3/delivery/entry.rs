//! What stays of a message from session to session.

use crate::protocols::pop3::Text;

/// A hash of the octets of a message, as they came.
pub(super) type Digest = blake3::Hash;

/// What a digest begins with where an older version wrote it in place of a unique identifier.
const BY_CONTENTS: &str = "blake3:";

/// What is remembered of a message that was delivered: under which identity, and which octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// What UIDL called it; `None` where the server has no name for it.
    pub(super) uid: Option<Text>,
    /// The octets that LIST said it has.
    pub(super) listed: Option<u64>,
    /// Of the octets that came; `None` where an older version has not kept it.
    pub(super) digest: Option<Digest>,
    pub(super) standing: Standing,
}

/// What may be done on the server with a message that was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It may be deleted.
    Delivered,
    /// It was the answer to what was asked, but had another size than announced, or none was: a second
    /// fetch has to give the same before it may be deleted.
    Odd,
    /// Nobody knows whether the octets were the answer to what was asked: a fetch of which that is
    /// known has to give the same.
    Unproved,
    /// It was marked as deleted, and QUIT was said: as long as that is not answered, what has its
    /// name may be another message.
    Doubted,
    /// The server does not have it any more. What comes with its name is another message.
    Gone,
}

impl Standing {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Delivered, "delivered"),
        (Self::Odd, "odd"),
        (Self::Unproved, "unproved"),
        (Self::Doubted, "doubted"),
        (Self::Gone, "gone"),
    ];
}

impl Entry {
    /// The entry of a line that an older version wrote: a unique identifier, or a digest where the
    /// server had none, and nothing else.
    pub(super) fn of_older_version(key: &str) -> Self {
        let digest = key.strip_prefix(BY_CONTENTS);
        let digest = digest.and_then(|hex| Digest::from_hex(hex).ok());
        Self {
            uid: match digest {
                Some(_) => None,
                None => Text::new(key).ok(),
            },
            listed: None,
            digest,
            standing: Standing::Delivered,
        }
    }

    /// As words of a line of the ledger: standing, size, digest and name, `-` for what is not known.
    pub(super) fn write(&self) -> String {
        let standing = Standing::ALL
            .iter()
            .find(|(standing, _)| *standing == self.standing);
        let standing = standing.map_or("-", |(_, word)| word);
        let digest = self.digest.map(|digest| digest.to_hex().to_string());
        format!(
            "{standing} {} {} {}",
            number(self.listed),
            digest.as_deref().unwrap_or(NOTHING),
            name(self.uid.as_ref())
        )
    }

    /// Reads what [`Entry::write`] has written.
    pub(super) fn read(words: [&str; 4]) -> Option<Self> {
        let [standing, listed, digest, uid] = words;
        let standing = Standing::ALL.iter().find(|(_, word)| *word == standing)?.0;
        Some(Self {
            uid: read_name(uid)?,
            listed: read_number(listed)?,
            digest: match digest {
                NOTHING => None,
                hex => Some(Digest::from_hex(hex).ok()?),
            },
            standing,
        })
    }
}

/// A message whose answer was out of step: it is asked for again when there is nothing else to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Suspect {
    /// What UIDL called it.
    pub(super) uid: Option<Text>,
    /// The octets that LIST said it has.
    pub(super) listed: Option<u64>,
    /// How often it was asked for in vain.
    pub(super) attempts: u64,
}

impl Suspect {
    /// As words of a line of the ledger: attempts, size and name.
    pub(super) fn write(&self) -> String {
        let (listed, name) = (number(self.listed), name(self.uid.as_ref()));
        format!("{} {listed} {name}", self.attempts)
    }

    /// Reads what [`Suspect::write`] has written.
    pub(super) fn read(words: [&str; 3]) -> Option<Self> {
        let [attempts, listed, uid] = words;
        Some(Self {
            uid: read_name(uid)?,
            listed: read_number(listed)?,
            attempts: attempts.parse().ok()?,
        })
    }
}

/// Stands for what is not known.
const NOTHING: &str = "-";

fn number(number: Option<u64>) -> String {
    number.map_or_else(|| NOTHING.to_owned(), |number| number.to_string())
}

fn read_number(word: &str) -> Option<Option<u64>> {
    match word {
        NOTHING => Some(None),
        digits => digits.parse().ok().map(Some),
    }
}

/// A name without what would end a word or a line, or be no text; a `-` of its own is escaped too.
fn name(uid: Option<&Text>) -> String {
    let Some(uid) = uid else {
        return NOTHING.to_owned();
    };
    let mut name = String::new();
    for octet in uid.as_bytes() {
        match octet {
            b'%' | b'-' => name += &format!("%{octet:02x}"),
            graphic if graphic.is_ascii_graphic() => name.push(char::from(*graphic)),
            other => name += &format!("%{other:02x}"),
        }
    }
    name
}

fn read_name(word: &str) -> Option<Option<Text>> {
    if word == NOTHING {
        return Some(None);
    }
    let mut octets = Vec::new();
    let mut rest = word.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let digit = |octet: u8| char::from(octet).to_digit(16);
        let value = 16 * digit(rest.next()?)? + digit(rest.next()?)?;
        octets.push(u8::try_from(value).ok()?);
    }
    Text::new(octets).ok().map(Some)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_of_a_message_is_read_again(
            uid in prop::option::of(prop::collection::vec(any::<u8>(), 1..80)),
            listed in prop::option::of(any::<u64>()),
            digest in prop::option::of(any::<[u8; 32]>()),
            standing in prop::sample::select(Standing::ALL.map(|(standing, _)| standing).to_vec()),
            attempts in any::<u64>(),
        ) {
            let uid = uid.and_then(|octets| Text::new(octets).ok());
            let entry = Entry { uid: uid.clone(), listed, digest: digest.map(Digest::from), standing };
            let written = entry.write();
            let words: Vec<&str> = written.split(' ').collect();
            let words = words.try_into().expect("four words");
            prop_assert_eq!(Entry::read(words), Some(entry));
            let suspect = Suspect { uid, listed, attempts };
            let written = suspect.write();
            let words: Vec<&str> = written.split(' ').collect();
            let words = words.try_into().expect("three words");
            prop_assert_eq!(Suspect::read(words), Some(suspect));
        }
    }
}
