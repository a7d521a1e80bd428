use std::fs;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::checker::testing::{history, operation, read, write};
use crate::function::Function;
use crate::history::Operation;
use crate::recording::{Disturbance, DisturbanceState, Sample};
use crate::simulated::{Plan, registers};

const NODES: usize = 5;

/// Who is led by whom, from when (in milliseconds): a leader is killed at 15 s, another cut off at 35 s.
const LEADERS: [(u64, Option<usize>, u64); 5] =
    [(0, Some(1), 3), (15_000, None, 3), (16_900, Some(3), 4), (35_000, None, 4), (37_100, Some(0), 5)];

fn disturbances() -> Vec<Disturbance> {
    let disturbance = |nemesis: &str, nodes: &[usize], from: u64, to: u64, state| Disturbance {
        nemesis: nemesis.to_owned(),
        nodes: nodes.to_vec(),
        from: Duration::from_millis(from),
        to: Duration::from_millis(to),
        state,
    };
    let skipped = DisturbanceState::Skipped { reason: "no <root>, no other clock".to_owned() };
    let indeterminate = DisturbanceState::Indeterminate { reason: "nft & friends: timed out".to_owned() };
    vec![
        disturbance("kill", &[1], 15_000, 22_000, DisturbanceState::Installed),
        disturbance("partition-halves", &[1, 3], 35_000, 45_000, DisturbanceState::Installed),
        disturbance("pause", &[2], 58_000, 63_000, DisturbanceState::Installed),
        disturbance("kill", &[4], 68_000, 72_000, indeterminate),
        disturbance("clock-jump", &[0], 80_000, 80_000, skipped),
    ]
}

fn samples(until: u64) -> Vec<Sample> {
    let mut samples = Vec::new();
    for at in (0..until).step_by(200) {
        let leader = LEADERS.iter().rev().find(|(from, _, _)| *from <= at);
        let (_, leader, term) = leader.copied().unwrap();
        for node in 0..NODES {
            let is_in = |nodes: &[usize], from: u64, to: u64| nodes.contains(&node) && from <= at && at < to;
            let is_down =
                is_in(&[1], 15_000, 22_300) || is_in(&[2], 58_000, 63_000) || is_in(&[4], 68_000, 72_300);
            let is_cut = is_in(&[1, 3], 35_600, 45_400);
            let is_led = leader.is_some() && !is_cut;
            samples.push(Sample {
                at: Duration::from_millis(at + node as u64),
                node,
                is_up: !is_down,
                is_leader: leader == Some(node),
                has_lease: Some(is_led || is_in(&[0, 1, 2, 3, 4], 15_000, 16_400)),
                term: Some(term),
            });
        }
    }
    samples
}

/// A run of a minute and a half with a leader killed and one cut off.
fn run(operations: usize, extra: Vec<Operation>) -> Recording {
    let plan = Plan {
        clients: 20,
        keys: 40,
        operations,
        unknown: 3,
        stalls: vec![(15_000, 16_900), (35_000, 37_100)],
        pause_us: 2 * 20 * 90_000_000 / operations as u64,
        ..Plan::default()
    };
    let mut history = registers(&plan);
    let end = history.end();
    history.extend(extra);
    Recording {
        workload: "register".to_owned(),
        nemeses: ["kill", "partition-halves", "pause", "clock-jump"].map(str::to_owned).to_vec(),
        nodes: NODES,
        seed: 42,
        duration: end,
        history,
        disturbances: disturbances(),
        samples: samples(u64::try_from(end.as_millis()).unwrap()),
        digests: (0..NODES).map(|node| (node, 4_711, "5f1d0c9be27a33d4".to_owned())).collect(),
        options: [("isolation".to_owned(), "network namespaces".to_owned())].into(),
        notes: Vec::new(),
    }
}

/// A read of what was overwritten.
fn stale() -> Vec<Operation> {
    let key = "user <7>";
    vec![
        write(-1, 39_000, 39_004).of(key).by(3),
        write(-2, 39_120, 39_131).of(key).by(5).on(2),
        write(-3, 39_125, 39_127).of(key).by(6).on(2).unknown(),
        read(-2, 39_140, 39_142).of(key).by(9).on(4),
        read(-1, 39_150, 39_152).of(key).by(3).on(3),
    ]
}

fn page_of(recording: &Recording) -> String {
    page(recording, &Judgement::of(recording).unwrap())
}

/// Left in `target/reports`, to be looked at.
fn keep(name: &str, page: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/reports");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), page).unwrap();
}

#[test]
fn a_page_shows_the_verdict_the_disturbances_and_the_nodes() {
    let page = page_of(&run(10_000, Vec::new()));
    keep("good.html", &page);
    for part in [
        "<b>10,000</b>",
        "too little",
        "partition-halves n2, n4",
        "term 5",
        "data-kind=\"f0\"",
        "id=\"hatch\"",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("class=\"card faults\""));
}

