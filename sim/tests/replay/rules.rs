//! The rules of the engine, as a trace shows them.

use crate::bench::{Bench, decisions, seconds, words};
use std::fmt::Write;

const START: u64 = 1_700_000_000_000_000_000;

#[test]
fn a_free_key_may_call_24_times_at_once_and_not_25() {
    let trace = format!("time\n{}", "1700000000\n".repeat(25));
    let rows = decisions(&trace);
    assert_eq!(words(&rows), [vec!["admitted"; 24], vec!["denied"]].concat());
    assert!(rows.iter().all(|row| row.key == "-" && row.limit_requests == Some(20)));
    let remaining: Vec<_> = rows.iter().map(|row| row.remaining_requests.unwrap()).collect();
    assert_eq!(remaining[..21], (0..20).rev().chain([0]).collect::<Vec<_>>());
    let denied = &rows[24];
    assert_eq!((denied.limit.as_str(), &*denied.time), ("requests_per_minute", "1700000000.000000000"));
    assert!(denied.retry_after_ns.is_some());
    assert!(rows[..24].iter().all(|row| row.limit.is_empty() && row.retry_after_ns.is_none()));
}

#[test]
fn a_retry_is_admitted_at_its_time_and_denied_a_nanosecond_before() {
    let burst = "1700000000,100\n".repeat(25);
    let wait = decisions(&format!("time,tokens\n{burst}"))[24].retry_after_ns.unwrap();
    let (before, at) = (seconds(START + wait - 1), seconds(START + wait));
    let rows = decisions(&format!("time,tokens\n{burst}{before},100\n{at},100\n"));
    assert_eq!(words(&rows[24..]), ["denied", "denied", "admitted"]);
    assert_eq!(rows[25].retry_after_ns, Some(1));
}

#[test]
fn an_exhausted_free_key_moved_to_pro_is_admitted_at_once() {
    let used_up = "1700000000,k,call,\n".repeat(25);
    // By an event of its own, or with the call.
    for (moved, plan) in [("1700000001,k,plan,pro\n", ""), ("", "pro")] {
        let rows = decisions(&format!("time,key,event,plan\n{used_up}{moved}1700000001,k,call,{plan}\n"));
        assert_eq!(rows[24].decision, "denied");
        let last = rows.last().unwrap();
        assert_eq!((last.decision.as_str(), last.limit_requests), ("admitted", Some(1_000)));
        assert_eq!(last.remaining_requests, Some(1_000 - 24 - 1));
        if rows.len() == 27 {
            assert_eq!((rows[25].event.as_str(), rows[25].decision.as_str()), ("plan", "changed"));
            assert_eq!(rows[25].remaining_requests, Some(1_000 - 24));
        }
    }
}

#[test]
fn a_key_stays_on_the_last_plan_that_the_trace_gave_it() {
    let rows = decisions("time,key,plan\n1,k,pro\n2,k,\n3,other,\n4,k,free\n5,k,\n");
    let limits: Vec<_> = rows.iter().map(|row| row.limit_requests.unwrap()).collect();
    assert_eq!(limits, [1_000, 1_000, 20, 20, 20]);
    let bench = Bench::new();
    bench.file("trace.csv", "time,key,plan\n1,k,pro\n2,other,\n");
    let rows = bench.decisions(&["--plan", "enterprise", "trace.csv"]);
    assert_eq!((rows[0].limit_requests, rows[1].limit_requests), (Some(1_000), None));
    assert_eq!((rows[1].remaining_requests, rows[1].reset), (None, None));
}

#[test]
fn a_refund_that_arrives_after_its_window_frees_nothing_in_the_present_one() {
    let bench = Bench::new();
    bench.file("plans.toml", "[plans.p]\ntokens_per_minute = 100\nburst = 0\n");
    bench.file(
        "trace.csv",
        "time,event,id,tokens\n0,call,a,100\n120,call,,100\n121,settle,a,0\n122,call,,100\n122,call,,1\n",
    );
    let rows = bench.decisions(&["--plans", "plans.toml", "--plan", "p", "trace.csv"]);
    assert_eq!(words(&rows), ["admitted", "admitted", "settled", "denied", "denied"]);
    assert_eq!(rows[3].limit, "tokens_per_minute");
}

#[test]
fn a_refund_in_time_gives_back_and_a_debt_must_be_waited_for() {
    let bench = Bench::new();
    bench.file("plans.toml", "[plans.p]\ntokens_per_minute = 100\nburst = 0\n");
    let header = "time,event,id,tokens\n0,call,a,100\n0,call,,60\n";
    bench.file("refund.csv", format!("{header}1,settle,a,40\n1,call,,60\n1,call,,60\n"));
    let rows = bench.decisions(&["--plans", "plans.toml", "--plan", "p", "refund.csv"]);
    assert_eq!(words(&rows), ["admitted", "denied", "settled", "admitted", "denied"]);
    bench.file("debt.csv", format!("{header}1,settle,a,300\n90,call,,1\n"));
    let rows = bench.decisions(&["--plans", "plans.toml", "--plan", "p", "debt.csv"]);
    assert_eq!(words(&rows), ["admitted", "denied", "settled", "denied"]);
}

