//! What is changed at a site, and the table of what is changed at all.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};

use super::site::{Detail, Next, Operation, Site, Sites};

/// A change of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It does not happen. Of a lock, the unlock does not either.
    Drop,
    /// It happens twice.
    Double,
    /// It happens after the P that follows it, and no longer before.
    Swap(Site),
    /// A semaphore begins with one unit more in this member.
    More(usize),
    /// A semaphore begins with one unit less in this member.
    Fewer(usize),
    /// The step leaves out the member in this place.
    Without(usize),
    /// One waiter is notified instead of all.
    One,
    /// The condition is not tested again after a wait: `if` for `while`.
    TestOnce,
    /// The memory order is this one.
    Weaken(Ordering),
    /// The memory order of an exchange that only reads is this one.
    WeakenFailure(Ordering),
}

/// One change at one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutation {
    /// Unique among the mutations of a program, and the same when lines move: `drop V(mutex)`, or
    /// `drop V(mutex) #2` for the second of such sites.
    pub id: String,
    /// Where.
    pub site: Site,
    /// What.
    pub change: Change,
}

impl Mutation {
    /// Whether a machine with sequential consistency may not notice it.
    #[must_use]
    pub fn is_of_memory_order(&self) -> bool {
        self.site.operation == Operation::Fence
            || matches!(self.change, Change::Weaken(_) | Change::WeakenFailure(_))
    }
}

/// Every mutation of a program with these sites, in the order of its text.
#[must_use]
pub fn mutations(sites: &Sites) -> Vec<Mutation> {
    let mut like: BTreeMap<(Operation, &str), Vec<&Site>> = BTreeMap::new();
    for site in sites.keys() {
        let key = (site.operation, site.object);
        like.entry(key).or_default().push(site);
    }
    let mut all = Vec::new();
    for (site, seen) in sites {
        let same = &like[&(site.operation, site.object)];
        let ordinal = match same.iter().position(|other| *other == site) {
            Some(at) if same.len() > 1 => format!(" #{}", at + 1),
            _ => String::new(),
        };
        let what = format!("{site}{ordinal}");
        for (text, change) in changes(site, &seen.detail, seen.next, &what) {
            all.push(Mutation {
                id: text,
                site: *site,
                change,
            });
        }
    }
    all
}

/// The changes of an operation, with their texts.
fn changes(site: &Site, detail: &Detail, next: Next, what: &str) -> Vec<(String, Change)> {
    let drop = || (format!("drop {what}"), Change::Drop);
    let double = || (format!("double {what}"), Change::Double);
    match site.operation {
        Operation::New => initial(site, detail),
        Operation::P => {
            let mut changes = vec![drop()];
            if let Next::Always(next) = next
                && next != *site
            {
                changes.push((format!("swap {what} and {next}"), Change::Swap(next)));
            }
            changes
        }
        Operation::V => vec![drop(), double()],
        Operation::Swait => [vec![drop()], without(detail, what)].concat(),
        Operation::Ssignal => [vec![drop(), double()], without(detail, what)].concat(),
        Operation::TryP | Operation::Arrive | Operation::NotifyOne | Operation::Unpark => {
            vec![drop()]
        }
        Operation::Lock => vec![(format!("drop {what} and its unlock"), Change::Drop)],
        Operation::TestAgain => vec![(format!("if for while in {what}"), Change::TestOnce)],
        Operation::NotifyAll => vec![(format!("notify one for {what}"), Change::One), drop()],
        Operation::Load | Operation::Store | Operation::Modify => weaker(site, detail, what),
        Operation::Fence => [vec![drop()], weaker(site, detail, what)].concat(),
    }
}

fn initial(site: &Site, detail: &Detail) -> Vec<(String, Change)> {
    let Detail::Free(free) = detail else {
        return Vec::new();
    };
    let mut changes = Vec::new();
    for (member, &units) in free.iter().enumerate() {
        let name = match free.len() {
            1 => site.object.to_owned(),
            _ => format!("{}[{member}]", site.object),
        };
        changes.push((format!("one unit more in {name}"), Change::More(member)));
        if units > 0 {
            changes.push((format!("one unit less in {name}"), Change::Fewer(member)));
        }
    }
    changes
}

