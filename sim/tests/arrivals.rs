//! When simulated clients call: rates that change, traces, populations that come and go, gateways between which calls are
//! divided. Every scenario here is open, so that calls are counted as they come.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A directory with a scenario, and with traces beside it.
struct Case(TempDir);

impl Case {
    fn new(scenario: &str) -> Self {
        let case = Self(tempfile::tempdir().unwrap());
        case.with("scenario.toml", scenario)
    }

    fn with(self, name: &str, text: &str) -> Self {
        std::fs::write(self.0.path().join(name), text).unwrap();
        self
    }

    fn run(&self) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(["simulate", "scenario.toml", "--json"])
            .current_dir(self.0.path())
            .output()
            .unwrap()
    }

    fn json(&self) -> Value {
        let output = self.run();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn refusal(&self) -> String {
        let output = self.run();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    }
}

/// Calls of the first population by interval, of which there are 120.
fn calls(found: &Value) -> Vec<u64> {
    let counts = found["series"]["populations"][0]["calls"].as_array().unwrap();
    counts.iter().map(|count| count.as_u64().unwrap()).collect()
}

/// Two hours, an interval a minute, of clients whom nobody limits.
fn open(population: &str) -> Case {
    Case::new(&format!(
        "duration = \"2h\"\n[plans.open]\nrequests_per_minute = 1000000\n\
         [[population]]\nname = \"p\"\nplan = \"open\"\nretry = \"none\"\n{population}\n"
    ))
}

/// That so many calls came, where their number is Poisson: five standard deviations.
#[track_caller]
fn assert_poisson(found: u64, mean: f64) {
    assert!((found as f64 - mean).abs() < 5.0 * mean.sqrt(), "{found}, not {mean}");
}

#[test]
fn a_day_has_its_curve() {
    let found =
        open("clients = 100\narrivals = { diurnal = { mean = \"10/min\", curve = [0, 1, 2, 1], period = \"2h\" } }")
            .json();
    let calls = calls(&found);
    // Straight lines from 0 over the mean to twice that: areas of 1/8, 3/8, 3/8, 1/8.
    for (quarter, eighths) in [1.0, 3.0, 3.0, 1.0].into_iter().enumerate() {
        let sum = calls[quarter * 30..][..30].iter().sum();
        assert_poisson(sum, 120_000.0 * eighths / 8.0);
    }
}

#[test]
fn a_curve_begins_at_midnight() {
    let scenario = |start: &str| {
        let text = format!(
            "duration = \"1h\"\nstart = \"2026-05-01T{start}:00:00Z\"\n[plans.open]\n[[population]]\nname = \"p\"\nplan = \"open\"\n\
             clients = 10\narrivals = {{ diurnal = {{ mean = \"60/min\", curve = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] }} }}\n\
             retry = \"none\"\n"
        );
        Case::new(&text).json()["total"]["calls"].as_u64().unwrap()
    };
    assert_eq!((scenario("10"), scenario("13")), (0, 0));
    // The way up to noon has half of the day's calls.
    assert_poisson(scenario("11"), 10.0 * 60.0 * 1_440.0 / 2.0);
}

#[test]
fn modulated_arrivals_come_in_bursts_and_have_their_mean() {
    let states = "states = [{ rate = \"60/min\", stay = \"20s\" }, { stay = \"100s\" }]";
    let variance_of = |together: &str| {
        let case = open(&format!("clients = 200\narrivals = {{ mmpp = {{ {states}{together} }} }}"));
        let calls = calls(&case.json());
        let mean = calls.iter().sum::<u64>() as f64 / calls.len() as f64;
        let squares: f64 = calls.iter().map(|count| (*count as f64 - mean).powi(2)).sum();
        (mean, squares / (calls.len() - 1) as f64)
    };
    let (mean, apart) = variance_of("");
    // One sixth of the time at 60 a minute: 2,000 calls a minute of all; the mean of 120 of them is known to 5 %.
    assert!((mean - 2_000.0).abs() < 60.0, "{mean}");
    // The variance of a minute's count is that of Poisson counts and that of the time spent calling, for each.
    assert!(apart > 2.0 * mean, "{apart}");
    let (_, together) = variance_of(", together = true");
    assert!(together > 20.0 * apart, "{together}, {apart}");
}

#[test]
fn a_spike_multiplies_and_ends() {
    let spike = "[[event]]\nat = \"30min\"\nspike = 5\nfor = \"10min\"";
    for arrivals in ["{ poisson = \"10/min\" }", "{ paced = \"10/min\" }"] {
        let calls = calls(&open(&format!("clients = 100\narrivals = {arrivals}\n{spike}")).json());
        assert_poisson(calls[..30].iter().sum(), 30_000.0);
        assert_poisson(calls[30..40].iter().sum(), 50_000.0);
        assert_poisson(calls[40..].iter().sum(), 80_000.0);
    }
    let told = open(&format!("clients = 1\narrivals = {{ at-once = \"1s\" }}\n{spike}\npopulation = \"p\""))
        .refusal();
    assert!(told.contains("line 14, `event.0.population`: `p` calls `at-once`"), "{told}");
}

