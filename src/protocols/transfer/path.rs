//! Names that a peer may use: relative, without a way out, and printable once escaped.

use std::fmt;

use crate::escape::Escaped;

/// The longest path in bytes.
pub const MAX_PATH: usize = 4096;

/// The longest component of a path in bytes.
pub const MAX_COMPONENT: usize = 255;

/// A path beneath the served directory: components between single slashes, at least one.
///
/// A component has 1 to 255 bytes of UTF-8 and is neither `.` nor `..`; there is no NUL, no line
/// feed and no carriage return, and the whole has at most 4096 bytes. Whether a component is a symbolic link is for the
/// file system to find out.
///
/// ```
/// use crosscheck::protocols::transfer::RelativePath;
///
/// let path = RelativePath::new("music/one.ogg")?;
/// assert_eq!(path.components().collect::<Vec<_>>(), ["music", "one.ogg"]);
/// assert!(RelativePath::new("../secret").is_err());
/// # Ok::<(), crosscheck::protocols::transfer::PathError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelativePath(String);

impl RelativePath {
    /// Checks a path.
    ///
    /// # Errors
    /// When a peer may not use it; the error says which part is wrong.
    pub fn new(path: impl Into<String>) -> Result<Self, PathError> {
        let path = path.into();
        if path.is_empty() {
            return Err(PathError::Empty);
        }
        if path.len() > MAX_PATH {
            return Err(PathError::TooLong { length: path.len() });
        }
        if path.starts_with('/') {
            return Err(PathError::Absolute);
        }
        for component in path.split('/') {
            match component {
                "" => return Err(PathError::EmptyComponent),
                "." | ".." => return Err(PathError::Dots),
                _ if component.len() > MAX_COMPONENT => {
                    return Err(PathError::ComponentTooLong {
                        length: component.len(),
                    });
                }
                _ => {}
            }
        }
        if path.contains(['\0', '\n', '\r']) {
            return Err(PathError::Control);
        }
        Ok(Self(path))
    }

    /// Checks a path that came as bytes.
    ///
    /// # Errors
    /// As [`RelativePath::new`], and when the bytes are not UTF-8.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PathError> {
        if bytes.len() > MAX_PATH {
            return Err(PathError::TooLong {
                length: bytes.len(),
            });
        }
        let path = str::from_utf8(bytes).map_err(|_| PathError::NotUtf8)?;
        Self::new(path)
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its components, the outermost directory first.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// Its last component.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The directory that it is in; `None` directly beneath the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (parent, _) = self.0.rsplit_once('/')?;
        Some(Self(parent.to_owned()))
    }

    /// The path of something in this directory.
    ///
    /// # Errors
    /// When the name is no component, or the whole is too long.
    pub fn join(&self, name: &str) -> Result<Self, PathError> {
        Self::new(format!("{}/{name}", self.0))
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Escaped(self.0.as_bytes()))
    }
}

/// Why a peer may not use a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// There is nothing.
    #[error("the name is empty; name a file")]
    Empty,
    /// It starts at the root of the file system.
    #[error("the name is absolute; name it relative to the served directory")]
    Absolute,
    /// Two slashes in a row, or one at the end.
    #[error("a part of the name is empty; write single slashes between the parts")]
    EmptyComponent,
    /// A component is `.` or `..`.
    #[error("a part of the name is `.` or `..`; name what is beneath the served directory")]
    Dots,
    /// A component is too long for a file system.
    #[error("a part of the name has {length} bytes, 255 are possible")]
    ComponentTooLong {
        /// Its bytes.
        length: usize,
    },
    /// The whole is too long.
    #[error("the name has {length} bytes, 4096 are possible")]
    TooLong {
        /// Its bytes.
        length: usize,
    },
    /// It has a NUL, a line feed or a carriage return.
    #[error("the name has a NUL or a line break")]
    Control,
    /// It is not UTF-8.
    #[error("the name is not UTF-8")]
    NotUtf8,
}
