//! Any commands, with connections that break anywhere, against a directory of ten lines.

use std::collections::{BTreeMap, BTreeSet};

use crosscheck::protocols::transfer::{EntryKind, Outcome, Reason};
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::strategies::{content, cuts, cutter, name};
use super::world::{Command, Disk, File, Pair};

/// The server's directory, and what the client has: names and contents, no protocol.
#[derive(Clone, Debug, Default)]
struct Directory {
    files: BTreeMap<String, Vec<u8>>,
    directories: BTreeSet<String>,
    /// The client's files.
    mine: BTreeMap<String, Vec<u8>>,
}

#[derive(Clone, Debug)]
enum Action {
    /// The client makes a file of its own.
    Write(String, Vec<u8>),
    /// A command, run to its end in pieces of those sizes.
    Run(Command, Vec<usize>),
    /// A command whose connection breaks after so many steps in pieces of those sizes; then the
    /// same again, to be resumed where that is asked for.
    Break(Command, usize, Vec<usize>),
}

/// What a command has to come to.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Done,
    Refused(Reason),
    /// Names and lengths; `None` is a directory.
    Entries(Vec<(String, Option<usize>)>),
    /// The client has nothing to send.
    Nothing,
}

impl Directory {
    fn has_parent(&self, path: &str) -> bool {
        path.rsplit_once('/')
            .is_none_or(|(parent, _)| self.directories.contains(parent))
    }

    fn run(&mut self, command: &Command) -> Expected {
        match command {
            Command::Get { path, .. } => match self.files.get(path) {
                Some(bytes) => {
                    self.mine.insert(path.clone(), bytes.clone());
                    Expected::Done
                }
                None if self.directories.contains(path) => Expected::Refused(Reason::Kind),
                None => Expected::Refused(Reason::NotFound),
            },
            Command::Put {
                path, overwrite, ..
            } => {
                let Some(bytes) = self.mine.get(path) else {
                    return Expected::Nothing;
                };
                if self.directories.contains(path) {
                    Expected::Refused(Reason::Kind)
                } else if !self.has_parent(path) {
                    Expected::Refused(Reason::NotFound)
                } else if self.files.contains_key(path) && !overwrite {
                    Expected::Refused(Reason::Exists)
                } else {
                    self.files.insert(path.clone(), bytes.clone());
                    Expected::Done
                }
            }
            Command::MakeDirectory { path } => {
                if self.files.contains_key(path) {
                    Expected::Refused(Reason::Exists)
                } else if !self.has_parent(path) {
                    Expected::Refused(Reason::NotFound)
                } else {
                    self.directories.insert(path.clone());
                    Expected::Done
                }
            }
            Command::List { path } => self.list(path.as_deref()),
        }
    }

    fn list(&self, path: Option<&str>) -> Expected {
        if let Some(path) = path
            && !self.directories.contains(path)
        {
            let file = self.files.contains_key(path);
            return Expected::Refused(if file { Reason::Kind } else { Reason::NotFound });
        }
        let within = |name: &str| match path {
            None => (!name.contains('/')).then(|| name.to_owned()),
            Some(path) => name
                .strip_prefix(path)
                .and_then(|rest| rest.strip_prefix('/'))
                .filter(|rest| !rest.contains('/'))
                .map(str::to_owned),
        };
        let files = self
            .files
            .iter()
            .map(|(name, bytes)| (name, Some(bytes.len())));
        let directories = self.directories.iter().map(|name| (name, None));
        let mut entries: Vec<_> = files
            .chain(directories)
            .filter_map(|(name, length)| Some((within(name)?, length)))
            .collect();
        entries.sort();
        Expected::Entries(entries)
    }
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        3 => (name(), any::<bool>()).prop_map(|(path, resume)| Command::Get { path, resume }),
        3 => (name(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
            |(path, resume, overwrite, pipe)| Command::Put { path, resume, overwrite, pipe }
        ),
        1 => name().prop_map(|path| Command::MakeDirectory { path }),
        1 => prop::option::of(name()).prop_map(|path| Command::List { path }),
    ]
}

struct Model;

impl ReferenceStateMachine for Model {
    type State = Directory;
    type Transition = Action;

    fn init_state() -> BoxedStrategy<Directory> {
        Just(Directory::default()).boxed()
    }

    fn transitions(_: &Directory) -> BoxedStrategy<Action> {
        prop_oneof![
            2 => (name(), content()).prop_map(|(name, bytes)| Action::Write(name, bytes)),
            3 => (command(), cuts()).prop_map(|(command, cuts)| Action::Run(command, cuts)),
            2 => (command(), 0..120_usize, cuts())
                .prop_map(|(command, steps, cuts)| Action::Break(command, steps, cuts)),
        ]
        .boxed()
    }

    fn apply(mut state: Directory, action: &Action) -> Directory {
        match action {
            Action::Write(name, bytes) => {
                state.mine.insert(name.clone(), bytes.clone());
            }
            // Broken and done again comes to the same.
            Action::Run(command, _) | Action::Break(command, ..) => {
                state.run(command);
            }
        }
        state
    }
}

