//! Files and tokens that are not as they were written: every damage is refused, and is told.
//!
//! Damage is what disks, editors and hands do: octets are changed, put in, taken out, exchanged,
//! cut off and repeated; and what somebody does who knows the format but for its digest.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crosscheck::engines::counterexample::TokenError;
use crosscheck::engines::limits::{Kept, SearchMode};
use crosscheck::engines::{
    Counterexample, EngineId, GaveUp, Job, Limits, Row, Verdict, Word, check, saved,
};
use crosscheck::problems::catalogue;
use crosscheck::scenario::{Instance, Program, Value};
use crosscheck::sync::{Property, Semantics};

use super::rows::rows;

/// How many damaged ones there are of each kind: fewer where nothing is optimised.
const TIMES: usize = if cfg!(debug_assertions) {
    2_000
} else {
    100_000
};

/// A generator of numbers that is the same everywhere: splitmix64.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most.max(1) as u64).expect("it is below")
    }

    fn octet(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// Damages octets once; `octet` makes those that come from nowhere.
fn damage(whole: &[u8], numbers: &mut Numbers, octet: fn(&mut Numbers) -> u8) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let at = numbers.below(bytes.len());
    let other = numbers.below(bytes.len());
    let (from, to) = (at.min(other), at.max(other));
    let few = 1 + numbers.below(9);
    match numbers.below(12) {
        0 => bytes[at] ^= 1 << numbers.below(8),
        1 => bytes[at] = octet(numbers),
        2 => bytes.insert(at, octet(numbers)),
        3 => drop(bytes.remove(at)),
        4 => bytes.swap(at, other),
        5 => bytes.truncate(at),
        6 => drop(bytes.drain(..at)),
        7 => bytes.extend((0..few).map(|_| octet(numbers))),
        8 => {
            let block = bytes[from..to].to_vec();
            bytes.splice(from..from, block);
        }
        9 => drop(bytes.drain(from..to)),
        10 => bytes.extend_from_slice(whole),
        _ => {
            let end = (at + few).min(bytes.len());
            bytes[at..end].fill(0);
        }
    }
    bytes
}

/// A program, its search, and the file in which it was cut.
struct Cut {
    program: Program,
    instance: Instance,
    mode: SearchMode,
    file: Vec<u8>,
}

impl Cut {
    fn run(&self, most: Option<u64>, path: &Path, resume: bool) -> Row {
        let limits = Limits {
            mode: self.mode,
            exhaustive_executions: most,
            kept: Some(Kept {
                path: path.to_owned(),
                resume,
            }),
            ..Limits::PROOF
        };
        check(&Job {
            program: &self.program,
            instance: &self.instance,
            semantics: Semantics::DEFAULT,
            targets: [Property::DeadlockFreedom].into(),
            engine: EngineId::Exhaustive,
            limits: &limits,
        })
        .remove(0)
    }

    fn made(path: &Path) -> [Self; 3] {
        let variants = catalogue().into_iter().flat_map(|problem| problem.variants);
        let programs: Vec<Program> = variants.map(|variant| variant.program).collect();
        [
            ("semaphore/queued", SearchMode::Traces),
            ("semaphore/queued", SearchMode::States),
            ("philosophers/room", SearchMode::Traces),
        ]
        .map(|(name, mode)| {
            let program = programs.iter().find(|program| program.name() == name);
            let program = Program::clone(program.expect("it is in the catalogue"));
            let mut cut = Self {
                instance: Instance::defaults(&program.parameters()).with("n", Value::Number(3)),
                program,
                mode,
                file: Vec::new(),
            };
            assert_eq!(cut.run(Some(3), path, false).verdict.word(), Word::Bounded);
            cut.file = fs::read(path).expect("it was written");
            cut
        })
    }

    /// What is told of a file in its place.
    fn refused(&self, file: &[u8], path: &Path) -> String {
        fs::write(path, file).expect("it can be written");
        match self.run(None, path, true).verdict {
            Verdict::GaveUp(GaveUp::Checkpoint { why }) => why,
            other => panic!("a damaged file is gone on with: {other:?}"),
        }
    }
}

/// Octets in the file in front of the name of its row.
const HEADER: usize = "crosscheck search 2\n".len();

/// Damage by somebody who knows the format, but for the digest at the end.
fn knowing(cuts: &[Cut], cut: &Cut, numbers: &mut Numbers) -> Vec<u8> {
    let mut file = cut.file.clone();
    let digest = file.len() - 32;
    match numbers.below(5) {
        // A longer name, and its length with it.
        0 => {
            let more = 1 + numbers.below(9);
            let at = HEADER + 2 + numbers.below(8);
            file.splice(at..at, vec![b'x'; more]);
            file[HEADER] += u8::try_from(more).expect("a few");
        }
        // The greatest of lengths, wherever one may stand.
        1 => {
            let at = HEADER + numbers.below(digest - HEADER - 10);
            file[at..at + 10].copy_from_slice(&[255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
        }
        // The digest of another file.
        2 => {
            let other = &cuts[numbers.below(cuts.len())].file;
            file.truncate(digest - numbers.below(2));
            file.extend_from_slice(&other[other.len() - 32..]);
        }
        // The end cut off, and the digest put behind what is left.
        3 => {
            let less = 1 + numbers.below(digest - HEADER);
            drop(file.drain(digest - less..digest));
        }
        // A file of the first format.
        _ => {
            file[HEADER - 2] = b'1';
            file.truncate(digest);
        }
    }
    file
}

/// A file that was changed in any way is the file of no search.
#[test]
fn a_damaged_checkpoint_is_never_gone_on_with() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("search");
    let cuts = Cut::made(&path);
    let mut numbers = Numbers(1);
    let mut told = 0;
    while told < TIMES {
        let cut = &cuts[numbers.below(cuts.len())];
        let file = if numbers.below(4) == 0 {
            knowing(&cuts, cut, &mut numbers)
        } else {
            damage(&cut.file, &mut numbers, Numbers::octet)
        };
        if file == cut.file {
            continue;
        }
        let why = cut.refused(&file, &path);
        assert!(why.contains("damaged"), "{why}");
        told += 1;
    }
    for cut in cuts {
        fs::write(&path, &cut.file).expect("it can be written");
        assert_eq!(cut.run(None, &path, true).verdict.word(), Word::Proved);
    }
}

/// A single bit decides: each of a whole file.
#[test]
fn every_flipped_bit_of_a_checkpoint_is_told() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("search");
    let [cut, ..] = Cut::made(&path);
    for bit in 0..cut.file.len() * 8 {
        let mut file = cut.file.clone();
        file[bit / 8] ^= 1 << (bit % 8);
        let why = cut.refused(&file, &path);
        assert!(why.contains("damaged"), "{why}");
    }
}

