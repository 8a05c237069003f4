//! The summary, for people and for programs.

use crate::bench::Bench;
use serde_json::Value;

fn trace() -> String {
    let calls = "1700000000,k,call,,10\n".repeat(26);
    format!(
        "time,key,event,id,tokens\n{calls}1700000060,j,call,x,500000\n1700000061,l,call,y,7\n1700000062,l,settle,y,9\n1700000063,j,settle,x,1\n"
    )
}

#[test]
fn the_summary_tells_how_much_by_what_whom_and_when() {
    let bench = Bench::new();
    let outcome = bench.file("t.csv", trace()).replay(&["t.csv"]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    let expected = "\
28 calls by 3 keys, 2023-11-14 22:13:20 to 22:14:23 UTC (1 min 3 s)

admitted                   25  89.3 %
denied                      2   7.1 %
  by requests_per_minute    2   7.1 %
never admitted: too large   1   3.6 %
  by tokens_per_minute      1   3.6 %

tokens: 500,267 asked for, 247 reserved by admitted calls, 249 charged after settling
settles: 1 of admitted calls (0 by estimate), 1 of denied ones (no effect), 0 still open

plan  keys  calls  admitted  denied  never  by requests_per_minute
free     3     28        25       2      1                       2

Keys hit hardest (1 of 3 had calls denied)
key  plan  calls  denied  share  first denied (UTC)   last denied (UTC)    by
k    free     26       2  7.7 %  2023-11-14 22:13:20  2023-11-14 22:13:20  requests_per_minute

Denied calls over time, a column every 1 min
│█ │
Busiest minutes (UTC): 2023-11-14 22:13 (2)
";
    assert_eq!(outcome.stdout, expected);
}

#[test]
fn the_json_object_is_versioned_and_says_the_same() {
    let bench = Bench::new();
    let outcome = bench.file("t.csv", trace()).replay(&["--json", "t.csv"]);
    let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["first"], "1700000000.000000000");
    let total = &json["total"];
    let count = |name: &str| total[name].as_u64().unwrap();
    assert_eq!(count("calls"), count("admitted") + count("denied") + count("never"));
    assert_eq!((count("calls"), count("denied"), count("never")), (28, 2, 1));
    assert_eq!(total["denied_by"]["requests_per_minute"], 2);
    assert_eq!(total["never_by"]["tokens_per_minute"], 1);
    assert_eq!(json["plans"][0]["plan"], "free");
    assert_eq!(json["hardest_keys"][0]["key"], "k");
    assert_eq!(json["denials_by_minute"], serde_json::json!([{"start": 1_699_999_980, "denied": 2}]));
}

#[test]
fn the_same_trace_gives_the_same_bytes() {
    let bench = Bench::new();
    bench.file("t.csv", trace());
    let run = |out: &str| {
        let summary = bench.replay(&["--json", "--decisions", out, "t.csv"]).stdout;
        (summary, std::fs::read(bench.path(out)).unwrap())
    };
    assert_eq!(run("one.csv"), run("two.csv"));
}

#[test]
fn decisions_may_go_to_a_device() {
    let bench = Bench::new();
    let outcome = bench.file("t.csv", "time\n1\n").replay(&["--decisions", "/dev/null", "t.csv"]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(!std::path::Path::new("/dev/null").metadata().unwrap().is_file());
}
