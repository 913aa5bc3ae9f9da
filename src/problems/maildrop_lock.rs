//! POP3 sessions on maildrops: one at a time on each, and deletions only by QUIT (RFC 1939).
//!
//! Some sessions want the same maildrop, others have one each. A session that finds its maildrop
//! in use is refused at once. The others read it, mark a message for deletion, and end by QUIT, when
//! the marked message is deleted, or by a lost connection. How each ends is a recorded choice.
//!
//! The invariant: one session at a time on a maildrop, deleted is what was marked by those who quit
//! and nothing else, and in the end no maildrop is locked. In the wrong variant a session whose
//! connection is lost keeps the lock.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Problem, Variant, team};
use crate::primitives::MaildropLocks;
use crate::scenario::{
    Instance, Memory, Parameter, Property, Scenario, Truth, Zone, reached, require,
};
use crate::sync::{Backend, Shared, choose, run_threads};

/// The problem and its variants.
#[must_use]
pub fn problem() -> Problem {
    Problem {
        id: "maildrop-lock",
        summary: "one POP3 session at a time on a maildrop, deletions by QUIT only",
        variants: vec![
            Variant {
                program: Arc::new(Sessions {
                    name: "maildrop-lock/exclusive",
                    rule: Rule::Exclusive,
                }),
                summary: "a session lets go of its maildrop on every path",
                truth: Truth {
                    failures: &[(
                        Property::Reachability,
                        Memory::SequentiallyConsistent,
                        // Nobody to be refused.
                        |instance, _| instance.number("n") < 2,
                    )],
                },
            },
            Variant {
                program: Arc::new(Sessions {
                    name: "maildrop-lock/leak",
                    rule: Rule::Leak,
                }),
                summary: "a session whose connection is lost keeps the lock",
                truth: Truth {
                    failures: &[(
                        Property::Invariant,
                        Memory::SequentiallyConsistent,
                        |_, _| true,
                    )],
                },
            },
        ],
    }
}

/// A session finds its maildrop in use.
const REFUSED: &str = "a second session is refused";
/// Locks of different maildrops do not exclude each other.
const TOGETHER: &str = "two maildrops open at once";

/// `n` sessions on one maildrop and `others` on one each.
struct Sessions {
    name: &'static str,
    rule: Rule,
}

/// What becomes of the lock when a connection is lost.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Exclusive,
    Leak,
}

impl Scenario for Sessions {
    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        let n = match self.rule {
            Rule::Exclusive => 2,
            Rule::Leak => 1,
        };
        vec![
            Parameter::number("n", "sessions on the same maildrop", n, (1, 32)),
            Parameter::number("others", "sessions on maildrops of their own", 1, (1, 32)),
            Parameter::number("rounds", "sessions of each client", 1, (1, 1000)),
        ]
    }

    fn properties(&self) -> Vec<Property> {
        let mut properties = vec![
            Property::DeadlockFreedom,
            Property::MutualExclusion,
            Property::DataRaceFreedom,
            Property::Invariant,
        ];
        if self.rule == Rule::Exclusive {
            properties.push(Property::Reachability);
        }
        properties
    }

    fn marks(&self) -> Vec<&'static str> {
        match self.rule {
            Rule::Exclusive => vec![REFUSED, TOGETHER],
            Rule::Leak => Vec::new(),
        }
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let (n, rounds) = (instance.number("n"), instance.number("rounds"));
        let office = Office::<B>::new(self.rule, n, instance.number("others"), rounds);
        let client = |me| {
            for round in 0..rounds {
                office.session(me, round);
            }
        };
        run_threads::<B>(team("client", office.clients.len(), &client));
        office.check_at_rest();
    }
}

/// The server's state and its clients.
struct Office<B: Backend> {
    rule: Rule,
    locks: MaildropLocks<B, usize>,
    maildrops: Vec<Maildrop<B>>,
    clients: Vec<Client<B>>,
    /// How many messages each maildrop has at first.
    messages: usize,
}

struct Maildrop<B: Backend> {
    session: Zone<B>,
    /// Plain memory that the lock has to protect: the numbers of the messages that are there.
    messages: Shared<B, BTreeSet<usize>>,
}

struct Client<B: Backend> {
    /// Whose maildrop it opens.
    maildrop: usize,
    /// The messages whose deletion it has seen to the end. Its own memory.
    deleted: Shared<B, BTreeSet<usize>>,
}

impl<B: Backend> Office<B> {
    fn new(rule: Rule, n: usize, others: usize, rounds: usize) -> Self {
        let clients = n + others;
        // One for each round of each client.
        let messages = clients * rounds;
        Self {
            rule,
            locks: MaildropLocks::new("maildrops"),
            maildrops: (0..=others)
                .map(|i| Maildrop {
                    session: Zone::exclusive(("maildrop", i)),
                    messages: Shared::new(("messages", i), (0..messages).collect()),
                })
                .collect(),
            clients: (0..clients)
                .map(|i| Client {
                    maildrop: (i + 1).saturating_sub(n),
                    deleted: Shared::new(("deleted", i), BTreeSet::new()),
                })
                .collect(),
            messages,
        }
    }

    /// USER and PASS, DELE of one message, and QUIT or nothing.
    fn session(&self, me: usize, round: usize) {
        let client = &self.clients[me];
        let store = &self.maildrops[client.maildrop];
        let Ok(mut maildrop) = self.locks.try_open(client.maildrop) else {
            reached::<B>(REFUSED);
            return;
        };
        let stay = store.session.enter();
        if self.locks.open() > 1 {
            reached::<B>(TOGETHER);
        }
        let message = me + self.clients.len() * round;
        let there = store.messages.with(|messages| messages.contains(&message));
        require::<B>(Property::Invariant, there, || {
            format!("message {message} is gone, and nobody else deletes it")
        });
        maildrop.mark(message);
        let quits = choose::<B>(("client quits", me), 2) == 1;
        if quits {
            maildrop.commit(|marks| {
                store.messages.with_mut(|messages| {
                    messages.retain(|message| !marks.contains(message));
                });
                client.deleted.with_mut(|deleted| deleted.insert(message));
                drop(stay);
            });
        } else {
            drop(stay);
            if self.rule == Rule::Leak {
                // An early return from a server that unlocks by hand, in QUIT only.
                std::mem::forget(maildrop);
            }
        }
    }

    /// When every client has gone.
    fn check_at_rest(&self) {
        for (number, maildrop) in self.maildrops.iter().enumerate() {
            let deleted: BTreeSet<usize> = self
                .clients
                .iter()
                .filter(|client| client.maildrop == number)
                .flat_map(|client| client.deleted.with(BTreeSet::clone))
                .collect();
            maildrop.messages.with(|messages| {
                let right = deleted.is_disjoint(messages)
                    && deleted.len() + messages.len() == self.messages;
                require::<B>(Property::Invariant, right, || {
                    format!("of maildrop {number} {deleted:?} were deleted, {messages:?} are left")
                });
            });
        }
        let locked = self.locks.open();
        require::<B>(Property::Invariant, locked == 0, || {
            format!("{locked} maildrops are locked and nobody is there")
        });
    }
}
