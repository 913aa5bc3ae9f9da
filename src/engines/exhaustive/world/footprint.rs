//! Which operations depend on each other: what each touches, and how.
//!
//! The relation is static: two operations are independent only if they commute in every state in
//! which both are enabled, whatever the counts are. (Takes that would commute because units abound
//! are dependent here: the finer relation is sound for sleep sets, but not for happens-before.)

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// A part of the model's state: an object, or a member of a set.
pub type Location = u32;

/// How an operation touches a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Access {
    /// Takes units, waiting until they are free.
    Take,
    /// Takes units as readers do, or only tests that they are free.
    SharedTake,
    /// Gives units back.
    Give,
    /// Gives units back as readers do.
    SharedGive,
    /// Joins the queue of an object that serves in the order of arrival.
    Request,
    /// Goes on because units were handed over.
    Granted,
    /// Takes units or learns that they are not free; looks at the units.
    Try,
    /// Reads.
    Read,
    /// Writes, or anything that commutes with nothing.
    Write,
}

impl Access {
    const ALL: [Self; 9] = [
        Self::Take,
        Self::SharedTake,
        Self::Give,
        Self::SharedGive,
        Self::Request,
        Self::Granted,
        Self::Try,
        Self::Read,
        Self::Write,
    ];

    /// Whether the order of two operations that touch one location in these ways matters.
    #[inline]
    #[must_use]
    pub fn conflicts(self, other: Self) -> bool {
        CONFLICTS[self as usize] & (1 << other as u8) != 0
    }

    /// Half of the relation; the other half follows by symmetry.
    const fn conflicts_with(self) -> &'static [Self] {
        match self {
            Self::Take => &[
                Self::Take,
                Self::SharedTake,
                Self::Give,
                Self::SharedGive,
                Self::Try,
            ],
            // Readers come and go without each other's notice.
            Self::SharedTake => &[Self::Give, Self::Try],
            // Gives commute with each other, and with requests: the queue is served from its head
            // either way, and by the time both are done the same requests have been granted.
            Self::Give => &[Self::Granted, Self::Try],
            Self::SharedGive => &[Self::Granted, Self::Try],
            Self::Request => &[Self::Request, Self::Try],
            Self::Granted => &[],
            Self::Try => &[Self::Try],
            Self::Read => &[],
            Self::Write => &Self::ALL,
        }
    }
}

const CONFLICTS: [u16; Access::ALL.len()] = {
    let mut table = [0; Access::ALL.len()];
    let mut one = 0;
    while one < Access::ALL.len() {
        let others = Access::ALL[one].conflicts_with();
        let mut other = 0;
        while other < others.len() {
            table[one] |= 1 << others[other] as u8;
            table[others[other] as usize] |= 1 << one as u8;
            other += 1;
        }
        one += 1;
    }
    table
};

/// A location and how it is touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Touch {
    /// Which location.
    pub location: Location,
    /// How.
    pub access: Access,
}

/// Everything that an operation touches.
pub type Footprint = SmallVec<[Touch; 2]>;

/// Whether operations of two threads with these footprints depend on each other.
#[inline]
#[must_use]
pub fn dependent(one: &[Touch], other: &[Touch]) -> bool {
    one.iter().any(|a| {
        other
            .iter()
            .any(|b| a.location == b.location && a.access.conflicts(b.access))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relation_is_symmetric() {
        for one in Access::ALL {
            for other in Access::ALL {
                assert_eq!(
                    one.conflicts(other),
                    other.conflicts(one),
                    "{one:?} {other:?}"
                );
            }
        }
    }

    #[test]
    fn gives_commute_and_takes_do_not() {
        assert!(!Access::Give.conflicts(Access::Give));
        assert!(Access::Take.conflicts(Access::Take));
        assert!(Access::Take.conflicts(Access::Give));
        assert!(!Access::SharedTake.conflicts(Access::SharedGive));
        assert!(!Access::Read.conflicts(Access::Read));
        assert!(!Access::Granted.conflicts(Access::Try));
        assert!(Access::Write.conflicts(Access::Read));
    }
}
