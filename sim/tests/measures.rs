//! The measures, the statistics and the verdict of `tidegate simulate`, on scenarios whose outcome is known.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A scenario: in a directory of its own, or among those that come with the simulator.
struct Try {
    file: PathBuf,
    _directory: Option<TempDir>,
}

impl Try {
    fn new(scenario: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("scenario.toml");
        std::fs::write(&file, scenario).unwrap();
        Self { file, _directory: Some(directory) }
    }

    fn that_comes_with_it(name: &str) -> Self {
        let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        Self { file: scenarios.join(name), _directory: None }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.arg("simulate").arg(&self.file).args(["--out", "/dev/null"]).args(arguments);
        command.output().unwrap()
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    #[track_caller]
    fn table(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

#[track_caller]
fn number(row: &Value, field: &str) -> f64 {
    row[field].as_f64().unwrap_or_else(|| panic!("{field} in {row}"))
}

#[track_caller]
fn assert_near(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() <= within, "{found}, expected {expected} ± {within}");
}

/// One minute, one key, no burst: the first calls of the minute are admitted, and no other.
fn first_come(amount: u32, populations: &str) -> Value {
    let scenario = format!(
        "duration = \"1min\"\n[plans.few]\n[[plans.few.limits]]\nunit = \"requests\"\namount = {amount}\nwindow = \"2h\"\n\
         burst = 0.0\n{populations}"
    );
    Try::new(&scenario).json(&[])
}

/// Ten calls of each of four clients, of which a key that they share admits ten: who is first has all of his.
#[test]
fn jains_index_is_of_max_min_shares() {
    let four = "[[population]]\nname = \"four\"\nplan = \"few\"\nclients = 4\nclients_per_key = 4\n\
        arrivals = { burst = { calls = 10, every = \"1h\", aligned = true } }\nretry = \"none\"\n";
    let summary = first_come(10, four);
    for row in [&summary["populations"][0], &summary["total"]] {
        // Fair are 2.5 calls for each; one has four times that.
        assert_near(number(row, "fair_jain"), 0.25, 1e-12);
        assert_eq!((number(row, "fair_least"), number(row, "fair_p1")), (0.0, 0.0));
    }
    let fair = first_come(40, four);
    assert_eq!(number(&fair["total"], "fair_jain"), 1.0);
}

/// A client that wants one call and gets it has its share, beside one that wants ten and gets them. Of the total there is no
/// index where plans differ.
/// Tokens are whole, and their mean is that of the distribution: for exponential ones of mean 2, rounded, e^(−¼)/(1 − e^(−½)).
/// Cut off they would have 1.54.
#[test]
fn tokens_are_rounded_and_not_cut_off() {
    let scenario = r#"
        duration = "1h"
        [[population]]
        name = "small"
        plan = "enterprise"
        clients = 20
        arrivals = { paced = "1/s" }
        tokens = { exponential = 2 }
        retry = "none"
    "#;
    let row = &Try::new(scenario).json(&[])["total"];
    let tokens = number(row, "tokens_per_minute") * 60.0 / number(row, "calls");
    assert_near(tokens, (-0.25_f64).exp() / (1.0 - (-0.5_f64).exp()), 0.03);
}

#[test]
fn who_wants_less_does_not_make_the_index_worse() {
    let both = |plan: &str| {
        format!(
            "[[population]]\nname = \"ten\"\nplan = \"few\"\nclients = 1\nretry = \"none\"\n\
             arrivals = {{ burst = {{ calls = 10, every = \"1h\", aligned = true }} }}\n\
             [[population]]\nname = \"one\"\nplan = \"{plan}\"\nclients = 1\nretry = \"none\"\n\
             arrivals = {{ burst = {{ calls = 1, every = \"1h\", aligned = true }} }}\n"
        )
    };
    let alike = first_come(10, &both("few"));
    assert_eq!(number(&alike["total"], "fair_jain"), 1.0);
    assert_eq!(alike["total"]["jain"], Value::Null);
    let unlike = first_come(10, &both("pro"));
    assert_eq!(unlike["total"]["fair_jain"], Value::Null);
    assert_eq!(number(&unlike["populations"][1], "fair_jain"), 1.0);
}

/// Two clients take turns: in a window of ten minutes and in the whole hour they have the same, in each minute one has all.
/// On the hour-long window of a plan, too, what a window is follows from it.
#[test]
fn windows_show_what_the_whole_hides() {
    let scenario = r#"
        duration = "100s"
        [plans.ten]
        [[plans.ten.limits]]
        unit = "requests"
        amount = 1
        window = "10s"
        burst = 0.0
        [[population]]
        name = "two"
        plan = "ten"
        clients = 2
        clients_per_key = 2
        arrivals = { burst = { calls = 1, every = "10s", aligned = true } }
        retry = "none"
    "#;
    let summary = Try::new(scenario).json(&[]);
    let row = &summary["populations"][0];
    assert_eq!(number(row, "window_seconds"), 10.0);
    // At each tenth second both call, and at most one is admitted: a unit leaves after 10 s and up to a seventh more.
    let windows = number(row, "windows_1w");
    assert_eq!(windows, number(row, "succeeded"), "what nobody got is not shared");
    assert_eq!(number(row, "fair_jain_1w"), 0.5);
    assert_eq!(number(row, "windows_10w"), 1.0);
    // The first of the two is the same each time.
    assert_eq!((number(row, "fair_jain_10w"), number(row, "fair_jain")), (0.5, 0.5));
}

/// The key's one admission of the hour goes to the first; the other calls every ten seconds, and never has anything.
#[test]
fn who_never_succeeds_starves_to_its_last_attempt() {
    let two = "[[population]]\nname = \"two\"\nplan = \"few\"\nclients = 2\nclients_per_key = 2\nretry = \"none\"\n\
        arrivals = { burst = { calls = 1, every = \"10s\", aligned = true } }\n";
    let summary = first_come(1, two);
    let row = &summary["populations"][0];
    // From 0 s, or from 10 s for the one that had the first, to 50 s.
    assert_eq!(number(row, "starvation_seconds_most"), 50.0);
    assert_eq!(number(row, "starvation_seconds_p99"), 50.0);
    let waiting = two.replace("\"none\"", "{ policy = \"fixed\", delay = \"5s\", retries = 1000 }");
    let summary = first_come(1, &waiting);
    assert_eq!(
        number(&summary["total"], "starvation_seconds_most"),
        60.0,
        "to the end, since it still tries"
    );
}

/// Each attempt fails; after three retries the call is given up: 3 of 4 attempts are retries after a failure.
#[test]
fn retries_are_told_by_what_was_before() {
    let scenario = r#"
        duration = "10min"
        [backend]
        servers = 100
        service = "10ms"
        failure = 1.0
        [[population]]
        name = "failing"
        plan = "enterprise"
        clients = 10
        arrivals = { burst = { calls = 1, every = "1min", aligned = true } }
        retry = { policy = "fixed", delay = "1s", retries = 3 }
        [[population]]
        name = "too slow"
        plan = "enterprise"
        clients = 10
        arrivals = { burst = { calls = 1, every = "1min", aligned = true } }
        retry = { policy = "fixed", delay = "1s", retries = 2 }
        timeout = "5ms"
        [[population]]
        name = "denied"
        plan = "free"
        clients = 1
        arrivals = { burst = { calls = 24, every = "5min", aligned = true } }
        retry = { policy = "fixed", delay = "100ms", retries = 1 }
    "#;
    let summary = Try::new(scenario).json(&[]);
    let after = |place: usize, cause: &str| number(&summary["populations"][place]["retries_after"], cause);
    let attempts = |place: usize| number(&summary["populations"][place], "attempts_per_call");
    assert_eq!((after(0, "failed"), after(0, "denied"), attempts(0)), (300.0, 0.0, 4.0));
    assert_eq!((after(1, "timed_out"), after(1, "failed"), attempts(1)), (200.0, 0.0, 3.0));
    // All 24 fail, and all of their retries are denied.
    assert_eq!((after(2, "failed"), after(2, "denied"), attempts(2)), (48.0, 0.0, 2.0));
    let causes = ["denied", "blocked", "turned_away", "failed", "timed_out"];
    let all: f64 = causes.iter().map(|cause| number(&summary["total"]["retries_after"], cause)).sum();
    assert_eq!(all, number(&summary["total"], "retries"));
}

/// Ten clients of a key are told the same time, at which there is room for one more: one is admitted, the others are told to
/// wait for the next.
#[test]
fn hints_are_held_to_their_word() {
    let scenario = |clients: u32| {
        format!(
            "duration = \"5min\"\n[plans.one]\n[[plans.one.limits]]\nunit = \"requests\"\namount = 1\nwindow = \"10s\"\n\
             burst = 0.0\n[[population]]\nname = \"herd\"\nplan = \"one\"\nclients = {clients}\nclients_per_key = {clients}\n\
             arrivals = {{ at-once = \"0s\" }}\nretry = {{ policy = \"retry-after\", retries = 100 }}\nround_trip = \"1ms\"\n"
        )
    };
    let alone = &Try::new(&scenario(2)).json(&[])["total"]["hints"];
    assert_eq!((number(alone, "followed"), number(alone, "denied")), (1.0, 0.0));
    assert_eq!((number(alone, "denied_share"), &alone["further_seconds_mean"]), (0.0, &Value::Null));
    let herd = &Try::new(&scenario(10)).json(&[])["total"];
    let hints = &herd["hints"];
    // Nine come, then eight, and so on to the last: 45, of whom nine are admitted.
    assert_eq!((number(hints, "followed"), number(hints, "denied")), (45.0, 36.0));
    assert_eq!(number(hints, "denied_share"), 0.8);
    // They wait for the next segment's end, which is a window and at most a seventh more away.
    for field in ["further_seconds_mean", "further_seconds_most"] {
        let further = number(hints, field);
        assert!((9.9..=10.0 * 8.0 / 7.0).contains(&further), "{field}: {further}");
    }
    assert_eq!(number(herd, "succeeded"), 10.0);
}

/// Sixty clocks on each key want half more than it has. A unit leaves the window with its whole segment, so that room comes
/// back in a wave of a window and a seventh; the clocks themselves do not swing.
const CLOCKS: &str = r#"
    duration = "20min"
    [[population]]
    name = "clocks"
    plan = "pro"
    clients = 240
    clients_per_key = 60
    arrivals = { paced = "25/min" }
    tokens = 600
    retry = "none"
"#;

#[test]
fn clocks_in_step_with_the_window_oscillate() {
    let one = Try::new(CLOCKS);
    let summary = one.json(&[]);
    assert_eq!(summary["verdict"]["state"], "oscillating");
    let oscillation = &summary["populations"][0]["oscillation"];
    assert_near(number(&oscillation["goodput"], "period_seconds"), 60.0 * 8.0 / 7.0, 0.01);
    assert!(number(&oscillation["goodput"], "amplitude") > 0.1, "{oscillation}");
    let shown_by = |signal: &str| number(&oscillation[signal], "shown_by");
    assert_eq!((shown_by("goodput"), shown_by("attempts")), (1.0, 0.0));
    // It is overloaded too, which is told after.
    let evidence = summary["verdict"]["evidence"].as_array().unwrap();
    let states: Vec<&str> = evidence.iter().map(|one| one["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["oscillating", "oscillating", "overloaded"], "{evidence:?}");
    assert!(
        one.table(&[]).starts_with("OSCILLATING\n  total: with the window of 60.0 s successes swing by ")
    );
}

/// Over hours the wave is gone, and how long it took is told: it is the start that was not over.
#[test]
fn a_swing_that_dies_out_is_a_start_that_settles() {
    let summary = Try::new(&CLOCKS.replace("20min", "2h")).json(&[]);
    assert_eq!(summary["verdict"]["state"], "overloaded");
    let start = &summary["total"]["disturbances"][0];
    assert_eq!((&start["what"], &start["lasting"]), (&"the start".into(), &true.into()));
    let settling = number(start, "settling_seconds");
    assert!((20.0 * 60.0..30.0 * 60.0).contains(&settling), "{settling}");
}

/// An hour of clients that all make so many calls at the same instant of each minute.
fn pulses_of(calls: u32) -> Value {
    let scenario = format!(
        r#"
        duration = "1h"
        [[population]]
        name = "on the minute"
        plan = "free"
        clients = 50
        arrivals = {{ burst = {{ calls = {calls}, every = "1min", aligned = true }} }}
        retry = "none"
    "#
    );
    Try::new(&scenario).json(&[])
}

/// All clients call at the same instant of each minute, more than their limit admits: a pulse a minute, of which the wave is
/// twice the mean.
#[test]
fn pulses_of_a_minute_oscillate() {
    let summary = pulses_of(25);
    assert_eq!(summary["verdict"]["state"], "oscillating");
    for signal in ["attempts", "goodput"] {
        let swing = &summary["total"]["oscillation"][signal];
        assert_eq!(number(swing, "period_seconds"), 60.0);
        assert_near(number(swing, "amplitude"), 2.0, 1e-9);
    }
    // Twelve intervals of five seconds have five waves and a half. Of the goodput another part is a wave of two minutes: what one
    // pulse used up has not all left when the next one comes.
    let attempts = &summary["total"]["oscillation"]["attempts"];
    assert_near(number(attempts, "share_of_variance"), 1.0 / 5.5, 1e-9);
}

/// The same pulses within the limit: the pace is the clients' own.
#[test]
fn pulses_that_no_limit_denies_are_no_oscillation() {
    let summary = pulses_of(2);
    assert_eq!(summary["verdict"]["state"], "stable");
    assert_near(number(&summary["total"]["oscillation"]["attempts"], "amplitude"), 2.0, 1e-9);
}

/// One call an hour is what this backend can serve, which no retry keeps from it.
#[test]
fn a_backend_too_slow_for_any_call_to_end_is_overloaded() {
    let scenario = r#"
        duration = "30min"
        [backend]
        servers = 1
        queue = 5
        service = "1h"
        [[population]]
        name = "patient"
        plan = "free"
        clients = 20
        arrivals = { poisson = "10/min" }
        retry = "full-jitter"
    "#;
    let summary = Try::new(scenario).json(&[]);
    assert_eq!(summary["verdict"]["state"], "overloaded", "{}", summary["verdict"]);
    assert_eq!(number(&summary["total"], "possible_per_second"), 0.0);
}

/// Forty calls a minute for a limit of twenty: what they want is beyond what there is, whatever they do after.
#[test]
fn more_first_attempts_than_a_limit_admits_overload_it() {
    let scenario = r#"
        duration = "1h"
        seed = 5
        [[population]]
        name = "eager"
        plan = "free"
        clients = 100
        arrivals = { poisson = "40/min" }
        retry = "full-jitter"
    "#;
    let summary = Try::new(scenario).json(&[]);
    assert_eq!(summary["verdict"]["state"], "overloaded");
    let row = &summary["populations"][0];
    assert_near(number(row, "wanted_per_second"), 100.0 * 40.0 / 60.0, 1.0);
    assert_near(number(row, "possible_per_second"), 100.0 * 20.0 / 60.0, 1e-9);
    let text = summary["verdict"]["evidence"][0]["text"].as_str().unwrap();
    assert!(text.ends_with("the limits of its keys admit at most 33.3/s"), "{text}");
}

/// A tenth of what the servers can do, and two minutes without them: what is turned away says nothing of too much load.
#[test]
fn a_backend_that_an_outage_stops_is_not_called_overloaded() {
    let scenario = r#"
        duration = "1h"
        [backend]
        servers = 5
        service = "100ms"
        [[population]]
        name = "calm"
        plan = "enterprise"
        clients = 5
        arrivals = { paced = "60/min" }
        retry = "none"
        [[event]]
        at = "10min"
        outage = "2min"
    "#;
    let headline =
        |scenario: &str| Try::new(scenario).json(&[])["verdict"]["headline"].as_str().unwrap().to_owned();
    let told = headline(scenario);
    assert!(
        told.starts_with("Nobody is throttled, but the backend turns away 3.3% of the calls that reach it."),
        "{told}"
    );
    let told =
        headline(&scenario.replace("servers = 5", "servers = 5\nqueue = 5").replace("\"60/min", "\"900/min"));
    assert!(told.starts_with("Nobody is throttled, but the backend is overloaded: it turns away "), "{told}");
}

/// A call of more tokens than a minute's ceiling: no wait helps, and the verdict says why.
#[test]
fn calls_that_can_never_be_admitted_are_told() {
    let scenario = r#"
        duration = "10min"
        [plans.small]
        tokens_per_minute = 1_000
        [[population]]
        name = "large"
        plan = "small"
        clients = 3
        arrivals = { paced = "6/min" }
        tokens = 1_201
        retry = "retry-after"
    "#;
    let verdict = &Try::new(scenario).json(&[])["verdict"];
    let hit = verdict["throttled"][0].as_str().unwrap();
    assert!(hit.contains("each asks for more at once than that ever admits"), "{hit}");
}

#[test]
fn a_run_in_which_nobody_calls_says_so() {
    let scenario = r#"
        duration = "1min"
        [[population]]
        name = "idle"
        plan = "free"
        clients = 1
        arrivals = { poisson = "0.001/d" }
        retry = "none"
    "#;
    let verdict = &Try::new(scenario).json(&[])["verdict"];
    assert_eq!(verdict["evidence"][0]["text"], "total: nobody calls");
}

fn outage(calls_per_minute: &str) -> Try {
    let text = include_str!("../scenarios/outage.toml");
    Try::new(&text.replace("3/min", calls_per_minute))
}

/// At half of what the servers can do an outage of 30 s never heals: retries keep them busy with refusing.
#[test]
fn an_outage_that_retries_keep_up_is_metastable() {
    let one = outage("3/min");
    let summary = one.json(&["--replications", "3"]);
    assert_eq!(
        (&summary["verdict"]["state"], number(&summary["verdict"], "state_shown_by")),
        (&"metastable".into(), 3.0)
    );
    let total = &summary["total"];
    let outage = &total["disturbances"][1];
    assert_eq!((&outage["what"], number(outage, "at_seconds")), (&"the backend is down".into(), 300.0));
    assert_eq!(
        (number(outage, "censored"), number(outage, "settled"), number(outage, "stuck")),
        (3.0, 0.0, 3.0)
    );
    // It is seen from 330 s to the end at 900 s.
    assert_near(number(outage, "seen_seconds"), 570.0, 5.0);
    let [before, after, change] = ["before", "after", "change"].map(|when| &outage[when]);
    assert_near(number(before, "goodput_per_second"), 50.0, 2.0);
    assert_near(number(before, "attempts_per_call"), 1.0, 1e-3);
    assert_near(number(after, "calls_per_second"), 50.0, 2.0);
    assert!(number(after, "attempts_per_call") > 4.0 && number(after, "goodput_per_second") < 5.0, "{after}");
    for field in ["calls_per_second", "goodput_per_second", "attempts_per_call"] {
        assert_near(number(change, field), number(after, field) - number(before, field), 1e-9);
    }
    // Ten servers of 100 ms.
    assert_near(number(total, "possible_per_second"), 100.0, 1.0);
    assert_near(number(total, "wanted_per_second"), 50.0, 2.0);
    let table = one.table(&["--replications", "3"]);
    assert!(table.starts_with("METASTABLE, as 3 of 3 replications show\n  total: "), "{table}");
}

/// At a third it does, and the state is the same before and after.
#[test]
fn an_outage_that_heals_is_stable() {
    let summary = outage("2/min").json(&["--replications", "3"]);
    assert_eq!(
        (&summary["verdict"]["state"], number(&summary["verdict"], "state_shown_by")),
        (&"stable".into(), 3.0)
    );
    let outage = &summary["total"]["disturbances"][1];
    assert_eq!(
        (number(outage, "settled"), number(outage, "censored"), number(outage, "stuck")),
        (3.0, 0.0, 0.0)
    );
    let settling = number(outage, "settling_seconds");
    assert!((1.0..300.0).contains(&settling), "{settling}");
    assert_near(number(&outage["change"], "goodput_per_second"), 0.0, 3.0);
    let text = summary["verdict"]["evidence"][0]["text"].as_str().unwrap();
    assert!(text.contains("from “the backend is down” it has settled after "), "{text}");
}

/// Nothing was scripted, and yet retries keep the servers from what first attempts alone would get.
#[test]
fn a_backend_that_retries_jam_is_metastable_without_an_outage() {
    let jammed = Try::that_comes_with_it("deaf-clients.toml").json(&[]);
    assert_eq!(jammed["verdict"]["state"], "metastable");
    assert_eq!(jammed["verdict"]["evidence"][0]["of"], "total");
    let guarded = Try::that_comes_with_it("deaf-clients-guarded.toml").json(&[]);
    assert_eq!(guarded["verdict"]["state"], "overloaded", "by the deaf, on their own keys");
}

/// All of it, with what stands behind the limiter: the same bytes on any number of threads, and alone as among others.
#[test]
fn measures_are_the_same_on_any_number_of_threads() {
    for scenario in
        [include_str!("../scenarios/outage.toml"), include_str!("../scenarios/fifty-workers.toml")]
    {
        let one = Try::new(&scenario.replace("30min", "7min"));
        let run = |threads: &str| one.run(&["--json", "--replications", "3", "--threads", threads]).stdout;
        let bytes = run("1");
        assert!(!bytes.is_empty() && bytes == run("2") && bytes == run("8"));
    }
}

/// A queue at four fifths of what its server can do, which begins empty: 4 calls on average (M/M/1).
const QUEUE: &str = r#"
    duration = "20000s"
    warm_up = "auto"
    seed = 4
    [backend]
    servers = 1
    service = { exponential = "1s" }
    [plans.open]
    requests_per_minute = 1_000_000
    [[population]]
    name = "calls"
    plan = "open"
    clients = 100
    arrivals = { poisson = "0.008/s" }
    retry = "none"
"#;

#[test]
fn one_long_run_has_intervals_from_batches() {
    let summary = Try::new(QUEUE).json(&[]);
    assert_eq!(summary["scenario"]["warm_up"], "found");
    for (row, measure, expected) in
        [("backend", "in_system", 4.0), ("backend", "utilisation", 0.8), ("total", "goodput_per_second", 0.8)]
    {
        let interval = &summary[row]["intervals"][measure];
        let (mean, half_width) = (number(interval, "mean"), number(interval, "half_width"));
        assert!(half_width > 0.0, "{measure}: {interval}");
        assert_near(mean, expected, half_width);
        assert_eq!(mean, number(&summary[row], measure), "the interval is about what is told");
        let method = interval["method"].as_str().unwrap();
        assert!(method.starts_with("means of ") && method.ends_with(" batches"), "{method}");
    }
}

#[test]
fn a_run_that_cannot_say_how_sure_it_is_says_why() {
    let reasons = |scenario: &str| {
        let total = Try::new(scenario).json(&[])["total"].clone();
        assert!(total.get("intervals").is_none(), "{total}");
        total["no_interval"]["goodput_per_second"].as_str().unwrap().to_owned()
    };
    let disturbed = format!("{QUEUE}[[event]]\nat = \"10000s\"\noutage = \"10s\"\n");
    assert!(reasons(&disturbed).starts_with("something disturbs the run"));
    assert!(reasons(&QUEUE.replace("warm_up = \"auto\"", "")).starts_with("no warm-up is left out"));
    // Twenty of these: the backlog only grows.
    let short = QUEUE.replace("20000s", "60s").replace("0.008/s", "0.05/s");
    assert!(reasons(&short).starts_with("the run is too short"));
    let many = Try::new(QUEUE).json(&["--replications", "2"]);
    assert!(many["total"].get("no_interval").is_none());
}

/// Clients that stream for ten minutes each fill the place up to a steady number of them; the cut lies behind that, and depends
/// on scenario and seed alone.
#[test]
fn a_warm_up_is_found_and_is_the_same_for_every_replication() {
    let scenario = r#"
        duration = "10h"
        warm_up = "auto"
        [backend]
        servers = 10000
        service = "20min"
        [[population]]
        name = "slow"
        plan = "enterprise"
        clients = 1000
        arrivals = { poisson = "0.06/min" }
        retry = "none"
    "#;
    let one = Try::new(scenario);
    let warm_up = |arguments: &[&str]| {
        let facts = one.json(arguments)["scenario"].clone();
        assert_eq!(facts["warm_up"], "found");
        number(&facts, "warm_up_seconds")
    };
    let cut = warm_up(&[]);
    // The number rises evenly for twenty minutes, and nothing succeeds before.
    assert!((1_000.0..3_000.0).contains(&cut), "{cut}");
    for arguments in [&["--replication", "7"][..], &["--replications", "3"], &["--threads", "1"]] {
        assert_eq!(warm_up(arguments), cut, "{arguments:?}");
    }
    assert!(one.table(&[]).contains("found by MSER-5 on a pilot"));
    // Those under way are 1,000 · 0.001/s · 1,200 s.
    let in_system = number(&one.json(&["--replications", "5"])["backend"], "in_system");
    assert_near(in_system, 1_200.0, 30.0);
}

#[test]
fn replications_are_added_until_the_precision_is_reached() {
    let one = Try::new(&QUEUE.replace("20000s", "2000s").replace("\"auto\"", "\"200s\""));
    let arguments = ["--precision", "5%", "--measure", "in_system", "--of", "backend"];
    let output = one.run(&[&["--json", "--threads", "1"], &arguments[..]].concat());
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let precision = &summary["precision"];
    assert_eq!((&precision["reached"], number(precision, "level")), (&true.into(), 0.95));
    let (mean, half_width) = (number(precision, "mean"), number(precision, "half_width"));
    assert!(half_width <= mean * 0.05 / 1.05, "{precision}");
    assert_near(mean, 4.0, 0.4);
    let replications = number(&summary["scenario"], "replications");
    assert!(replications > 10.0 && replications == number(precision, "n"));
    let told = String::from_utf8(output.stderr).unwrap();
    let predicted = number(precision, "predicted");
    assert!(told.contains(&format!("±5.0% will take some {predicted} replications, ")), "{told}");
    for threads in ["2", "8"] {
        let again = one.run(&[&["--json", "--threads", threads], &arguments[..]].concat());
        assert!(again.stdout == output.stdout, "{threads} threads");
    }
    // As many at once are the same runs.
    let count = replications.to_string();
    let at_once = one.json(&["--replications", &count]);
    assert_eq!((&at_once["total"], &at_once["backend"]), (&summary["total"], &summary["backend"]));
}

#[test]
fn a_precision_that_is_not_reached_is_said_not_to_be() {
    let one = Try::new(&QUEUE.replace("20000s", "2000s").replace("\"auto\"", "\"200s\""));
    let arguments = ["--precision", "0.1%", "--most-replications", "12"];
    let summary = one.json(&arguments);
    assert_eq!((&summary["precision"]["reached"], number(&summary["precision"], "n")), (&false.into(), 12.0));
    assert!(one.table(&arguments).contains("from 12 replications; ±0.1% is NOT reached\n"));
    for (wrong, message) in [
        (&["--precision", "0%"][..], "expected a share above 0 and below 1"),
        (&["--precision", "2%", "--replications", "5"], "cannot be used with"),
        (&["--measure", "jain"], "--precision"),
        (&["--precision", "2%", "--measure", "jane"], "did you mean `jain`?"),
        (&["--precision", "2%", "--of", "cals"], "did you mean `calls`?"),
        (&["--precision", "2%", "--measure", "jain"], "no replication has a value of `jain` of total"),
    ] {
        let output = one.run(wrong);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(message), "{told}");
    }
}
