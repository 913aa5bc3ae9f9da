//! What a mail drop is, in sixty lines: no streams, no deadlines, no bytes.

use super::drive::{NAME, PASSWORD, unique_id};

/// An answer as far as it matters.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Err,
    /// The text begins so.
    Ok(String),
    /// A first line, and these lines.
    Lines(Vec<Vec<u8>>),
}

/// The session of one client.
pub(super) struct Model {
    /// Lines of each message, without their ends; and whether it is marked.
    messages: Vec<(Vec<Vec<u8>>, bool)>,
    name: Option<String>,
    logged_in: bool,
    pub(super) over: bool,
    pub(super) committed: Option<Vec<u32>>,
}

/// The lines of a stored message: LF ends one, with or without a CR before it.
pub(super) fn lines(message: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = message
        .split(|octet| *octet == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    // What comes after the last LF is a line if there is anything; a CR there ends nothing.
    let last = lines.pop().unwrap_or_default();
    for line in &mut lines {
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    if !last.is_empty() {
        lines.push(last);
    }
    lines
}

impl Model {
    pub(super) fn new(messages: &[Vec<u8>]) -> Self {
        Self {
            messages: messages.iter().map(|m| (lines(m), false)).collect(),
            name: None,
            logged_in: false,
            over: false,
            committed: None,
        }
    }

    fn size(&self, index: usize) -> usize {
        self.messages[index]
            .0
            .iter()
            .map(|line| line.len() + 2)
            .sum()
    }

    fn kept(&self) -> Vec<usize> {
        (0..self.messages.len())
            .filter(|i| !self.messages[*i].1)
            .collect()
    }

    /// The index of a message that is there, from its number.
    fn find(&self, number: &str) -> Option<usize> {
        let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let index = number
            .parse::<usize>()
            .ok()
            .filter(|_| digits)?
            .checked_sub(1)?;
        self.kept().contains(&index).then_some(index)
    }

    /// What the line of a client is answered with.
    pub(super) fn command(&mut self, line: &str) -> Expected {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        let keyword = line
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        let rest = line.split_once(' ').map(|(_, rest)| rest);
        let found = words.get(1).and_then(|number| self.find(number));
        let of_all = |each: &dyn Fn(usize) -> String| {
            let line = |index: usize| format!("{} {}", index + 1, each(index)).into_bytes();
            Expected::Lines(self.kept().into_iter().map(line).collect())
        };
        match (keyword.as_str(), words.len(), self.logged_in) {
            ("USER", _, false) if rest.is_some() => {
                self.name = rest.map(str::to_owned);
                Expected::Ok(String::new())
            }
            ("PASS", _, false) if rest.is_some() => {
                let right = self.name.take().is_some_and(|name| name == NAME);
                self.logged_in = right && rest == Some(PASSWORD);
                if self.logged_in {
                    Expected::Ok(String::new())
                } else {
                    Expected::Err
                }
            }
            ("QUIT", 1, logged_in) => {
                let marked = (1u32..).zip(&self.messages).filter(|(_, m)| m.1);
                self.committed = logged_in.then(|| marked.map(|(number, _)| number).collect());
                self.over = true;
                Expected::Ok(String::new())
            }
            ("STAT", 1, true) => {
                let octets: usize = self.kept().into_iter().map(|index| self.size(index)).sum();
                Expected::Ok(format!("{} {octets}", self.kept().len()))
            }
            ("LIST", 1, true) => of_all(&|index| self.size(index).to_string()),
            ("UIDL", 1, true) => of_all(&unique_id),
            ("LIST", 2, true) => found.map_or(Expected::Err, |index| {
                Expected::Ok(format!("{} {}", index + 1, self.size(index)))
            }),
            ("UIDL", 2, true) => found.map_or(Expected::Err, |index| {
                Expected::Ok(format!("{} {}", index + 1, unique_id(index)))
            }),
            ("RETR", 2, true) => found.map_or(Expected::Err, |index| {
                Expected::Lines(self.messages[index].0.clone())
            }),
            ("TOP", 3, true) => match (found, words[2].parse::<usize>()) {
                (Some(index), Ok(count)) if !words[2].starts_with('+') => {
                    let lines = &self.messages[index].0;
                    let header = lines
                        .iter()
                        .position(Vec::is_empty)
                        .map_or(lines.len(), |i| i + 1);
                    let shown = header.saturating_add(count).min(lines.len());
                    Expected::Lines(lines[..shown].to_vec())
                }
                _ => Expected::Err,
            },
            ("DELE", 2, true) => found.map_or(Expected::Err, |index| {
                self.messages[index].1 = true;
                Expected::Ok(String::new())
            }),
            ("RSET", 1, true) => {
                self.messages
                    .iter_mut()
                    .for_each(|message| message.1 = false);
                Expected::Ok(String::new())
            }
            ("NOOP", 1, true) => Expected::Ok(String::new()),
            _ => Expected::Err,
        }
    }
}
