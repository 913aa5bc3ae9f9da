//! 128-bit digests of what a thread has seen and of what an object holds.
//!
//! Two independent 64-bit lanes, each mixed by multiplication. Not cryptographic. Some words are
//! digests of 64 bits themselves (plain data, needs), so for k different ones among them a program
//! that is not written to collide does so with probability about k²/2⁶⁵.

/// A digest that grows by words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    low: u64,
    high: u64,
}

const LOW: u64 = 0x9e37_79b9_7f4a_7c15;
const HIGH: u64 = 0xd6e8_feb8_6659_fd93;

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

impl From<u128> for Digest {
    fn from(number: u128) -> Self {
        Self {
            low: number as u64,
            high: (number >> 64) as u64,
        }
    }
}

impl Digest {
    /// The digest of no words under a seed.
    #[inline]
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            low: seed ^ HIGH,
            high: seed.rotate_left(32) ^ LOW,
        }
        .with(seed)
    }

    /// One word more; the order of words matters.
    #[inline]
    #[must_use]
    pub fn with(self, word: u64) -> Self {
        Self {
            low: fold(self.low ^ word ^ LOW, LOW | 1) ^ self.low.rotate_left(29),
            high: fold(self.high ^ word ^ HIGH, HIGH | 1) ^ self.high.rotate_left(37),
        }
    }

    /// Another digest as one word more.
    #[inline]
    #[must_use]
    pub fn with_digest(self, other: Self) -> Self {
        self.with(other.low).with(other.high)
    }

    /// The sum of two digests: the order of summands does not matter.
    #[inline]
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            low: self.low.wrapping_add(other.low),
            high: self.high.wrapping_add(other.high),
        }
    }

    /// As a number.
    #[inline]
    #[must_use]
    pub fn as_u128(self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.low)
    }

    /// Half of it.
    #[inline]
    #[must_use]
    pub fn as_u64(self) -> u64 {
        self.low ^ self.high.rotate_left(32)
    }
}
