//! Imports point strictly downward: the law of the folders, read from the sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The floor of each module of the crate, and beside which of its own floor it may stand.
fn floors() -> BTreeMap<&'static str, (u32, &'static [&'static str])> {
    BTreeMap::from([
        ("sync", (0, &[] as &[_])),
        ("escape", (0, &[])),
        ("protocols", (0, &["escape"])),
        ("primitives", (1, &[])),
        ("scenario", (1, &[])),
        // The catalogue and the engines do not know each other.
        ("problems", (2, &[])),
        ("engines", (2, &[])),
        ("report", (3, &[])),
        ("programs", (3, &[])),
        ("testing", (4, &[])),
        ("cli", (4, &[])),
        ("guide", (5, &[])),
    ])
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("the sources can be listed").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The modules of the crate that a line of code names: `crate::sync::…` names `sync`.
fn named(line: &str) -> Vec<&str> {
    line.match_indices("crate::")
        .map(|(at, _)| {
            let rest = &line[at + "crate::".len()..];
            let end = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            &rest[..end]
        })
        .collect()
}

#[test]
fn imports_point_down() {
    let floors = floors();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    for file in sources(&src) {
        let relative = file.strip_prefix(&src).expect("it is below src");
        let first = relative.components().next().expect("a file has a name");
        let module = first.as_os_str().to_string_lossy().replace(".rs", "");
        let Some((floor, beside)) = floors.get(module.as_str()) else {
            assert!(
                ["lib", "main"].contains(&module.as_str()),
                "{module} has no floor"
            );
            continue;
        };
        let text = fs::read_to_string(&file).expect("the source can be read");
        for line in text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            for name in named(line) {
                let Some((other, _)) = floors.get(name) else {
                    continue;
                };
                seen += 1;
                assert!(
                    name == module || other < floor || beside.contains(&name),
                    "{}: {module} (floor {floor}) imports {name} (floor {other}): {line}",
                    relative.display()
                );
            }
        }
    }
    assert!(
        seen > 100,
        "only {seen} imports were read: the reader is broken"
    );
}

#[test]
fn only_the_backends_and_engines_name_loom_and_shuttle_types() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let allowed = [
        "sync/backends/",
        "engines/loom.rs",
        "engines/shuttle.rs",
        "engines/exhaustive/runner/shuttle.rs",
        "engines/calibration/",
    ];
    for file in sources(&src) {
        let relative = file
            .strip_prefix(&src)
            .expect("it is below src")
            .to_string_lossy()
            .replace('\\', "/");
        if allowed.iter().any(|allowed| relative.starts_with(allowed)) {
            continue;
        }
        let text = fs::read_to_string(&file).expect("the source can be read");
        for line in text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            let foreign = ["loom::", "shuttle::", "shuttle_engine::"]
                .iter()
                .any(|name| {
                    line.match_indices(name).any(|(at, _)| {
                        // `backends::loom::Loom` and `super::loom` are ours.
                        !line[..at].ends_with("::") && !line[..at].ends_with('_')
                    })
                });
            let ours = line.contains("backends::{loom::Loom")
                || line.contains("&loom::")
                || line.contains("&shuttle::");
            assert!(!foreign || ours, "{relative}: {line}");
        }
    }
}

#[test]
fn no_algorithm_knows_that_it_is_checked() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in sources(&src) {
        let text = fs::read_to_string(&file).expect("the source can be read");
        assert!(
            !text.contains("cfg(loom)") || file.ends_with("testing.rs"),
            "{}",
            file.display()
        );
    }
}
