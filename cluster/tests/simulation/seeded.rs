//! Seeds, each of which draws what goes wrong.

use std::ops::Range;

use crate::processes::{Judged, OMIT, SEED, Verdict, judge, judge_all, parse_seeds};
use crate::run::Report;

/// Seeds that are judged unless the environment says otherwise.
const SEEDS: u64 = 50;
/// Tests that share them, so that they run side by side.
const PARTS: u64 = 4;
/// A rule that is left out has to be missed within so many seeds.
const SEEDS_TO_MISS: u64 = 40;

fn seeds() -> Range<u64> {
    match (std::env::var(SEED), std::env::var("KEYRAFT_SIMULATION_SEEDS")) {
        (Ok(seeds), _) => parse_seeds(&seeds),
        (Err(_), Ok(count)) => parse_seeds(&format!("0..{count}")),
        _ => 0..SEEDS,
    }
}

/// Judges every fourth seed, from `part` on.
fn hold(part: u64) {
    let omitted = std::env::var(OMIT).ok();
    let seeds: Vec<u64> = seeds().filter(|seed| seed % PARTS == part).collect();
    let is_one = seeds.len() == 1;
    let mut failed = Vec::new();
    let mut total = Report::default();
    judge_all(&seeds, omitted.as_deref(), |judged| {
        if is_one {
            println!("{}", judged.output);
        }
        match judged.verdict {
            Verdict::Held(report) => total.add(&report),
            Verdict::Broken(what) => {
                println!("seed {}: {what}", judged.seed);
                failed.push(judged.seed);
            }
        }
    });
    println!(
        "{} seeds: {} writes and {} reads answered, {} reads let by a lease, {} disturbances, {} s of virtual time",
        seeds.len(),
        total.writes,
        total.reads,
        total.by_lease,
        total.disturbances,
        total.virtual_ms / 1000
    );
    assert!(failed.is_empty(), "repeat with {SEED}=N; failed seeds: {failed:?}");
}

mod all_nodes_behave_as_one_copy_whatever_goes_wrong {
    #[test]
    fn first_quarter_of_the_seeds() {
        super::hold(0);
    }

    #[test]
    fn second_quarter_of_the_seeds() {
        super::hold(1);
    }

    #[test]
    fn third_quarter_of_the_seeds() {
        super::hold(2);
    }

    #[test]
    fn last_quarter_of_the_seeds() {
        super::hold(3);
    }
}

#[test]
fn a_seed_repeats_exactly() {
    let sum = |seed| match judge(seed, None) {
        Judged { verdict: Verdict::Held(report), .. } => (report.sum, report.events),
        judged => panic!("seed {seed}: {:?}", judged.verdict),
    };
    let sums = [1, 2, 3].map(|seed| {
        let (once, again) = (sum(seed), sum(seed));
        assert_eq!(once, again, "seed {seed} has two histories");
        once
    });
    assert!(sums[0] != sums[1] && sums[1] != sums[2], "all seeds have one history: {sums:?}");
}

/// The first seed that misses a rule, and what it found broken. With the rule, the same seed has to hold.
fn missed(omitted: &str) -> String {
    let mut broken = (0..SEEDS_TO_MISS).filter_map(|seed| match judge(seed, Some(omitted)).verdict {
        Verdict::Held(_) => None,
        Verdict::Broken(what) => Some((seed, what)),
    });
    let (seed, what) = broken.next().unwrap_or_else(|| panic!("no seed misses {omitted}"));
    println!("without {omitted}, seed {seed}: {what}");
    if let Verdict::Broken(what) = judge(seed, None).verdict {
        panic!("seed {seed} is broken with {omitted} too: {what}");
    }
    what
}

mod a_rule_of_the_leases_that_is_left_out_is_missed {
    fn is_missed(omitted: &str) {
        let what = super::missed(omitted);
        assert!(what.contains("current from") || what.contains("had been shown"), "{what}");
    }

    #[test]
    fn ledger() {
        is_missed("Ledger");
    }

    #[test]
    fn wait() {
        is_missed("Wait");
    }
}

#[test]
fn a_disk_that_says_it_has_synced_and_has_not_is_found_out() {
    // What breaks first depends on what is lost: a node that has forgotten its votes and entries stops, or stalls the others.
    let what = missed("Syncs");
    assert!(
        ["stopped serving", "panicked", "all nodes answer", "current from", "was shown"]
            .iter()
            .any(|kind| what.contains(kind)),
        "{what}"
    );
}
