//! A POP3 server in memory whose mail drop and faults are data.

/// A message in a mail drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// No two messages have the same, ever.
    pub(super) id: usize,
    /// Two messages may have the same.
    pub(super) uid: Vec<u8>,
    /// Lines end in CRLF.
    pub(super) octets: Vec<u8>,
}

/// What a server does with one of its messages, by its index; round, where there are fewer.
pub(super) type Index = usize;

/// What becomes of QUIT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Quit {
    /// It deletes and says so.
    #[default]
    Right,
    /// It deletes, and says that it has not.
    Denies,
    /// It says that it does not delete.
    Refuses,
    /// It deletes and closes without a word.
    DeletesInSilence,
    /// It closes without a word.
    Leaves,
    /// It says that it has deleted.
    Forgets,
}

/// How a listing is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Listing {
    #[default]
    Right,
    Refused,
    LeavesOut(Index),
}

/// All faults of one session; none by default.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    /// It takes one command at a time.
    pub(super) slow: bool,
    pub(super) uidl: Listing,
    pub(super) list: Listing,
    /// STAT counts so many more.
    pub(super) phantoms: usize,
    /// LIST says so many octets more, or fewer, of a message.
    pub(super) size: Option<(Index, i64)>,
    /// A first line that is a dot ends a message too early.
    pub(super) unstuffed: bool,
    /// A message is sent without so many of its last octets.
    pub(super) short: Option<(Index, usize)>,
    /// RETR is refused for a message.
    pub(super) withheld: Option<Index>,
    /// UIDL and LIST of one message are refused.
    pub(super) mute: bool,
    /// This answer comes twice.
    pub(super) twice: Option<usize>,
    /// Before this answer something else comes.
    pub(super) noise: Option<(usize, Vec<u8>)>,
    /// After so many octets nothing comes, and the connection ends or does not.
    pub(super) cut: Option<(usize, bool)>,
    /// DELE is refused for a message.
    pub(super) kept: Option<Index>,
    pub(super) quit: Quit,
}

/// A session of the server.
pub(super) struct Liar<'a> {
    drop: &'a mut Vec<Message>,
    faults: &'a Faults,
    marked: Vec<bool>,
    /// What the client has sent of a line.
    line: Vec<u8>,
    /// On its way to the client.
    output: Vec<u8>,
    sent: usize,
    answers: usize,
    closed: bool,
    /// Messages that it has deleted.
    pub(super) expunged: Vec<Message>,
    /// Complete answers to RETR: which message, and its octets.
    pub(super) handed: Vec<(usize, Vec<u8>)>,
}

impl<'a> Liar<'a> {
    pub(super) fn new(drop: &'a mut Vec<Message>, faults: &'a Faults) -> Self {
        let marked = vec![false; drop.len()];
        Self {
            drop,
            faults,
            marked,
            line: Vec::new(),
            output: b"+OK hello\r\n".to_vec(),
            sent: 0,
            answers: 0,
            closed: false,
            expunged: Vec::new(),
            handed: Vec::new(),
        }
    }

    /// The client says something.
    pub(super) fn hear(&mut self, octets: &[u8]) {
        for octet in octets {
            self.line.push(*octet);
            if *octet == b'\n' && !self.closed {
                let line = std::mem::take(&mut self.line);
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                self.answer(&line);
            }
        }
    }

    /// At most so many octets for the client; nothing when it says nothing now, and whether it ever
    /// will again.
    pub(super) fn say(&mut self, most: usize) -> (Vec<u8>, bool) {
        let limit = self.faults.cut.map_or(usize::MAX, |(limit, _)| limit);
        let length = self.output.len().min(most).min(limit - self.sent);
        self.sent += length;
        let said: Vec<u8> = self.output.drain(..length).collect();
        let cut = matches!(self.faults.cut, Some((limit, true)) if limit == self.sent);
        let ended = said.is_empty() && (cut || self.closed && self.output.is_empty());
        (said, ended)
    }

    fn is(&self, index: Option<Index>, message: usize) -> bool {
        index.is_some_and(|index| !self.drop.is_empty() && index % self.drop.len() == message)
    }

    fn size(&self, message: usize) -> u64 {
        let length = self.drop[message].octets.len() as i64;
        // Two lies that fit each other are none that anybody sees.
        let short = self.is(self.faults.short.map(|(index, _)| index), message);
        let more = match self.faults.size {
            Some((index, more)) if self.is(Some(index), message) && !(short && more < 0) => more,
            _ => 0,
        };
        (length + more).max(0).cast_unsigned()
    }

