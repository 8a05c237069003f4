//! What is wrong is told with file and line, and nothing half-done stays behind.

use crate::bench::Bench;

/// Replays a bad trace and gives the message, having checked that nothing else came out.
fn refused(name: &str, trace: &str) -> String {
    let bench = Bench::new();
    bench.file(name, trace);
    let outcome = bench.replay(&["--decisions", "out.csv", name]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{trace}: {outcome:?}");
    assert_eq!(bench.names(), [name], "{trace}");
    outcome.stderr
}

#[test]
fn every_bad_field_is_told_with_its_line() {
    let header = "time,key,event,id,tokens,plan,address\n1,k,call,a,5,,\n\n";
    for (row, expected) in [
        ("x,k,,,,,", "line 4: `time`: expected seconds since 1970 with up to nine decimals"),
        ("1e9,k,,,,,", "line 4: `time`: expected"),
        (
            "1.0000000001,k,,,,,",
            "line 4: `time`: expected a time with at most nine decimals, found `1.0000000001`",
        ),
        ("2023-11-16T18:15:46,k,,,,,", "line 4: `time`: expected an offset after the time"),
        (",k,,,,,", "line 4: `time` is missing"),
        ("0.999999999,k,,,,,", "line 4: `time` goes back: 0.999999999 comes after 1.000000000 of line 2"),
        ("2,k,cancel,,,,", "line 4: `event`: expected `call`, `settle` or `plan`, found `cancel`"),
        ("2,k,,,-1,,", "line 4: `tokens`: expected a whole number"),
        ("2,k,,,1.5,,", "line 4: `tokens`: expected a whole number"),
        (
            "2,k,,,18446744073709551616,,",
            "line 4: `tokens`: expected a whole number from 0 to 18446744073709551615",
        ),
        ("2,k,,,,gold,", "line 4: `plan`: no plan is named `gold`; known are `free`, `pro`, `enterprise`"),
        (
            "2,k,,,,fre,",
            "line 4: `plan`: no plan is named `fre`; known are `free`, `pro`, `enterprise`; did you mean `free`?",
        ),
        ("2,k,plan,,,,", "line 4: `plan` is missing"),
        ("2,k,settle,,,,", "line 4: `id` is missing"),
        ("2,k,settle,b,,,", "line 4: `id`: no call to settle is named `b`"),
        ("2,j,settle,a,,,", "line 4: `key`: the call `a` was made by `k`, found `j`"),
        ("2,k,call,a,,,", "line 4: `id`: `a` still names an admitted call that has not been settled"),
        ("2,k,,,,,300.0.0.1", "line 4: `address`: expected an IPv4 or IPv6 address, found `300.0.0.1`"),
        ("2,k,,,,", "line 4: expected 7 fields as in the header, found 6"),
        ("2,k,,,,,,", "line 4: expected 7 fields as in the header, found 8"),
        ("2,\"k\",,,,,\"", "line 4: a quotation mark opens here and never closes"),
        ("2,\"k\"k,,,,,", "line 4: expected `,` after a closing quotation mark, found `k,,,,,`"),
    ] {
        let message = refused("trace.csv", &format!("{header}{row}\n"));
        assert!(message.starts_with(&format!("tidegate: trace.csv, {expected}")), "{row}: {message}");
        let message = refused("trace.csv", &format!("{header}{row}\n").replace('\n', "\r\n"));
        assert!(message.starts_with(&format!("tidegate: trace.csv, {expected}")), "{row}: {message}");
    }
}

#[test]
fn a_settle_counts_once() {
    let message = refused("t.csv", "time,event,id\n1,call,a\n2,settle,a\n3,settle,a\n");
    assert!(message.contains("t.csv, line 4: `id`: no call to settle is named `a`"), "{message}");
}

#[test]
fn a_header_without_time_or_with_a_column_twice_is_refused() {
    assert!(refused("t.csv", "key,Time\n").contains("t.csv, line 1: the header has no column `time`"));
    assert!(refused("t.csv", "time,key,key\n").contains("line 1: two columns are given as `key`"));
}

#[test]
fn bad_json_is_told_with_its_line() {
    for (object, expected) in [
        ("{\"time\":2", "expected a JSON object"),
        ("[2]", "expected a JSON object"),
        ("{\"time\":2} x", "expected a JSON object"),
        ("{\"key\":\"k\"}", "`time` is missing"),
        ("{\"time\":true}", "`time`: expected a string or a number, found `true`"),
        ("{\"time\":2,\"tokens\":1.5}", "`tokens`: expected a whole number"),
        ("{\"time\":2,\"tokens\":1e3}", "`tokens`: expected a whole number"),
        ("{\"time\":2,\"time\":3}", "`time` is given twice"),
        ("{\"time\":0.30000000000000004}", "`time`: expected a time with at most nine decimals"),
        ("{\"time\":0.5}", "`time` goes back"),
    ] {
        let message = refused("t.jsonl", &format!("{{\"time\":1}}\n{object}\n"));
        assert!(
            message.starts_with(&format!("tidegate: t.jsonl, line 2: {expected}")),
            "{object}: {message}"
        );
    }
}

#[test]
fn a_line_that_is_of_no_access_log_is_told() {
    let good = "::1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 5\n";
    let message = refused("a.log", &format!("{good}what\n"));
    assert!(message.contains("a.log, line 2: expected `client ident user [time]"), "{message}");
    let message = refused("a.log", &good.replace("May", "Mai"));
    assert!(message.contains("a.log, line 1: time: expected one such as"), "{message}");
}

#[test]
fn time_must_not_go_back_from_file_to_file_either() {
    let bench = Bench::new();
    bench.file("a.csv", "time\n5\n").file("b.csv", "time\n4\n");
    let message = bench.replay(&["a.csv", "b.csv"]).stderr;
    assert!(
        message.contains(
            "b.csv, line 2: `time` goes back: 4.000000000 comes after 5.000000000 of a.csv, line 2"
        ),
        "{message}"
    );
}

#[test]
fn more_keys_than_there_is_room_for_are_an_error_that_says_what_to_do() {
    let bench = Bench::new();
    bench.file("t.csv", "time,key\n1,a\n2,b\n3,a\n4,c\n");
    let outcome = bench.replay(&["--keys", "2", "t.csv"]);
    assert_eq!(outcome.status, 2);
    assert!(
        outcome.stderr.contains("t.csv, line 5: `key`: no room for one more key, `c`: raise --keys"),
        "{outcome:?}"
    );
    assert_eq!(bench.replay(&["--keys", "3", "t.csv"]).status, 0);
}

#[test]
fn an_error_leaves_an_earlier_decisions_file_as_it_was() {
    let bench = Bench::new();
    bench.file("out.csv", "kept").file("t.csv", "time\n2\n1\n");
    assert_eq!(bench.replay(&["--decisions", "out.csv", "t.csv"]).status, 2);
    assert_eq!(std::fs::read_to_string(bench.path("out.csv")).unwrap(), "kept");
    assert_eq!(bench.names(), ["out.csv", "t.csv"]);
}

#[test]
fn a_trace_is_not_overwritten_by_its_own_decisions() {
    let bench = Bench::new();
    bench.file("t.csv", "time\n1\n");
    let outcome = bench.replay(&["--decisions", "./t.csv", "t.csv"]);
    assert!(outcome.status == 2 && outcome.stderr.contains("would be replaced"), "{outcome:?}");
    assert_eq!(std::fs::read_to_string(bench.path("t.csv")).unwrap(), "time\n1\n");
}

#[test]
fn wrong_usage_is_told_before_anything_is_read() {
    let bench = Bench::new();
    bench.file("t.csv", "time\n1\n").file("t", "what\n").file("a.log", "");
    for (args, expected) in [
        (&["missing.csv"][..], "missing.csv: No such file"),
        (&["--plans", "missing.toml", "t.csv"], "missing.toml: No such file"),
        (&["--plan", "gold", "t.csv"], "--plan: no plan is named `gold`; known are `free`"),
        (&["--decisions", "-", "t.csv"], "standard output is for the summary"),
        (&["--decisions", "no/out.csv", "t.csv"], "--decisions no/out.csv: No such file"),
        (&["t"], "t, line 1: cannot tell what format this is"),
        (&["t.csv", "a.log"], "access logs cannot be mixed"),
        (&["-", "-"], "can be read only once"),
        (&["."], ".: is a directory"),
        (&[], "<TRACE>"),
        (&["--keys", "0", "t.csv"], "--keys"),
    ] {
        let outcome = bench.replay(args);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{args:?}");
        assert!(outcome.stderr.contains(expected), "{args:?}: {}", outcome.stderr);
    }
}

#[test]
fn a_bad_plans_file_is_told_with_line_and_field() {
    let bench = Bench::new();
    bench.file("t.csv", "time\n1\n").file("p.toml", "[plans.p]\nrequest_per_minute = 5\n");
    let message = bench.replay(&["--plans", "p.toml", "t.csv"]).stderr;
    assert!(
        message.starts_with("tidegate: p.toml, line 2, `plans.p.request_per_minute`: unknown field"),
        "{message}"
    );
    assert!(message.ends_with("did you mean `requests_per_minute`?\n"), "{message}");
}
