use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::function::Function;
use crate::history::{History, Operation, Outcome};
use crate::recording::{Disturbance, DisturbanceState};

fn operation(client: usize, from: u64, to: u64, outcome: Outcome) -> Operation {
    Operation {
        client,
        node: client,
        function: Function::Write,
        key: "k".to_owned(),
        argument: Value::Number(1),
        answer: Value::Nil,
        sent_at: Duration::from_nanos(from),
        ended_at: Duration::from_nanos(to),
        outcome,
    }
}

#[test]
fn invocations_and_ends_are_listed_by_time() {
    let read = Operation {
        function: Function::Read,
        argument: Value::Nil,
        answer: Value::Number(1),
        ..operation(1, 7, 9, Outcome::Done)
    };
    let history: History = [operation(0, 5, 20, Outcome::Unknown), read].into_iter().collect();
    assert_eq!(
        write_history(&history, &[]),
        r#"{:index 0, :time 5, :type :invoke, :process 0, :f :write, :value ["k" 1], :node "n1", :client 0}
{:index 1, :time 7, :type :invoke, :process 1, :f :read, :value ["k" nil], :node "n2", :client 1}
{:index 2, :time 9, :type :ok, :process 1, :f :read, :value ["k" 1], :node "n2", :client 1}
{:index 3, :time 20, :type :info, :process 0, :f :write, :value ["k" 1], :node "n1", :client 0}
"#
    );
}

#[test]
fn a_client_goes_on_as_another_process_after_an_unknown_outcome() {
    let history: History =
        [operation(0, 1, 2, Outcome::Unknown), operation(0, 2, 4, Outcome::Done)].into_iter().collect();
    let text = write_history(&history, &[]);
    let kinds: Vec<String> = parse(&text)
        .unwrap()
        .iter()
        .map(|(_, event)| format!("{} {}", event.get("type").unwrap(), event.get("process").unwrap()))
        .collect();
    assert_eq!(kinds, [":invoke 0", ":info 0", ":invoke 1", ":ok 1"]);
    assert_eq!(read_history(&text).unwrap().0, history);
}

#[test]
fn a_history_as_jepsen_writes_it_is_understood() {
    let text = r#"
; what Jepsen's store has, and forms that other versions of it write
#jepsen.history.Op{:index 0, :time 3, :type :info, :process :nemesis, :f :start-partition, :value nil}
{:index 1, :time 4, :type :invoke, :process 12, :f :write, :value [7 3]}
{:index 2, :time 5, :type :info, :process :nemesis, :f :start-partition, :value ["n1" "n3"]}
{:index 3, :time 6, :type :ok, :process 12, :f :write, :value [7 3], :extra #{:a 1.5 "\u00e9\n"}}
{:index 4, :time 7, :type :invoke, :process 12, :f :read, :value [7 nil]}
{:index 5, :time 8, :type :fail, :process 12, :f :read, :value [7 nil], :error [:timeout \x]}
#_ {:left "out"}
{:index 6, :time 9, :type :invoke, :process 2, :f :read, :value [7 nil]}
{:index 7, :time 10, :type :info, :process :nemesis, :f :stop-partition, :value nil}
"#;
    let (history, disturbances) = read_history(text).unwrap();
    let seen: Vec<_> = history
        .operations()
        .iter()
        .map(|operation| (operation.client, operation.function, &*operation.key, operation.outcome))
        .collect();
    assert_eq!(
        seen,
        [
            (12, Function::Write, "7", Outcome::Done),
            (12, Function::Read, "7", Outcome::Refused),
            (2, Function::Read, "7", Outcome::Unknown),
        ]
    );
    assert_eq!(history.operations()[2].ended_at, Duration::from_nanos(10), "it never ended");
    let partition = Disturbance {
        nemesis: "partition".to_owned(),
        nodes: vec![0, 2],
        from: Duration::from_nanos(3),
        to: Duration::from_nanos(10),
        state: DisturbanceState::Installed,
    };
    assert_eq!(disturbances, [partition]);
    let in_a_vector = format!("[{text}]");
    assert_eq!(read_history(&in_a_vector).unwrap().0, history);
}

#[test]
fn what_is_no_history_is_refused_with_its_line() {
    let error = |text: &str| read_history(text).unwrap_err().to_string();
    assert_eq!(error("\n{:type :invoke"), "line 2: the text ends before }");
    assert_eq!(error("{:type}"), "line 1: a map with a key that has no value");
    assert_eq!(error("]"), "line 1: nothing is open that ] could close");
    assert_eq!(error("\"a"), "line 1: the text ends within a string");
    assert_eq!(error("{:f :read}"), "line 1: an event without :type: {:f :read}");
    assert!(error(&"[".repeat(100_000)).contains("more than 64 forms"));
    assert!(error(&"#a ".repeat(100_000)).contains("more than 64 forms"));
    let event = |kind: &str, f: &str| format!("{{:process 0, :type :{kind}, :f :{f}, :value nil}}\n");
    assert_eq!(error(&event("invoke", "dance")), "line 1: no checker knows of :f :dance");
    assert_eq!(error(&event("ok", "read")), "line 1: process 0 ends what it has not invoked");
    assert_eq!(
        error(&(event("invoke", "read") + &event("invoke", "read"))),
        "line 2: process 0 invokes while it has an operation under way"
    );
    assert_eq!(
        error(&(event("invoke", "read") + &event("ok", "write"))),
        "line 2: process 0 ends another operation than it has invoked"
    );
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Number),
        any::<String>().prop_map(Value::Text),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| prop::collection::vec(inner, 0..4).prop_map(Value::List))
}

prop_compose! {
    fn operations()(
        client in 0..3_usize, node in 0..3_usize, function in prop::sample::select(Function::ALL), key in any::<String>(),
        argument in values(), answer in values(), from in 0..40_u64, length in 0..10_u64, outcome in 0..3_usize,
    ) -> Operation {
        let outcome = [Outcome::Done, Outcome::Refused, Outcome::Unknown][outcome];
        let answer = if outcome == Outcome::Done { answer } else { Value::Nil };
        let (sent_at, ended_at) = (Duration::from_nanos(from), Duration::from_nanos(from + length));
        Operation { client, node, function, key, argument, answer, sent_at, ended_at, outcome }
    }
}

proptest! {
    #[test]
    fn any_form_reads_back(value in values()) {
        let form = Edn::from(&value);
        let read = parse(&form.to_string()).unwrap();
        prop_assert_eq!(&read, &[(1, form)]);
        prop_assert_eq!(Value::from(&read[0].1), value);
    }

    /// Even of clients that do several things at once.
    #[test]
    fn any_history_reads_back(operations in prop::collection::vec(operations(), 0..20)) {
        let history: History = operations.into_iter().collect();
        let (read, _) = read_history(&write_history(&history, &[])).unwrap();
        let sorted = |history: &History| {
            let mut operations = history.operations().to_vec();
            operations.sort_by_key(|operation| format!("{operation:?}"));
            operations
        };
        prop_assert_eq!(sorted(&read), sorted(&history));
    }
}