/// A step on several members leaves out one.
fn without(detail: &Detail, what: &str) -> Vec<(String, Change)> {
    match detail {
        Detail::Members(members @ 2..) => (0..*members)
            .map(|at| {
                let text = format!("{what} without its member {}", at + 1);
                (text, Change::Without(at))
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The memory order, one step weaker in each way that there is.
fn weaker(site: &Site, detail: &Detail, what: &str) -> Vec<(String, Change)> {
    let &Detail::Orders(order, failure) = detail else {
        return Vec::new();
    };
    let steps: &[Ordering] = match (site.operation, order) {
        (Operation::Load, SeqCst) => &[Acquire],
        (Operation::Store, SeqCst) => &[Release],
        (_, SeqCst) => &[AcqRel],
        (_, AcqRel) => &[Acquire, Release],
        // There is no such thing as a relaxed fence.
        (Operation::Fence, _) => &[],
        (_, Acquire | Release) => &[Relaxed],
        _ => &[],
    };
    let mut changes: Vec<(String, Change)> = steps
        .iter()
        .map(|step| {
            let text = format!("{what} {step:?} for {order:?}");
            (text, Change::Weaken(*step))
        })
        .collect();
    let failure = match failure {
        Some(SeqCst) => Some((SeqCst, Acquire)),
        Some(Acquire) => Some((Acquire, Relaxed)),
        _ => None,
    };
    if let Some((order, step)) = failure {
        let text = format!("{what} on failure {step:?} for {order:?}");
        changes.push((text, Change::WeakenFailure(step)));
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::super::site::Seen;
    use super::*;

    fn site(operation: Operation, object: &'static str, line: u32) -> Site {
        Site {
            file: "made/up.rs",
            line,
            column: 1,
            operation,
            object,
        }
    }

    fn ids(sites: impl IntoIterator<Item = (Site, Detail, Next)>) -> Vec<String> {
        let sites: Sites = sites
            .into_iter()
            .map(|(site, detail, next)| (site, Seen { detail, next }))
            .collect();
        let mutations = mutations(&sites);
        mutations.into_iter().map(|mutation| mutation.id).collect()
    }

    #[test]
    fn sites_that_read_alike_are_numbered_in_the_order_of_the_text() {
        let mutex = site(Operation::P, "mutex", 7);
        let found = ids([
            (
                site(Operation::New, "empty", 1),
                Detail::Free(vec![2]),
                Next::Unknown,
            ),
            (
                site(Operation::New, "full", 2),
                Detail::Free(vec![0]),
                Next::Unknown,
            ),
            (
                site(Operation::P, "empty", 6),
                Detail::None,
                Next::Always(mutex),
            ),
            (mutex, Detail::None, Next::Another),
            (site(Operation::V, "mutex", 9), Detail::None, Next::Unknown),
            (site(Operation::V, "mutex", 8), Detail::None, Next::Unknown),
        ]);
        assert_eq!(
            found,
            [
                "one unit more in empty",
                "one unit less in empty",
                "one unit more in full",
                "drop P(empty)",
                "swap P(empty) and P(mutex)",
                "drop P(mutex)",
                "drop V(mutex) #1",
                "double V(mutex) #1",
                "drop V(mutex) #2",
                "double V(mutex) #2",
            ]
        );
    }

    #[test]
    fn orders_are_weakened_by_one_step() {
        let found = ids([
            (
                site(Operation::Load, "flag", 1),
                Detail::Orders(SeqCst, None),
                Next::Unknown,
            ),
            (
                site(Operation::Store, "flag", 2),
                Detail::Orders(Release, None),
                Next::Unknown,
            ),
            (
                site(Operation::Store, "flag", 3),
                Detail::Orders(Relaxed, None),
                Next::Unknown,
            ),
            (
                site(Operation::Modify, "s", 4),
                Detail::Orders(AcqRel, Some(Acquire)),
                Next::Unknown,
            ),
            (
                site(Operation::Fence, "fence", 5),
                Detail::Orders(SeqCst, None),
                Next::Unknown,
            ),
        ]);
        assert_eq!(
            found,
            [
                "load(flag) Acquire for SeqCst",
                "store(flag) #1 Relaxed for Release",
                "modify(s) Acquire for AcqRel",
                "modify(s) Release for AcqRel",
                "modify(s) on failure Relaxed for Acquire",
                "drop fence",
                "fence AcqRel for SeqCst",
            ]
        );
    }
}
