use super::*;

fn id(boot: u64, sequence: u64) -> proto::RequestId {
    proto::RequestId { node_id: 4, boot, sequence }
}

fn refusal(admission: Admission) -> proto::outcome::Refusal {
    match admission {
        Admission::Answered(outcome) => outcome.refusal(),
        Admission::Apply => panic!("not refused"),
    }
}

fn applied(sessions: &mut Sessions, id: proto::RequestId, lowest: u64) {
    assert_eq!(sessions.admit(&id, lowest, &mut Vec::new()), Admission::Apply);
    sessions.remember(&id, &answer(format!("answer {}", id.sequence)), &mut Vec::new());
}

fn answer(text: impl Into<Bytes>) -> proto::Outcome {
    proto::Outcome { answer: text.into(), ..Default::default() }
}

#[test]
fn a_retry_gets_the_first_answer() {
    let mut sessions = Sessions::default();
    applied(&mut sessions, id(1, 7), 5);
    applied(&mut sessions, id(1, 5), 5);
    let answered = sessions.admit(&id(1, 7), 5, &mut Vec::new());
    assert_eq!(answered, Admission::Answered(answer("answer 7")));
}

#[test]
fn a_request_below_the_floor_is_refused_and_its_answer_dropped() {
    let mut sessions = Sessions::default();
    applied(&mut sessions, id(1, 1), 1);
    applied(&mut sessions, id(1, 9), 9);
    assert_eq!(refusal(sessions.admit(&id(1, 1), 1, &mut Vec::new())), proto::outcome::Refusal::Forgotten);
    assert_eq!(sessions.rows().count(), 2, "the session and one answer");
}

#[test]
fn an_older_boot_is_superseded_and_learns_by_which() {
    let mut sessions = Sessions::default();
    applied(&mut sessions, id(1, 3), 1);
    applied(&mut sessions, id(2, 1), 1);
    let Admission::Answered(outcome) = sessions.admit(&id(1, 3), 1, &mut Vec::new()) else { panic!() };
    assert_eq!(outcome.refusal(), proto::outcome::Refusal::Superseded);
    assert_eq!(outcome.latest_boot, 2);
}

#[test]
fn a_new_boot_starts_below_the_floor_of_the_old_one() {
    let mut sessions = Sessions::default();
    applied(&mut sessions, id(1, 500), 500);
    applied(&mut sessions, id(2, 1), 1);
}

#[test]
fn the_answers_of_one_node_are_bounded() {
    let mut sessions = Sessions::default();
    for sequence in 1..=MAX_ANSWERS_PER_NODE as u64 + 3 {
        applied(&mut sessions, id(1, sequence), 1);
    }
    assert_eq!(sessions.rows().count(), 1 + MAX_ANSWERS_PER_NODE);
    let first = sessions.admit(&id(1, 1), 1, &mut Vec::new());
    assert_eq!(refusal(first), proto::outcome::Refusal::Forgotten);
}

#[test]
fn a_retry_never_drops_an_answer() {
    let mut sessions = Sessions::default();
    for sequence in 1..=MAX_ANSWERS_PER_NODE as u64 {
        applied(&mut sessions, id(1, sequence), 1);
    }
    for _ in 0..2 {
        let answered = sessions.admit(&id(1, 1), 1, &mut Vec::new());
        assert_eq!(answered, Admission::Answered(answer("answer 1")));
    }
}

#[test]
fn the_changes_lead_to_the_rows() {
    let mut sessions = Sessions::default();
    let mut rows = std::collections::BTreeMap::new();
    for (boot, sequence, lowest) in [(1, 1, 1), (1, 2, 1), (1, 4, 2), (1, 1, 1), (3, 2, 1), (3, 9, 9)] {
        let mut changes = Vec::new();
        let id = id(boot, sequence);
        if sessions.admit(&id, lowest, &mut changes) == Admission::Apply {
            sessions.remember(&id, &answer("x"), &mut changes);
        }
        for change in changes {
            let before = match change.after {
                Some(after) => rows.insert(change.key, after),
                None => rows.remove(&change.key),
            };
            assert_eq!(before, change.before);
        }
    }
    let held: Vec<Row> = sessions.rows().collect();
    let written: Vec<Row> = rows.into_iter().map(|(key, value)| Row { key, value }).collect();
    assert_eq!(held, written);
    let mut loaded = Sessions::default();
    assert!(held.iter().all(|row| loaded.load(row) == Loaded::Whole));
    assert_eq!(loaded, sessions);
}

#[test]
fn a_row_of_an_unknown_kind_is_not_taken_for_a_broken_one() {
    let load = |key: Vec<u8>| Sessions::default().load(&Row { key, value: Vec::new() });
    assert_eq!(load(vec![OWN_TABLE, 7]), Loaded::Unknown { kind: 7 });
    assert_eq!(load(answer_key(1, 1)), Loaded::Broken);
}

#[test]
fn a_refusal_is_remembered_as_one() {
    let mut sessions = Sessions::default();
    let refused = proto::Outcome { refusal: proto::outcome::Refusal::Panicked.into(), ..Default::default() };
    assert_eq!(sessions.admit(&id(1, 1), 1, &mut Vec::new()), Admission::Apply);
    sessions.remember(&id(1, 1), &refused, &mut Vec::new());
    assert_eq!(sessions.admit(&id(1, 1), 1, &mut Vec::new()), Admission::Answered(refused));
}

#[test]
fn the_bytes_of_the_answers_of_one_node_are_bounded() {
    let (mut sessions, mut rows) = (Sessions::default(), std::collections::BTreeMap::new());
    let size = 1 << 20;
    for sequence in 1..=20 {
        let mut changes = Vec::new();
        assert_eq!(sessions.admit(&id(1, sequence), 1, &mut changes), Admission::Apply);
        sessions.remember(&id(1, sequence), &answer(vec![b'x'; size - 1]), &mut changes);
        for change in changes {
            let before = match change.after {
                Some(after) => rows.insert(change.key, after),
                None => rows.remove(&change.key),
            };
            assert_eq!(before, change.before);
        }
    }
    assert_eq!(rows.len(), 1 + 16, "the session and 16 MiB of answers");
    assert_eq!(refusal(sessions.admit(&id(1, 4), 1, &mut Vec::new())), proto::outcome::Refusal::Forgotten);
    assert!(matches!(sessions.admit(&id(1, 5), 1, &mut Vec::new()), Admission::Answered(_)));
    let mut loaded = Sessions::default();
    for (key, value) in rows {
        assert_eq!(loaded.load(&Row { key, value }), Loaded::Whole);
    }
    assert_eq!(loaded, sessions, "the bytes are counted alike after a start");
    // One answer that is larger than all may be is remembered alone.
    let large = answer(vec![0; 17 << 20]);
    assert_eq!(sessions.admit(&id(1, 21), 1, &mut Vec::new()), Admission::Apply);
    sessions.remember(&id(1, 21), &large, &mut Vec::new());
    assert_eq!(sessions.admit(&id(1, 21), 1, &mut Vec::new()), Admission::Answered(large));
}
