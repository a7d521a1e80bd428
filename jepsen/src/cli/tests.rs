use std::path::Path;

use crate::checker::testing::{history, read, write};
use crate::cli::check::Check;
use crate::cli::shrink::Shrink;
use crate::edn;
use crate::history::Operation;
use crate::recording::Recording;
use crate::simulated::{Plan, registers};

/// A good run of a register, and a read in it that shows what was overwritten.
fn recording(extra: Vec<Operation>) -> Recording {
    let mut history = registers(&Plan { operations: 3_000, ..Plan::default() });
    history.extend(extra);
    let digests = (0..5).map(|node| (node, 1, "d".to_owned())).collect();
    Recording { workload: "register".to_owned(), nodes: 5, history, digests, ..Recording::default() }
}

fn fault() -> Vec<Operation> {
    vec![write(1, 0, 5), write(2, 6, 9), read(2, 10, 11), read(1, 12, 13).on(1)]
}

fn check(path: &Path, workload: Option<&str>) -> (bool, String) {
    let mut out = Vec::new();
    let check = Check { path: path.to_owned(), workload: workload.map(str::to_owned), out: None };
    let passed = check.run(&mut out).unwrap();
    (passed, String::from_utf8(out).unwrap())
}

#[test]
fn a_run_is_judged_again_from_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    recording(Vec::new()).store(folder.path()).unwrap();
    let (passed, text) = check(folder.path(), None);
    assert!(passed, "{text}");
    assert!(text.contains("linearizable registers: passed\n"), "{text}");
    assert!(text.contains("passed: 3000 operations"), "{text}");
    let summary = std::fs::read_to_string(folder.path().join("summary.json")).unwrap();
    assert!(folder.path().join("report.html").exists());
    assert_eq!(serde_json::from_str::<serde_json::Value>(&summary).unwrap()["verdict"], "passed");
}

#[test]
fn a_history_alone_is_judged_by_what_it_looks_like() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.edn");
    std::fs::write(&path, edn::write_history(&history(fault()), &[])).unwrap();
    let (passed, text) = check(&path, None);
    assert!(!passed);
    assert!(text.contains("n2  read k = 1"), "{text}");
    let versions = [write(2, 0, 1), write(1, 2, 3), read(2, 4, 5)];
    std::fs::write(&path, edn::write_history(&history(versions), &[])).unwrap();
    assert!(check(&path, Some("monotonic")).0);
    assert!(!check(&path, None).0);
}

#[test]
fn a_failing_history_is_reduced_to_what_fails() {
    let folder = tempfile::tempdir().unwrap();
    recording(fault()).store(folder.path()).unwrap();
    let shrink = |path: &Path| {
        let mut out = Vec::new();
        let shrink = Shrink { path: path.to_owned(), workload: None, out: None };
        (shrink.run(&mut out).unwrap(), String::from_utf8(out).unwrap())
    };
    let (fails, text) = shrink(folder.path());
    assert!(fails && text.contains("3 of 3004 operations"), "{text}");
    let smallest = folder.path().join("smallest.edn");
    assert_eq!(Recording::load(&smallest).unwrap().history.operations().len(), 3);
    assert!(!check(&smallest, None).0, "what is left still fails");
    recording(Vec::new()).store(folder.path()).unwrap();
    let (fails, text) = shrink(folder.path());
    assert!(!fails && text.contains("nothing to shrink"), "{text}");
}

#[test]
fn what_nobody_can_judge_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.edn");
    std::fs::write(&path, "").unwrap();
    let check = Check { path, workload: None, out: None };
    assert!(check.run(&mut Vec::new()).unwrap_err().to_string().contains("no checker knows the workload"));
}