#[test]
fn a_population_comes_and_goes() {
    let within = "from = \"30min\"\nuntil = \"1h\"";
    for (arrivals, expected) in [
        ("{ paced = \"6/min\" }", 180..=180),
        ("{ burst = { calls = 3, every = \"5min\" } }", 18..=18),
        ("{ burst = { calls = 3, every = \"5min\", aligned = true } }", 18..=18),
        ("{ closed = { think = \"9950ms\" } }", 177..=180),
        ("{ at-once = \"10min\" }", 1..=1),
    ] {
        let found = open(&format!("clients = 10\narrivals = {arrivals}\n{within}")).json();
        let calls = calls(&found);
        assert_eq!(calls[..30].iter().sum::<u64>() + calls[60..].iter().sum::<u64>(), 0, "{arrivals}");
        assert!(expected.contains(&(calls.iter().sum::<u64>() / 10)), "{arrivals}: {calls:?}");
        let told = &found["scenario"]["disturbances"][0];
        assert_eq!(
            (told["at_seconds"].as_f64(), told["until_seconds"].as_f64()),
            (Some(1_800.0), Some(3_600.0))
        );
    }
}

#[test]
fn a_load_calls_more_often() {
    for (arrivals, one) in [
        ("{ poisson = \"10/min\" }", 1_200.0),
        ("{ paced = \"10/min\" }", 1_200.0),
        ("{ burst = { calls = 100, every = \"10min\" } }", 1_200.0),
        ("{ mmpp = { states = [{ rate = \"20/min\", stay = \"1s\" }, { stay = \"1s\" }] } }", 1_200.0),
    ] {
        let found = open(&format!("clients = 100\nload = 1.3\narrivals = {arrivals}")).json();
        assert_poisson(calls(&found).iter().sum(), 130.0 * one);
    }
}

const TRACE: &str = "time,key,tokens\n100,a,10\n130,b,20\n160,a,30\n190,c,40\n";

fn trace(more: &str) -> Case {
    open(&format!("arrivals = {{ trace = {{ file = \"calls.csv\"{more} }} }}")).with("calls.csv", TRACE)
}

#[test]
fn a_trace_comes_as_it_was() {
    let found = trace("").json();
    let row = &found["populations"][0];
    assert_eq!((row["clients"].as_u64(), row["calls"].as_u64()), (Some(3), Some(4)));
    assert_eq!(calls(&found)[..3], [2, 2, 0]);
    let tokens = row["tokens_per_minute"].as_f64().unwrap() * 120.0;
    assert!((tokens - 100.0).abs() < 1e-9, "{tokens}");
    // Four calls in 90 s, and a mean gap of 30 s: again every two minutes.
    assert_eq!(calls(&trace(", repeat = true").json()), [2, 2].repeat(60));
}

#[test]
fn a_trace_is_scaled() {
    let scaled = |load: &str| {
        open(&format!("load = {load}\narrivals = {{ trace = {{ file = \"calls.csv\", repeat = true }} }}"))
            .with("calls.csv", TRACE)
            .json()
    };
    assert_eq!(calls(&scaled("2.0")), [4, 4].repeat(60));
    for load in [0.3_f64, 1.3, 7.7] {
        let made: u64 = calls(&scaled(&load.to_string())).iter().sum();
        // Of 240 calls each is made as often as the whole part says, and once more with the rest as its chance.
        let (whole, rest) = (240.0 * load.floor(), 240.0 * load.fract());
        assert!((made as f64 - whole - rest).abs() < 5.0 * (240.0_f64 / 4.0).sqrt(), "{load}: {made}");
    }
}

#[test]
fn a_call_uses_what_the_trace_says_and_reserves_what_it_reserved() {
    let text = "time,event,id,key,tokens\n1,call,x,k,100\n3,settle,x,k,40\n5,call,y,k,100\n";
    let case = |limit: u32| {
        Case::new(&format!(
            "duration = \"1min\"\n[plans.p]\ntokens_per_minute = {limit}\nburst = 0.0\n[[population]]\nname = \"p\"\nplan = \"p\"\n\
             arrivals = {{ trace = {{ file = \"t.csv\" }} }}\nstream = \"2s\"\nretry = \"none\"\n"
        ))
        .with("t.csv", text)
        .json()["total"]["admitted"]
            .as_u64()
    };
    // After the settle there is room for the second's 100 beside the first's 40.
    assert_eq!((case(140), case(139)), (Some(2), Some(1)));
}

#[test]
fn tokens_are_drawn_from_a_trace() {
    let found =
        open("clients = 100\narrivals = { poisson = \"10/min\" }\ntokens = { trace = \"calls.csv\" }")
            .with("calls.csv", TRACE)
            .json();
    let row = &found["populations"][0];
    let tokens = row["tokens_per_minute"].as_f64().unwrap() * 120.0 / row["calls"].as_f64().unwrap();
    // Mean 25, standard deviation 11.2, of 120,000 calls.
    assert!((tokens - 25.0).abs() < 5.0 * 11.2 / 346.0, "{tokens}");
}