#[test]
fn medians_are_of_several_operations_and_break_where_nothing_was_answered() {
    let mut operations: Vec<Operation> =
        (0..1_000).map(|n| write(n, 10 * n as u64, 10 * n as u64 + 4)).collect();
    operations.extend((0..20).map(|n| read(1, 500 * n, 500 * n + 90)));
    operations.retain(|operation| !(3_000..6_000).contains(&operation.ended_at.as_millis()));
    let history = history(operations);
    let bins = Bins::of(&history, history.end());
    let of = |function| bins.medians(function);
    let [before, after] = &of(Function::Write)[..] else { panic!("{:?}", of(Function::Write)) };
    assert!(before.iter().chain(after).all(|(_, us)| *us == 4_000));
    assert!(before.last().unwrap().0 <= Duration::from_secs(3) && after[0].0 >= Duration::from_secs(6));
    assert!(of(Function::Read).is_empty(), "too few for a line");
}

#[test]
fn a_violation_is_drawn_as_the_intervals_that_show_it() {
    let page = page_of(&run(10_000, stale()));
    keep("bad.html", &page);
    let section = page.split("class=\"card faults\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert_eq!(section.matches("class=\"interval ").count(), 3, "{section}");
    assert!(section.contains("n4 read user &lt;7&gt; = -1"), "{section}");
    assert!(section.contains("client 3   n4  read user &lt;7&gt; = -1"), "{section}");
    assert_eq!(page.matches("<path class=\"fault\"").count(), 1, "where it showed");
}

#[test]
fn a_part_of_many_operations_is_drawn_too() {
    let mut operations: Vec<Operation> = (0..12)
        .map(|n| {
            let operation = operation(Function::Grant, "reader", 10 * n, 10 * n + 25);
            if n % 4 == 1 { operation.unknown() } else { operation }.by(n as usize % 5).on(n as usize % 3)
        })
        .collect();
    operations.push(operation(Function::RevokeGrant, "reader", 20, 31).by(7).refused());
    let fault = crate::checker::verdict::Fault::of("of many", &operations);
    let verdict = Verdict::Failed { faults: vec![fault], count: 1 };
    let checks = vec![("something".to_owned(), verdict)];
    let recording =
        Recording { workload: "grants".to_owned(), history: history(operations), ..Recording::default() };
    let judgement = Judgement { checks, ..Judgement::of(&recording).unwrap() };
    let page = page(&recording, &judgement);
    keep("many.html", &page);
    assert_eq!(page.matches("class=\"interval ").count(), 13);
    assert_eq!(page.matches("class=\"for-ever ").count(), 3);
}

#[test]
fn a_page_needs_nothing_but_itself_and_no_text_can_break_it() {
    let evil = "</script><script>alert(1)</script>\"'&";
    let mut recording = run(500, vec![read(7, 0, 1).of(evil)]);
    recording.nemeses.push(evil.to_owned());
    recording.options.insert(evil.to_owned(), evil.to_owned());
    for disturbance in &mut recording.disturbances {
        disturbance.nemesis = evil.to_owned();
    }
    let page = page_of(&recording);
    assert_eq!(page.matches("</script>").count(), 2, "the two of the page itself");
    assert!(!page.contains("<script>alert"));
    for outside in ["http://", "https://", "<link", "<img", "@import", "url(//"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn a_page_does_not_grow_with_the_history() {
    let small = page_of(&run(10_000, Vec::new())).len();
    let large = page_of(&run(100_000, Vec::new())).len();
    println!("10,000 operations: {small} bytes, 100,000: {large}");
    assert!(large < 2_000_000, "{large}");
}

#[test]
fn a_page_of_nothing_is_a_page() {
    let recording = Recording { workload: "register".to_owned(), ..Recording::default() };
    assert!(page_of(&recording).contains("</html>"));
    let recording = Recording { nodes: 3, ..recording };
    assert!(page_of(&recording).contains("</html>"));
}

#[test]
fn numbers_are_for_people() {
    use frame::{latency, moment, number, share};
    assert_eq!([0, 999, 1_000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
    assert_eq!(
        [0, 870, 4_240, 88_400, 1_340_000].map(latency),
        ["0 µs", "870 µs", "4.2 ms", "88 ms", "1.3 s"]
    );
    assert_eq!([0.0, 0.000_01, 0.002_3, 0.25].map(share), ["0 %", "&lt; 0.01 %", "0.23 %", "25.0 %"]);
    let moments = [0, 200, 90_000, 150_000].map(|ms| moment(Duration::from_millis(ms)));
    assert_eq!(moments, ["0 s", "0.2 s", "90 s", "2:30"]);
}
