//! One trace in many spellings.

use crate::bench::{Bench, decisions, words};

const CSV: &str = "time,key,event,id,tokens,plan,address\n\
    1700000000.000000001,k,call,a,500,pro,192.0.2.1\n\
    1700000000.5,k,settle,a,300,,\n\
    1700000001,j,,,,,::1\n\
    1700000001,j,plan,,,enterprise,\n\
    1700000002.25,j,call,,7,,\n";

#[test]
fn json_lines_say_the_same_as_csv() {
    let json = r#"
        {"time":1700000000.000000001,"key":"k","event":"call","id":"a","tokens":500,"plan":"pro","address":"192.0.2.1"}
        {"tokens":300,"id":"a","event":"settle","key":"\u006b","time":"1700000000.5"}

        {"time":1.700000001e9,"key":"j","address":"::1","tokens":null}
        {"time":"2023-11-14T22:13:21Z","key":"j","event":"plan","plan":"enterprise"}
        {"time":"2023-11-15 00:13:22.25+02:00","key":"j","tokens":"7"}
    "#;
    let bench = Bench::new();
    bench.file("trace.csv", CSV).file("trace.jsonl", json);
    let rows = bench.decisions(&["trace.csv"]);
    assert_eq!(words(&rows), ["admitted", "settled", "admitted", "changed", "admitted"]);
    assert_eq!(bench.decisions(&["trace.jsonl"]), rows);
    bench.file("trace", json);
    assert_eq!(bench.decisions(&["trace"]), rows);
    assert_eq!(bench.decisions(&["--format", "jsonl", "trace"]), rows);
}

#[test]
fn columns_come_in_any_order_and_lines_end_in_any_way() {
    let expected = decisions("time,key,tokens\n1,a,5\n2,\"b,\"\"c\"\"\",6\n");
    assert_eq!(expected[1].key, "b,\"c\"");
    for trace in [
        "tokens,time,key\n5,1,a\n6,2,\"b,\"\"c\"\"\"\n",
        "\u{feff}time,key,tokens\r\n1,a,5\r\n\r\n2,\"b,\"\"c\"\"\",6",
        "\n\"time\",\"key\",\"tokens\"\n\"1\",\"a\",\"5\"\n\"2\",\"b,\"\"c\"\"\",\"6\"\n\n",
        "time, key, tokens\n 1 ,a, 5\n2,\"b,\"\"c\"\"\",6 \n",
    ] {
        assert_eq!(decisions(trace), expected, "{trace}");
    }
    // A key may even hold a line end, and the lines after it keep their numbers.
    let bench = Bench::new();
    bench.file("trace.csv", "time,key\n1,\"a\nb\"\n2,c\nx,d\n");
    let outcome = bench.replay(&["trace.csv"]);
    assert!(outcome.stderr.contains("trace.csv, line 5: `time`"), "{}", outcome.stderr);
}

#[test]
fn the_azure_traces_are_understood_as_they_are() {
    let trace = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n\
                 2023-11-16 18:15:46.6805900,374,44\r\n\
                 2023-11-16 18:15:50.9951690,120000,109\r\n\
                 2023-11-16 18:15:50.9951690,110000,5\r\n\
                 2023-11-16 18:15:50.9951690,9000,5\r\n";
    let rows = decisions(trace);
    assert_eq!(words(&rows), ["admitted", "settled", "denied", "admitted", "settled", "admitted", "settled"]);
    assert_eq!((rows[0].time.as_str(), rows[1].event.as_str()), ("1700158546.680590000", "settle"));
    let bench = Bench::new();
    let json = bench.file("trace.csv", trace).replay(&["--json", "trace.csv"]).stdout;
    let summary: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(summary["total"]["tokens_reserved"], 374 + 110_000 + 9_000);
    assert_eq!(summary["total"]["tokens_charged"], 374 + 44 + 110_005 + 9_005);
}

#[test]
fn access_logs_are_sorted_by_time_all_together() {
    let line = |client: &str, second: u32| {
        format!(
            "{client} - - [17/May/2015:10:05:{second:02} +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"agent\"\n"
        )
    };
    let bench = Bench::new();
    bench.file("a.log", line("192.0.2.1", 3) + &line("192.0.2.2", 1) + &line("192.0.2.3", 3));
    bench.file("b.log", line("::1", 2) + &line("::2", 0) + &line("::3", 3));
    let rows = bench.decisions(&["a.log", "b.log"]);
    let keys: Vec<_> = rows.iter().map(|row| row.key.as_str()).collect();
    assert_eq!(keys, ["::2", "192.0.2.2", "::1", "192.0.2.1", "192.0.2.3", "::3"]);
    assert_eq!(rows[0].time, "1431857100.000000000");
}

#[test]
fn several_files_are_one_stream_and_dash_is_standard_input() {
    let bench = Bench::new();
    bench
        .file("a.csv", "time,event,id,tokens\n1,call,a,5\n")
        .file("b.jsonl", "{\"time\":2,\"event\":\"settle\",\"id\":\"a\"}");
    assert_eq!(words(&bench.decisions(&["a.csv", "b.jsonl"])), ["admitted", "settled"]);
    let outcome = bench.replay_stdin(&["a.csv", "-"], "time\n3\n4\n");
    assert!(outcome.stdout.starts_with("3 calls by 1 key"), "{outcome:?}");
}

#[test]
fn a_trace_without_events_is_no_error() {
    let bench = Bench::new();
    for trace in ["", "time,key\n"] {
        let outcome = bench.file("trace.csv", trace).replay(&["trace.csv"]);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (0, "trace.csv: no events\n"));
        let json = bench.replay(&["--json", "trace.csv"]).stdout;
        assert!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["first"].is_null());
    }
}

#[test]
fn columns_of_no_meaning_are_ignored_aloud() {
    let bench = Bench::new();
    bench.file("trace.csv", "time,Key,colour\n1,a,red\n2,b,red\n");
    let outcome = bench.replay(&["trace.csv"]);
    assert_eq!(outcome.status, 0);
    assert_eq!(outcome.stderr, "tidegate: trace.csv: ignoring `Key`, `colour`\n");
    bench.file("trace.jsonl", "{\"time\":1,\"x\":[1]}\n{\"time\":2,\"x\":{},\"y\":null}\n");
    assert_eq!(bench.replay(&["trace.jsonl"]).stderr, "tidegate: trace.jsonl: ignoring `x`, `y`\n");
}