#[test]
fn what_is_wrong_with_a_trace_is_told_by_its_file_and_line() {
    let missing = open("arrivals = { trace = { file = \"no.csv\" } }").refusal();
    assert!(
        missing.contains("line 8, `population.0.arrivals.trace.file`: the trace no.csv: No such file"),
        "{missing}"
    );
    let back = trace("").with("calls.csv", "time,key\n5,a\n4,a\n").refusal();
    assert!(back.contains("calls.csv, line 3: `time` goes back"), "{back}");
    let clients = open("clients = 2\narrivals = { trace = { file = \"calls.csv\" } }")
        .with("calls.csv", TRACE)
        .refusal();
    assert!(
        clients.contains("the trace has 3 keys, each of which is a client; leave `clients`, which is 2, out"),
        "{clients}"
    );
    let without = open("arrivals = { poisson = \"1/min\" }").refusal();
    assert!(without.contains("`population.0.name`: missing field `clients`"), "{without}");
}

#[test]
fn gateways_share_a_limit() {
    let share = |rate: u32, gateways: &str| {
        let text = format!(
            "duration = \"1h\"\n[plans.team]\nrequests_per_minute = 1000\nburst = 0.0\n{gateways}\n\
             [[population]]\nname = \"p\"\nplan = \"team\"\nclients = 10\nclients_per_key = 10\n\
             arrivals = {{ poisson = \"{rate}/min\" }}\nretry = \"none\"\n"
        );
        Case::new(&text).json()["total"]["success_share"].as_f64().unwrap()
    };
    // With room to spare, one gateway is as good as two halves or two parts.
    for gateways in
        ["", "[gateways]\nweights = [1, 1]", "[gateways]\nweights = [9, 1]\nlimits = \"proportional\""]
    {
        assert!(share(60, gateways) > 0.99, "{gateways}");
    }
    // Nine tenths of 950 calls a minute meet half of the limit, and one tenth passes; random calls do not use a window whole.
    let uneven = share(95, "[gateways]\nweights = [9, 1]");
    let most = (500.0 + 95.0) / 950.0;
    assert!((most - 0.07..most).contains(&uneven), "{uneven}, {most}");
    // Whole limits at each are twice the limit.
    assert_eq!(share(95, "[gateways]\nweights = [1, 1]\nlimits = \"whole\""), 1.0);
}

#[test]
fn a_client_may_stay_with_its_gateway() {
    let least = |sticky: bool| {
        let text = format!(
            "duration = \"1h\"\n[plans.team]\nrequests_per_minute = 10\n[gateways]\nweights = [1, 1]\nsticky = {sticky}\n\
             [[population]]\nname = \"p\"\nplan = \"team\"\nclients = 100\narrivals = {{ paced = \"10/min\" }}\nretry = \"none\"\n"
        );
        Case::new(&text).json()["total"]["success_share"].as_f64().unwrap()
    };
    // Who stays has half of its limit; who goes here and there has nearly all.
    assert!((0.49..0.52).contains(&least(true)), "{}", least(true));
    assert!(least(false) > 0.8, "{}", least(false));
}

#[test]
fn what_cannot_be_divided_is_told() {
    let told = Case::new(
        "duration = \"1h\"\n[gateways]\nweights = [1, 1]\n[plans.one]\nrequests_per_minute = 1\n[[population]]\nname = \"p\"\n\
         plan = \"one\"\nclients = 1\narrivals = { poisson = \"1/min\" }\nretry = \"none\"\n",
    )
    .refusal();
    assert!(told.contains("`gateways`: the plan `one` cannot be divided among 2 gateways"), "{told}");
    for weights in ["[]", "[1, 0]", "[1, -1]", "[nan]"] {
        let told = open(&format!(
            "clients = 1\narrivals = {{ poisson = \"1/min\" }}\n[gateways]\nweights = {weights}"
        ))
        .refusal();
        assert!(told.contains("`gateways.weights`: expected 1 to 100 numbers above 0"), "{weights}: {told}");
    }
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let text = "duration = \"1h\"\n[gateways]\nweights = [2, 1]\n\
         [[population]]\nname = \"m\"\nplan = \"free\"\nclients = 600\narrivals = { mmpp = { states = [{ rate = \"60/min\", stay = \"10s\" }, { stay = \"50s\" }], together = true } }\nretry = \"documented\"\n\
         [[population]]\nname = \"t\"\nplan = \"free\"\nload = 1.5\narrivals = { trace = { file = \"calls.csv\", repeat = true } }\nretry = \"documented\"\n\
         [[event]]\nat = \"10min\"\nspike = 3\nfor = \"5min\"\n";
    let case = Case::new(text).with("calls.csv", TRACE);
    let run = |threads: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(["simulate", "scenario.toml", "--json", "--threads", threads])
            .current_dir(case.0.path())
            .output()
            .unwrap();
        (output.stdout, std::fs::read(case.0.path().join("report.html")).unwrap())
    };
    let one = run("1");
    assert!(!one.0.is_empty() && Path::new(&case.0.path().join("report.html")).exists());
    assert!(one == run("2") && one == run("8"));
}
