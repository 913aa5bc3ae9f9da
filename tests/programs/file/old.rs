//! Systems without openat2, without renames that do not replace, and without links: refused by a
//! filter of system calls, so that the fallbacks are what runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Output};

use rustix::io::Errno;

use super::{House, content, text, tree};
use crate::support::{code, crosscheck, err, run_with, without};

/// Kernels before 5.6 have no openat2; file systems may not know the flag of renameat2.
const OLD: [(i64, Errno); 2] = [
    (libc::SYS_openat2, Errno::NOSYS),
    (libc::SYS_renameat2, Errno::INVAL),
];

/// FAT and some network file systems have no links either.
const ODD: [(i64, Errno); 3] = [OLD[0], OLD[1], (libc::SYS_linkat, Errno::PERM)];

/// A server with these calls refused; `None` where nothing can be refused.
fn house(calls: &[(i64, Errno)]) -> Option<House> {
    if !without(&mut Command::new("true"), calls) {
        eprintln!("skipped: this system has no filters of system calls");
        return None;
    }
    Some(House::changed(&["--writable"], |command| {
        without(command, calls);
    }))
}

/// Runs a client with the same calls refused.
fn client(calls: &[(i64, Errno)], arguments: &[&str]) -> Output {
    let mut command = crosscheck(arguments);
    without(&mut command, calls);
    run_with(command, b"")
}

#[test]
fn trees_come_and_go_and_nothing_leads_out_or_is_replaced() {
    let Some(house) = house(&OLD) else { return };
    fs::create_dir_all(house.there("tree/a/b")).expect("a folder");
    fs::write(house.there("tree/a/b/file"), content(300_000)).expect("a file");
    fs::write(house.there("tree/a/empty"), "").expect("a file");
    fs::write(house.folder.path().join("secret"), "secret").expect("a file");
    symlink("..", house.there("up")).expect("a link");
    symlink("../secret", house.there("link")).expect("a link");
    let (url, to) = (house.url("tree"), text(&house.here("tree")));
    let got = client(&OLD, &["file", "get", &url, "-o", &to, "-r"]);
    assert_eq!(code(&got), Some(0), "{}", err(&got));
    assert!(tree(&house.there("tree")) == tree(&house.here("tree")));
    let put = client(&OLD, &["file", "put", &to, &house.url("copy"), "-r"]);
    assert_eq!(code(&put), Some(0), "{}", err(&put));
    assert!(tree(&house.there("copy")) == tree(&house.here("tree")));
    for name in ["up/secret", "link"] {
        let to = text(&house.here("stolen"));
        let got = client(&OLD, &["file", "get", &house.url(name), "-o", &to]);
        assert_eq!(code(&got), Some(1), "{}", err(&got));
        assert!(err(&got).contains("not followed"), "{}", err(&got));
    }
    // What is there is not replaced, unless asked.
    fs::write(house.here("mine"), "mine").expect("a file");
    let (mine, url) = (text(&house.here("mine")), house.url("tree/a/empty"));
    let put = client(&OLD, &["file", "put", &mine, &url]);
    assert_eq!(code(&put), Some(1));
    assert!(err(&put).contains("--overwrite"), "{}", err(&put));
    assert_eq!(fs::read(house.there("tree/a/empty")).expect("a file"), b"");
    let put = client(&OLD, &["file", "put", &mine, &url, "--overwrite"]);
    assert_eq!(code(&put), Some(0), "{}", err(&put));
    assert_eq!(
        fs::read(house.there("tree/a/empty")).expect("a file"),
        b"mine"
    );
}

#[test]
fn where_only_a_rename_that_replaces_is_possible_that_is_said() {
    let Some(house) = house(&ODD) else { return };
    fs::write(house.here("mine"), "mine").expect("a file");
    let (mine, url) = (text(&house.here("mine")), house.url("file"));
    let put = client(&ODD, &["file", "put", &mine, &url]);
    assert_eq!(code(&put), Some(1));
    assert!(err(&put).contains("--overwrite"), "{}", err(&put));
    assert!(tree(&house.there("")).is_empty());
    let put = client(&ODD, &["file", "put", &mine, &url, "--overwrite"]);
    assert_eq!(code(&put), Some(0), "{}", err(&put));
    assert_eq!(fs::read(house.there("file")).expect("the file"), b"mine");
}
