//! Who may log in: names and secrets from a file, checked so that a wrong name and a wrong password
//! look and take the same.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Argon2, Params};
use zeroize::Zeroizing;

use crate::escape;
use crate::primitives::Semaphore;
use crate::programs::net::Exit;
use crate::programs::net::exit::EndsProgram;
use crate::protocols::pop3::Secret;
use crate::protocols::pop3::server::{Credentials, Proof};
use crate::sync::Os;

/// Before a password in clear text.
const PLAIN: &str = "{plain}";

/// Argon2 takes 19 MiB and a core for each password it looks at; more at once would only wait for
/// each other, with their memory.
const AT_ONCE: usize = 2;

/// The name of a user and of their mail drop below the root: 1 to 64 letters, digits and `._@+-`, no
/// dot at the beginning. So it is a single, visible part of a path, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserName(String);

impl UserName {
    /// The name, if it is one.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._@+-".contains(c);
        let is_name =
            (1..=64).contains(&name.len()) && name.chars().all(fits) && !name.starts_with('.');
        is_name.then(|| Self(name.to_owned()))
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The users of a server.
///
/// A file has a line `NAME:SECRET` for each; empty lines and those that begin with `#` say nothing.
/// A secret is an Argon2 hash as a PHC string (`$argon2id$…`, see [`hash`]), or `{plain}` and the
/// password in clear text, for tests and for APOP.
pub struct Users {
    secrets: BTreeMap<UserName, Kept>,
    /// What is compared for names that do not exist, at the price of those that do.
    decoy: Option<PasswordHash>,
    hashing: Semaphore<Os>,
}

enum Kept {
    Hash(Box<PasswordHash>),
    Plain(Secret),
}

impl Users {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, a line is wrong, or a name comes twice.
    pub fn from_file(file: &Path) -> Result<Self, UsersError> {
        let text = fs::read_to_string(file).map_err(|source| UsersError::Read {
            file: file.to_owned(),
            source,
        })?;
        Self::parse(&Zeroizing::new(text)).map_err(|(line, fault)| UsersError::Line {
            file: file.to_owned(),
            line,
            fault,
        })
    }

    fn parse(text: &str) -> Result<Self, (usize, &'static str)> {
        let mut secrets = BTreeMap::new();
        for (at, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, kept) = parse_line(line).map_err(|fault| (at + 1, fault))?;
            if secrets.insert(name, kept).is_some() {
                return Err((at + 1, "names a user a second time"));
            }
        }
        let decoy = secrets.values().find_map(|kept| match kept {
            Kept::Hash(hash) => Some((**hash).clone()),
            Kept::Plain(_) => None,
        });
        Ok(Self {
            secrets,
            decoy,
            hashing: Semaphore::new("password hashes", AT_ONCE),
        })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.secrets.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// Whether all secrets are in clear text, which APOP needs.
    #[must_use]
    pub fn know_all_passwords(&self) -> bool {
        self.decoy.is_none() && !self.is_empty()
    }

    /// The user, if they are who they say. Blocks while a password is hashed, and while others are.
    ///
    /// In a file with hashes everybody costs one hash: a user in clear text and a name that does not
    /// exist cost that of the first user who has one. Hashes should have the same parameters.
    #[must_use]
    pub fn authenticate(&self, credentials: &Credentials) -> Option<UserName> {
        let name = credentials.name.as_str().and_then(UserName::new);
        let known = name.as_ref().and_then(|name| self.secrets.get(name));
        let shown = match known {
            Some(Kept::Hash(hash)) => self.hashes_to(&credentials.proof, hash),
            Some(Kept::Plain(secret)) => {
                self.pretend(&credentials.proof);
                credentials.proof.shows(secret)
            }
            None => {
                self.pretend(&credentials.proof);
                false
            }
        };
        name.filter(|_| shown)
    }

    /// Takes as long as a hash does.
    fn pretend(&self, proof: &Proof) {
        if let Some(decoy) = &self.decoy {
            let _ = self.hashes_to(proof, decoy);
        }
    }

    fn hashes_to(&self, proof: &Proof, hash: &PasswordHash) -> bool {
        match proof {
            Proof::Password(password) => {
                let _permit = self.hashing.acquire();
                Argon2::default().verify_password(password, hash).is_ok()
            }
            // Needs the password itself.
            Proof::Apop { .. } => false,
        }
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

fn parse_line(line: &str) -> Result<(UserName, Kept), &'static str> {
    let (name, secret) = line
        .split_once(':')
        .ok_or("has no `:` between name and secret")?;
    let name = UserName::new(name)
        .ok_or("has a name other than 1 to 64 letters, digits and ._@+- without a dot in front")?;
    if let Some(password) = secret.strip_prefix(PLAIN) {
        let password = Secret::new(password).map_err(|_| "has a NUL or CR in its password")?;
        return Ok((name, Kept::Plain(password)));
    }
    let hash = PasswordHash::new(secret)
        .map_err(|_| "has neither an Argon2 hash nor {plain} before a password")?;
    let usable = hash.algorithm.as_str().starts_with("argon2")
        && hash.salt.is_some()
        && hash.hash.is_some()
        && Params::try_from(&hash).is_ok();
    if !usable {
        return Err("has a hash that is not a whole one of Argon2");
    }
    Ok((name, Kept::Hash(Box::new(hash))))
}

/// The secret to write into the file for a password: a PHC string with a salt of its own.
///
/// # Errors
/// When the system has no randomness.
pub fn hash(password: &[u8]) -> Result<String, argon2::password_hash::Error> {
    let hash: PasswordHash = Argon2::default().hash_password(password)?;
    Ok(hash.to_string())
}

/// Why there are no users.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// The file cannot be read.
    #[error("cannot read the users from {}: {source}", escape::line(&file.display().to_string()))]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line of it is wrong.
    #[error(
        "line {line} of {} {fault}; write NAME:HASH (crosscheck pop3 hash) or NAME:{{plain}}PASSWORD",
        escape::line(&file.display().to_string())
    )]
    Line {
        /// The file.
        file: PathBuf,
        /// Which line, counted from 1.
        line: usize,
        /// What is wrong with it.
        fault: &'static str,
    },
}

impl EndsProgram for UsersError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_part_of_a_path() {
        for name in [
            "alice",
            "alice@example.org",
            "a.b-c_d+e",
            "0",
            &"a".repeat(64),
        ] {
            assert!(UserName::new(name).is_some(), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            ".hidden",
            "a/b",
            "../x",
            "a\\b",
            "a b",
            "a\0",
            "a\n",
            "ä",
            &"a".repeat(65),
        ] {
            assert!(UserName::new(name).is_none(), "{name:?}");
        }
    }

    #[test]
    fn lines_are_names_and_secrets() {
        let hashed = hash(b"secret").expect("randomness");
        let users = Users::parse(&format!("# users\n\nalice:{hashed}\nbob:{{plain}}a b:c\n"))
            .unwrap_or_else(|(line, fault)| panic!("line {line} {fault}"));
        assert_eq!(users.len(), 2);
        assert!(!users.know_all_passwords());
        for (text, line) in [
            ("alice", 1),
            ("a:{plain}x\na:{plain}y", 2),
            ("a/b:{plain}x", 1),
            ("a:x", 1),
            ("a:$argon2id$v=19$m=8,t=1,p=1", 1),
            ("a:$pbkdf2-sha256$i=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo", 1),
            ("#\na:{SSHA}x", 2),
        ] {
            assert_eq!(
                Users::parse(text).err().map(|(line, _)| line),
                Some(line),
                "{text}"
            );
        }
    }
}