/// A client and a server with their directories.
struct Sessions {
    pair: Pair,
    /// What the commands up to now come to by the model.
    model: Directory,
}

impl Sessions {
    fn check(&mut self, command: &Command, cuts: &[usize]) {
        let outcome = self.pair.run(command, &mut cutter(cuts.to_vec()));
        let expected = self.model.run(command);
        let seen = match outcome {
            Some(Outcome::Refused(refusal)) => Expected::Refused(refusal.reason()),
            Some(Outcome::Listed { count, hidden }) => {
                let entries = &self.pair.client.entries;
                assert_eq!((count, hidden), (entries.len() as u64, 0));
                let entries = entries.iter().map(|entry| {
                    let length = entry.metadata.length.map(|length| length as usize);
                    let file = entry.kind == EntryKind::File;
                    assert_eq!(length.is_some(), file);
                    (entry.name.as_str().to_owned(), length)
                });
                Expected::Entries(entries.collect())
            }
            Some(_) => Expected::Done,
            None => Expected::Nothing,
        };
        assert_eq!(seen, expected, "{command:?} {:?}", self.pair.ends());
    }

    /// What may be there after a broken command: all as before, or all as after it.
    fn check_broken(&mut self, command: &Command, before: &Disk) {
        let mut after = self.model.clone();
        after.run(command);
        let files = |disk: &Disk| -> BTreeMap<String, Vec<u8>> {
            let files = disk.files.iter();
            files
                .map(|(name, file)| (name.clone(), file.bytes.clone()))
                .collect()
        };
        let now = files(&self.pair.server.disk);
        assert!(
            now == files(before) || now == after.files,
            "half of {command:?} is there"
        );
    }
}

impl StateMachineTest for Sessions {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(_: &Directory) -> Self {
        Self {
            pair: Pair::new(Disk::default(), Disk::default()),
            model: Directory::default(),
        }
    }

    fn apply(mut state: Self, _: &Directory, action: Action) -> Self {
        match action {
            Action::Write(name, bytes) => {
                state.model.mine.insert(name.clone(), bytes.clone());
                state.pair.client.disk.files.insert(name, File::new(bytes));
            }
            Action::Run(command, cuts) => state.check(&command, &cuts),
            Action::Break(command, steps, cuts) => {
                let before = state.pair.server.disk.clone();
                let mut cut = cutter(cuts.clone());
                state.pair.drive(&mut cut);
                if state.pair.command(&command) {
                    for _ in 0..steps {
                        state.pair.step(&mut cut);
                    }
                }
                state.pair.disconnect();
                state.check_broken(&command, &before);
                // What was done before the break is done: the model starts from there.
                let server = &state.pair.server.disk;
                let client = &state.pair.client.disk;
                let done = server.files.len() != before.files.len()
                    || server.directories != before.directories;
                if done {
                    state.model.run(&command);
                }
                for (name, file) in &client.files {
                    state.model.mine.insert(name.clone(), file.bytes.clone());
                }
                state.pair.reconnect();
                state.again(&command, &cuts);
            }
        }
        state
    }

    fn check_invariants(state: &Self, reference: &Directory) {
        let bytes = |disk: &Disk| -> BTreeMap<String, Vec<u8>> {
            let files = disk.files.iter();
            files
                .map(|(name, file)| (name.clone(), file.bytes.clone()))
                .collect()
        };
        assert_eq!(bytes(&state.pair.server.disk), reference.files);
        assert_eq!(bytes(&state.pair.client.disk), reference.mine);
        assert_eq!(state.pair.server.disk.directories, reference.directories);
    }
}

impl Sessions {
    /// The same command again after a break. What it left may be of another file by now: then the
    /// resumption is refused or fails, and the command without it does it.
    fn again(&mut self, command: &Command, cuts: &[usize]) {
        let mut cut = cutter(cuts.to_vec());
        match self.pair.run(command, &mut cut) {
            Some(Outcome::Refused(refusal))
                if matches!(
                    refusal.reason(),
                    Reason::PrefixDiffers | Reason::OffsetBeyondEnd
                ) => {}
            Some(_) | None if self.pair.ends() == (None, None) => {
                let _ = self.model.run(command);
                return;
            }
            _ => self.pair.reconnect(),
        }
        let fresh = match command.clone() {
            Command::Get { path, .. } => Command::Get {
                path,
                resume: false,
            },
            Command::Put {
                path,
                overwrite,
                pipe,
                ..
            } => Command::Put {
                path,
                resume: false,
                overwrite,
                pipe,
            },
            other => other,
        };
        self.check(&fresh, cuts);
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig {
        // Each case is a dozen transfers.
        cases: ProptestConfig::default().cases / 4,
        ..ProptestConfig::default()
    })]
    #[test]
    fn transfers_are_a_directory(sequential 1..12 => Sessions);
}