/// What never ends and what is no file at all is not read.
#[test]
fn a_checkpoint_is_an_ordinary_file() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("search");
    let [cut, ..] = Cut::made(&path);
    for path in [Path::new("/dev/zero"), folder.path()] {
        let row = cut.run(None, path, true);
        let Verdict::GaveUp(GaveUp::Checkpoint { why }) = &row.verdict else {
            panic!("{:?}", row.verdict);
        };
        assert!(why.contains("no ordinary file"), "{why}");
    }
}

fn counterexample(name: &str) -> Counterexample {
    let row = rows(name, &[], &Limits::QUICK).remove(0);
    row.counterexample().expect("it fails").clone()
}

/// One of the characters of which tokens are made, and sometimes another.
fn character(numbers: &mut Numbers) -> u8 {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.= ";
    alphabet[numbers.below(alphabet.len())]
}

/// A token of which anything was changed is refused, and is called damaged.
#[test]
fn a_damaged_token_is_never_replayed() {
    let found = ["philosophers/naive", "bounded-buffer/mutex-first"].map(counterexample);
    let tokens = found.each_ref().map(Counterexample::token);
    let mut numbers = Numbers(2);
    let mut told = 0;
    while told < TIMES {
        let token = &tokens[numbers.below(tokens.len())];
        let damaged = if numbers.below(4) == 0 {
            // What the text stands for, and the text made of it anew.
            let packed = URL_SAFE_NO_PAD.decode(&token[4..]).expect("it is whole");
            let packed = damage(&packed, &mut numbers, Numbers::octet);
            format!("cc2.{}", URL_SAFE_NO_PAD.encode(packed))
        } else {
            let text = damage(token.as_bytes(), &mut numbers, character);
            String::from_utf8_lossy(&text).into_owned()
        };
        // Space around it comes with copying.
        if damaged.trim() == token {
            continue;
        }
        let error = Counterexample::from_token(&damaged).expect_err("it is damaged");
        assert!(!matches!(error, TokenError::Content(_)), "{error}");
        assert!(error.to_string().contains("damaged"), "{error}");
        told += 1;
    }
    for (token, found) in tokens.iter().zip(found) {
        let read = Counterexample::from_token(&format!(" {token}\n")).expect("it is whole");
        assert_eq!(read.steps, found.steps);
    }
}

/// Every character of a token counts, whatever else stands in its place.
#[test]
fn every_changed_character_of_a_token_is_told() {
    let token = counterexample("philosophers/naive").token();
    for at in 0..token.len() {
        for other in (0x21..0x7f_u8).filter(|&other| other != token.as_bytes()[at]) {
            let mut text = token.clone().into_bytes();
            text[at] = other;
            let text = String::from_utf8(text).expect("it is ASCII");
            let error = Counterexample::from_token(&text).expect_err("it is damaged");
            assert!(error.to_string().contains("damaged"), "{error}");
        }
    }
}

/// A token of before is told from one that is damaged.
#[test]
fn a_token_of_another_version_is_told() {
    let token = counterexample("philosophers/naive").token();
    for version in ["cc1.", "cc3.", "cc17."] {
        let other = token.replacen("cc2.", version, 1);
        let error = Counterexample::from_token(&other).expect_err("it is of another version");
        assert_eq!(error, TokenError::Version);
    }
}

/// A file with a counterexample says what was saved in it, or is refused.
#[test]
fn a_damaged_counterexample_in_a_file_is_never_replayed() {
    let found = counterexample("philosophers/naive");
    let text = saved::text(&found);
    assert_eq!(saved::read(&text).as_ref(), Ok(&found));
    let same: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let mut numbers = Numbers(3);
    let mut told = 0;
    while told < TIMES {
        let damaged = damage(text.as_bytes(), &mut numbers, |numbers| {
            b'!' + u8::try_from(numbers.below(94)).expect("it is below")
        });
        let damaged = String::from_utf8_lossy(&damaged);
        match saved::read(&damaged) {
            Err(error) => assert!(error.to_string().contains("damaged"), "{error}"),
            // Space between two words says nothing.
            Ok(_) => assert_eq!(
                serde_json::from_str::<serde_json::Value>(&damaged).expect("it was read"),
                same
            ),
        }
        told += 1;
    }
}
