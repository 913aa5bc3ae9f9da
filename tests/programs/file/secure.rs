//! TLS: files come only from whom they should come.

use std::fs;
use std::path::{Path, PathBuf};

use super::{content, start, text};
use crate::support::{code, connect, err, run};

/// A certificate for a name, its own authority, in files.
fn certificate(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    let (certificate, key) = (
        folder.join(format!("{name}.pem")),
        folder.join(format!("{name}.key")),
    );
    fs::write(&certificate, made.cert.pem()).expect("a file");
    fs::write(&key, made.signing_key.serialize_pem()).expect("a file");
    (certificate, key)
}

#[test]
fn certificates_are_checked() {
    for threads in ["1", "3"] {
        files_go_to_whom_they_should(&["--threads", threads]);
    }
}

fn files_go_to_whom_they_should(threads: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| text(&folder.path().join(name));
    fs::create_dir(folder.path().join("there")).expect("a folder");
    let bytes = content(3_000_000);
    fs::write(folder.path().join("there/file"), &bytes).expect("a file");
    let (good, key) = certificate(folder.path(), "localhost");
    let (other, _) = certificate(folder.path(), "elsewhere");
    let (good, key, other) = (text(&good), text(&key), text(&other));
    let tls = ["--writable", "--tls-cert", &good, "--tls-key", &key];
    let server = start(&folder.path().join("there"), &[&tls, threads].concat());
    let port = server.address().port();
    let named = format!("localhost:{port}/file");
    let got = run(&[
        "file",
        "get",
        &named,
        "-o",
        &path("copy"),
        "--tls-ca",
        &good,
    ]);
    assert_eq!(code(&got), Some(0), "{}", err(&got));
    assert!(fs::read(folder.path().join("copy")).expect("the copy") == bytes);
    let put = format!("localhost:{port}/back");
    let copy = path("copy");
    let put = ["file", "put", &copy, &put, "--tls-ca", &good];
    let put = run(&[&put, threads].concat());
    assert_eq!(code(&put), Some(0), "{}", err(&put));
    assert!(fs::read(folder.path().join("there/back")).expect("the copy") == bytes);
    // Another authority, another name, no TLS at all.
    let numbered = format!("127.0.0.1:{port}/file");
    for (url, more) in [
        (&named, &["--tls-ca", &other][..]),
        (&numbered, &["--tls-ca", &good][..]),
        (&named, &[][..]),
    ] {
        let to = path("not there");
        let got = run(&[&["file", "get", url, "-o", &to], more].concat());
        assert_eq!(code(&got), Some(1), "{}", err(&got));
        assert!(!folder.path().join("not there").exists());
    }
    // The server is well.
    drop(connect(server.address()));
    assert_eq!(server.stop().code, Some(0));
}
