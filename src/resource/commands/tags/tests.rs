use keyraft_proto::identity as proto;
use proto::Project;
use proto::command::Kind;

use super::MAX_TAGS;
use crate::state::test_log::{TestLog, create_project, project};

fn log_with(tags: &[&str]) -> TestLog {
    let mut log = TestLog::default();
    log.domain("d");
    let tags = tags.iter().map(|&tag| tag.to_owned()).collect();
    log.run(create_project(Project { tags, ..project("p", "d", "d") })).unwrap();
    log
}

fn add(log: &mut TestLog, tag: &str) -> Result<(), String> {
    let command = proto::AddProjectTag { project_id: "p".into(), tag: tag.into() };
    log.run(Kind::AddProjectTag(command)).map_err(|error| error.to_string())
}

fn remove(log: &mut TestLog, tag: &str) -> Result<(), String> {
    let command = proto::RemoveProjectTag { project_id: "p".into(), tag: tag.into() };
    log.run(Kind::RemoveProjectTag(command)).map_err(|error| error.to_string())
}

fn tags(log: &TestLog) -> Vec<String> {
    log.state.resource.projects.get("p").unwrap().tags.clone()
}

fn set_immutable(log: &mut TestLog) {
    let options = [("immutable".to_owned(), "true".to_owned())].into();
    let update = proto::UpdateProject { id: "p".into(), options, ..proto::UpdateProject::default() };
    log.run(Kind::UpdateProject(update)).unwrap();
}

#[test]
fn tags_that_are_added_one_after_the_other_all_stay() {
    let mut log = log_with(&["m"]);
    for tag in ["z", " a ", "M"] {
        add(&mut log, tag).unwrap();
    }
    assert_eq!(tags(&log), ["M", "a", "m", "z"]);
    remove(&mut log, "m").unwrap();
    assert_eq!(tags(&log), ["M", "a", "z"]);
    assert_eq!(log.reloaded().resource.projects.get("p").unwrap().tags, ["M", "a", "z"]);
}

#[test]
fn a_tag_is_added_once_and_removed_once() {
    let mut log = log_with(&["b", "a"]);
    assert_eq!(add(&mut log, "a").unwrap_err(), "['a', 'b', 'a'] has non-unique elements");
    add(&mut log, " a ").unwrap();
    assert_eq!(tags(&log), ["a", "b"]);
    remove(&mut log, "a").unwrap();
    assert_eq!(remove(&mut log, "a").unwrap_err(), "Could not find project tag: a.");
}

#[test]
fn a_project_has_room_for_so_many_tags() {
    let full: Vec<String> = (0..MAX_TAGS).map(|number| number.to_string()).collect();
    let mut log = log_with(&full.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(add(&mut log, "one more").unwrap_err().ends_with("'one more'] is too long"));
    remove(&mut log, "0").unwrap();
    add(&mut log, "one more").unwrap();
    assert_eq!(tags(&log).len(), MAX_TAGS);
}

#[test]
fn a_blank_tag_stands_in_the_way_of_others() {
    let mut log = log_with(&["a"]);
    add(&mut log, "  ").unwrap();
    assert_eq!(add(&mut log, "b").unwrap_err(), "Invalid input for field '0': '' should be non-empty");
    remove(&mut log, "").unwrap();
    add(&mut log, "b").unwrap();
}

#[test]
fn an_immutable_project_keeps_its_tags() {
    let mut log = log_with(&["a"]);
    set_immutable(&mut log);
    let refusal = |verb: &str| {
        format!(
            "Cannot {verb} project tags for p, project is immutable. Set \"immutable\" option to false before \
             creating project tags."
        )
    };
    assert_eq!(add(&mut log, "b").unwrap_err(), refusal("create"));
    assert_eq!(remove(&mut log, "a").unwrap_err(), refusal("delete"));
    assert!(
        add(&mut log, "a").unwrap_err().ends_with("has non-unique elements"),
        "the tag is looked at first"
    );
    assert_eq!(tags(&log), ["a"]);
}

#[test]
fn tags_of_a_missing_project_are_refused() {
    let mut log = TestLog::default();
    assert_eq!(add(&mut log, "a").unwrap_err(), "Could not find project: p.");
    assert_eq!(remove(&mut log, "a").unwrap_err(), "Could not find project: p.");
}