    fn lines(&self, how: Listing, line: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
        let left_out = match how {
            Listing::Refused => return b"-ERR not today\r\n".to_vec(),
            Listing::LeavesOut(index) => Some(index),
            Listing::Right => None,
        };
        let mut lines = b"+OK\r\n".to_vec();
        for message in (0..self.drop.len()).filter(|at| !self.is(left_out, *at)) {
            lines.extend(
                [
                    format!("{} ", message + 1).as_bytes(),
                    &line(message),
                    b"\r\n",
                ]
                .concat(),
            );
        }
        [&lines, &b".\r\n"[..]].concat()
    }

    fn one(&self, message: usize, word: &[u8]) -> Vec<u8> {
        match self.faults.mute {
            true => b"-ERR not today\r\n".to_vec(),
            false => [format!("+OK {} ", message + 1).as_bytes(), word, b"\r\n"].concat(),
        }
    }

    fn answer(&mut self, line: &str) {
        let mut words = line.split(' ');
        let keyword = words.next().unwrap_or_default();
        let number: Option<usize> = words.next().and_then(|word| word.parse().ok());
        let message = number.and_then(|number| number.checked_sub(1));
        let message = message.filter(|at| *at < self.drop.len() && !self.marked[*at]);
        let ok = b"+OK\r\n".to_vec();
        let answer = match (keyword, number, message) {
            ("CAPA", ..) if self.faults.slow => b"-ERR what?\r\n".to_vec(),
            ("CAPA", ..) => b"+OK\r\nUSER\r\nPIPELINING\r\n.\r\n".to_vec(),
            ("USER" | "PASS", ..) => {
                self.output.extend(ok);
                return;
            }
            ("STAT", ..) => {
                let octets: u64 = (0..self.drop.len()).map(|at| self.size(at)).sum();
                let count = self.drop.len() + self.faults.phantoms;
                format!("+OK {count} {octets}\r\n").into_bytes()
            }
            ("UIDL", None, _) => self.lines(self.faults.uidl, |at| self.drop[at].uid.clone()),
            ("LIST", None, _) => self.lines(self.faults.list, |at| {
                self.size(at).to_string().into_bytes()
            }),
            ("UIDL", _, Some(at)) => self.one(at, &self.drop[at].uid),
            ("LIST", _, Some(at)) => self.one(at, self.size(at).to_string().as_bytes()),
            ("RETR", _, Some(at)) if !self.is(self.faults.withheld, at) => self.message(at),
            ("DELE", _, Some(at)) if !self.is(self.faults.kept, at) => {
                self.marked[at] = true;
                ok
            }
            ("QUIT", ..) => self.quit(),
            _ => b"-ERR no\r\n".to_vec(),
        };
        if let Some((at, noise)) = &self.faults.noise
            && *at == self.answers
        {
            self.output.extend(noise);
        }
        self.output.extend(&answer);
        if self.faults.twice == Some(self.answers) {
            self.output.extend(&answer);
        }
        self.answers += 1;
    }

    fn message(&mut self, at: usize) -> Vec<u8> {
        let message = &self.drop[at];
        let mut octets = message.octets.clone();
        if let Some((index, missing)) = self.faults.short
            && self.is(Some(index), at)
        {
            octets.truncate(octets.len().saturating_sub(missing));
            while !octets.is_empty() && !octets.ends_with(b"\r\n") {
                octets.pop();
            }
        }
        self.handed.push((message.id, octets.clone()));
        let mut answer = b"+OK here it is\r\n".to_vec();
        for (line_number, line) in octets.split_inclusive(|octet| *octet == b'\n').enumerate() {
            if line.starts_with(b".") && !(self.faults.unstuffed && line_number == 0) {
                answer.push(b'.');
            }
            answer.extend(line);
        }
        answer.extend(b".\r\n");
        answer
    }

    fn quit(&mut self) -> Vec<u8> {
        self.closed = true;
        let (deletes, answer): (bool, &[u8]) = match self.faults.quit {
            Quit::Right => (true, b"+OK bye\r\n"),
            Quit::Denies => (true, b"-ERR some not removed\r\n"),
            Quit::Refuses => (false, b"-ERR nothing removed\r\n"),
            Quit::DeletesInSilence => (true, b""),
            Quit::Leaves => (false, b""),
            Quit::Forgets => (false, b"+OK bye\r\n"),
        };
        if deletes {
            let mut marked = self.marked.iter();
            let mut keep = Vec::new();
            for message in self.drop.drain(..) {
                match marked.next() {
                    Some(true) => self.expunged.push(message),
                    _ => keep.push(message),
                }
            }
            *self.drop = keep;
        }
        answer.to_vec()
    }
}