#[test]
fn a_client_paced_at_exactly_its_limit_is_never_denied() {
    let mut trace = "time,key\n".to_owned();
    for call in 0..(6 * 60 * 20) {
        writeln!(trace, "{},steady", seconds(START + call * 3_000_000_000)).unwrap();
    }
    let rows = decisions(&trace);
    assert_eq!(rows.len(), 7_200);
    assert!(rows.iter().all(|row| row.decision == "admitted"));
}

#[test]
fn a_settle_of_a_denied_call_changes_nothing_and_its_id_may_be_tried_again() {
    let full = "1700000000,call,,\n".repeat(24);
    let rows = decisions(&format!(
        "time,event,id,tokens\n{full}1700000000,call,a,5\n1700000000,call,a,5\n1700000001,settle,a,9\n\
         1700000100,call,a,5\n1700000101,settle,a,\n1700000102,call,a,5\n"
    ));
    assert_eq!(words(&rows[24..]), ["denied", "denied", "settled", "admitted", "settled", "admitted"]);
    assert_eq!(rows[26].remaining_requests, Some(0));
}

#[test]
fn a_settle_needs_no_key_and_is_written_under_that_of_its_call() {
    let rows = decisions("time,key,event,id,tokens\n1,k,call,a,5\n2,,settle,a,4\n");
    assert_eq!((rows[1].key.as_str(), rows[1].remaining_requests), ("k", Some(19)));
}

#[test]
fn a_call_that_is_too_large_is_never_admitted_and_gets_no_retry_time() {
    let rows = decisions("time,tokens\n1,120001\n1,18446744073709551615\n1,120000\n");
    assert_eq!(words(&rows), ["never", "never", "admitted"]);
    assert_eq!((rows[0].limit.as_str(), rows[0].retry_after_ns), ("tokens_per_minute", None));
}

#[test]
fn the_day_is_named_when_it_denies_until_midnight() {
    // 1699920000 is a midnight; the window of a minute has long passed at each call.
    let rows = decisions("time,tokens\n1699920000,100000\n1699921000,100000\n1699922000.5,1\n1700006400,1\n");
    assert_eq!(words(&rows), ["admitted", "admitted", "denied", "admitted"]);
    assert_eq!(rows[2].limit, "tokens_per_day");
    assert_eq!(rows[2].retry_after_ns, Some((1_700_006_400 - 1_699_922_000) * 1_000_000_000 - 500_000_000));
}

#[test]
fn limits_of_ones_own_are_called_by_their_names_and_shadow_ones_deny_nothing() {
    let bench = Bench::new();
    bench.file(
        "plans.toml",
        r#"
        [[plans.p.limits]]
        unit = "requests"
        amount = 10
        window = "1s"
        burst = 0
        name = "spikes"
        [[plans.p.limits]]
        unit = "tokens"
        amount = 5
        window = "1h"
        burst = 0
        mode = "shadow"
        "#,
    );
    bench.file("trace.csv", format!("time,tokens\n{}", "1,1\n".repeat(11)));
    let rows = bench.decisions(&["--plans", "plans.toml", "--plan", "p", "trace.csv"]);
    assert_eq!(words(&rows), [vec!["admitted"; 10], vec!["denied"]].concat());
    assert_eq!(rows[10].limit, "spikes");
    let summary = bench.replay(&["--plans", "plans.toml", "--plan", "p", "trace.csv"]).stdout;
    assert!(summary.contains("would be denied, limit in shadow"), "{summary}");
    assert!(summary.contains("by tokens_per_hour"), "{summary}");
}

#[test]
fn slotted_hints_tell_each_denied_call_a_place_of_its_own() {
    let bench = Bench::new();
    let limit = "requests_per_minute = 20\nburst = 0\n";
    bench.file("plans.toml", format!("[plans.exact]\n{limit}[plans.slotted]\n{limit}slotted_hints = true\n"));
    bench.file("trace.csv", format!("time\n{}", "1700000000\n".repeat(24)));
    let told = |plan: &str| {
        let rows = bench.decisions(&["--plans", "plans.toml", "--plan", plan, "trace.csv"]);
        assert_eq!(words(&rows), [vec!["admitted"; 20], vec!["denied"; 4]].concat());
        rows[20..].iter().map(|row| row.retry_after_ns.unwrap()).collect::<Vec<_>>()
    };
    let exact = told("exact");
    assert_eq!(exact, [exact[0]; 4]);
    // One more every three seconds.
    assert_eq!(told("slotted"), [0, 1, 2, 3].map(|place| exact[0] + place * 3_000_000_000));
}
