//! A part of the model, and what it adds to the key of the state: worked out when it is asked for,
//! and kept until the part changes.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};

use super::digest::Digest;

/// A part of the model.
#[derive(Debug)]
pub(super) struct Part<T> {
    value: T,
    /// Nobody has had the part to change since this was worked out.
    digest: Cell<Option<Digest>>,
}

impl<T> Part<T> {
    /// The digest of the part, which `digest` works out.
    #[inline]
    pub(super) fn digest(&self, digest: impl FnOnce(&T) -> Digest) -> Digest {
        self.digest.get().unwrap_or_else(|| {
            let digest = digest(&self.value);
            self.digest.set(Some(digest));
            digest
        })
    }
}

impl<T> From<T> for Part<T> {
    fn from(value: T) -> Self {
        Self {
            value,
            digest: Cell::new(None),
        }
    }
}

impl<T: Clone> Clone for Part<T> {
    fn clone(&self) -> Self {
        Self {
            value: self.value.clone(),
            digest: self.digest.clone(),
        }
    }

    fn clone_from(&mut self, other: &Self) {
        self.value.clone_from(&other.value);
        self.digest.set(other.digest.get());
    }
}

impl<T> Deref for Part<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Part<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.digest.set(None);
        &mut self.value
    }
}
