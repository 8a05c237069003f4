//! The pages of `simulate`, `compare`, `capacity` and `sweep`: what can be said of them without looking.

use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A scenario with whatever a page can show, and names that would be markup.
fn scenario(limit: u32) -> String {
    format!(
        r#"
name = "<i>busy</i> & \"{limit}\""
duration = "5min"
warm_up = "1min"
[plans.small]
requests_per_minute = {limit}
[backend]
servers = 4
queue = 20
service = {{ exponential = "200ms" }}
[[event]]
at = "2min"
outage = "10s"
[[event]]
at = "3min"
population = "<script>alert(1)</script>"
plan = "pro"
[[population]]
name = "<script>alert(1)</script>"
plan = "small"
clients = 20
arrivals = {{ poisson = "25/min" }}
retry = "retry-after"
timeout = "2s"
[[population]]
name = "`other`"
plan = "small"
clients = 6
arrivals = {{ poisson = "60/min" }}
retry = "fixed"
patience = "10s"
"#
    )
}

/// A directory with a scenario as it is, and as it would be.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, limit) in [("before.toml", 20), ("after.toml", 30)] {
        std::fs::write(directory.path().join(name), scenario(limit)).unwrap();
    }
    directory
}

#[track_caller]
fn page(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    let output =
        command.args(arguments).args(["--out", "page.html"]).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read_to_string(directory.join("page.html")).unwrap()
}

const SIMULATE: &[&str] = &["simulate", "before.toml"];
const REPLICATED: &[&str] = &["simulate", "before.toml", "--replications", "3"];
const COMPARE: &[&str] = &["compare", "before.toml", "after.toml", "--replications", "3"];
const CAPACITY: &[&str] = &[
    "capacity",
    "before.toml",
    "--population",
    "`other`",
    "--at-least",
    "0.2",
    "--to",
    "6",
    "--within",
    "0.5",
    "--replications",
    "2",
];

const SWEEP: &[&str] = &[
    "sweep",
    "before.toml",
    "--vary",
    "backend.servers=2,4,8",
    "--replications",
    "2",
    "--of",
    "backend",
    "--measure",
    "loss",
];
const NAMES: &[&str] = &[
    "sweep",
    "before.toml",
    "--vary",
    "population.`other`.retry=none,fixed",
    "--replications",
    "2",
    "--of",
    "`other`",
];
const GRID: &[&str] = &[
    "sweep",
    "before.toml",
    "--vary",
    "backend.servers=2,4",
    "--vary",
    "backend.queue=0,20",
    "--replications",
    "2",
    "--measure",
    "success_share",
];

/// The elements that end are those that began, in their order.
#[track_caller]
fn assert_well_formed(page: &str) {
    const VOID: [&str; 4] = ["meta", "br", "!DOCTYPE", "hr"];
    let mut open = Vec::new();
    let body = page.split_once("</style>").unwrap().1;
    for tag in body.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap_or_else(|| panic!("`<{tag}` has no end"));
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap();
        if tag.starts_with('/') {
            let began = open.pop();
            // What was open before the style sheet ends after it.
            assert!(began == Some(name) || began.is_none(), "{began:?} ends as {name}");
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn every_page_is_whole_by_itself_and_well_formed() {
    let directory = directory();
    for arguments in [SIMULATE, REPLICATED, COMPARE, CAPACITY, SWEEP, NAMES, GRID] {
        let page = page(directory.path(), arguments);
        for part in ["http", " src=", "href", "@import", "url(", "<script", "<link", "NaN", "inf"] {
            let found = page.find(part).map(|at| &page[at.saturating_sub(40)..page.len().min(at + 40)]);
            assert_eq!(found, None, "{part} in the page of {arguments:?}");
        }
        assert_well_formed(&page);
        assert_eq!(page.matches("<h1>").count(), 1);
        assert!(page.contains("<html lang=\"en\">") && page.contains("<title>"));
        let charts = page.matches("<svg role=\"img\" aria-label=\"").count();
        let keys = page.matches("<svg class=\"key\"").count();
        assert!(
            (charts > 0 || arguments == GRID) && charts + keys == page.matches("<svg").count(),
            "{charts} charts, {keys} keys"
        );
        assert_eq!(
            page.matches("<th ").count() + page.matches("<th>").count(),
            page.matches(" scope=\"").count()
        );
    }
}

#[test]
fn each_page_has_its_sections_in_their_order() {
    let directory = directory();
    let cases: [(&[&str], &[&str]); 6] = [
        (
            SIMULATE,
            &[
                "<h1>",
                "<div class=\"state\">",
                "What it costs",
                "Load over time",
                "Population by population",
                "Waiting and fairness",
                "Denials by limit",
                "The backend",
                "The numbers",
                "One run with seed",
            ],
        ),
        (
            COMPARE,
            &[
                "<h1>",
                "What differs, and how surely",
                "Load over time",
                "How long until a call is served",
                "The numbers",
            ],
        ),
        (CAPACITY, &["<h1>", "Calls served of `other`, by clients of `other`", "target met", "<table>"]),
        (SWEEP, &["<h1>", "Calls turned away at the backend, by backend.servers", "<table>"]),
        (
            NAMES,
            &[
                "<h1>",
                "Calls served of `other`, by population.`other`.retry",
                "Attempts denied",
                "Retries a call",
            ],
        ),
        (GRID, &["<h1>", "Calls served in all", "<table class=\"heat\">", "background:rgb("]),
    ];
    for (arguments, parts) in cases {
        let page = page(directory.path(), arguments);
        let mut rest = page.as_str();
        for part in parts {
            rest = rest.split_once(part).unwrap_or_else(|| panic!("{part} in its place, {arguments:?}")).1;
        }
    }
}

#[test]
fn bands_and_intervals_are_there_exactly_when_there_are_replications() {
    let directory = directory();
    let (one, three) = (page(directory.path(), SIMULATE), page(directory.path(), REPLICATED));
    for part in ["band: from the lowest of them to the highest", "<polygon opacity=\"0.22\""] {
        assert!(three.contains(part) && !one.contains(part), "{part}");
    }
    // Nothing steady is disturbed by an outage: one run of this says nothing of its own sureness.
    assert!(one.contains("One run with seed 0") && !one.contains("<small>±"));
    assert!(three.contains("<small>±") && three.contains("3 replications with seed 0"));
    let many = page(directory.path(), &["simulate", "before.toml", "--replications", "20"]);
    assert!(
        many.contains("the median of 20 replications; band: from the 5th to the 95th percentile of them")
    );
}

#[test]
fn what_happens_on_the_way_is_on_the_time_axis() {
    let directory = directory();
    let page = page(directory.path(), SIMULATE);
    for name in ["warm-up", "the backend is down", "&lt;script&gt;alert(1)&lt;/script&gt;"] {
        let is_label = |text: &str| text.split('<').next().is_some_and(|text| text.contains(name));
        assert!(page.split("<text ").skip(1).any(is_label), "{name}");
    }
}

#[test]
fn the_same_bytes_come_for_any_number_of_threads() {
    let directory = directory();
    for arguments in [REPLICATED, COMPARE, CAPACITY, SWEEP] {
        let of = |threads| page(directory.path(), &[arguments, &["--threads", threads]].concat());
        let one = of("1");
        assert!(one == of("2") && one == of("8"), "{arguments:?}");
    }
}

#[test]
fn a_comparison_says_what_was_changed_and_what_that_does() {
    let directory = directory();
    let page = page(directory.path(), COMPARE);
    let headline = page.split_once("<h1>").unwrap().1.split_once("</h1>").unwrap().0;
    assert!(headline.contains("at 30 requests/min instead of 20: "), "{headline}");
    assert!(
        headline.contains(" calls served (±") || headline.contains("no difference that is sure"),
        "{headline}"
    );
}

#[test]
fn what_nobody_does_has_words_instead_of_a_chart() {
    let directory = tempfile::tempdir().unwrap();
    let write = |arrivals: &str, tokens: u32| {
        let text = format!(
            "duration = \"1s\"\n[[population]]\nname = \"one\"\nplan = \"free\"\nclients = 1\narrivals = {arrivals}\n\
             tokens = {tokens}\nretry = \"none\"\n"
        );
        std::fs::write(directory.path().join("scenario.toml"), text).unwrap();
    };
    let simulate = || page(directory.path(), &["simulate", "scenario.toml"]);
    write("{ at-once = \"2s\" }", 1);
    let idle = simulate();
    assert!(idle.contains("No call was made.") && !idle.contains("<svg role"));
    write("{ paced = \"100/s\" }", 1_000_000_000);
    let denied = simulate();
    assert!(denied.contains("No call succeeded.") && denied.contains("There are no retries"));
    write("{ at-once = \"100ms\" }", 1);
    assert!(simulate().contains("No attempt was denied."));
}

#[test]
fn many_populations_have_one_page_and_nine_colours() {
    let directory = tempfile::tempdir().unwrap();
    let population = |place: u32| {
        format!(
            "[[population]]\nname = \"number {place}\"\nplan = \"free\"\nclients = 2\narrivals = {{ poisson = \"{}/min\" }}\n\
             retry = \"documented\"\n",
            10 + place
        )
    };
    let text = "duration = \"10min\"\n".to_owned() + &(0..30).map(population).collect::<String>();
    std::fs::write(directory.path().join("scenario.toml"), text).unwrap();
    let page = page(directory.path(), &["simulate", "scenario.toml"]);
    assert_well_formed(&page);
    assert!(page.contains("18 more") && page.contains(" others"));
    assert!(page.contains("number 0") && page.contains("number 29"));
}

/// The loss of all replications together is another number than the mean of theirs, and only one of them may stand on a page.
#[test]
fn sentences_and_facts_have_the_same_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let outage = include_str!("../scenarios/outage.toml");
    std::fs::write(directory.path().join("outage.toml"), outage).unwrap();
    let page = page(directory.path(), &["simulate", "outage.toml", "--replications", "5", "--seed", "0"]);
    let turned_away = page.split("it turns away ").nth(1).unwrap().split(' ').next().unwrap();
    let fact = page.split("<dt>calls turned away</dt><dd>").nth(1).unwrap().split(' ').next().unwrap();
    assert_eq!(turned_away, fact);
}

/// Ticks were round in seconds, and so −6.7 and −3.3 where they are written in minutes.
#[test]
fn ticks_are_round_in_the_unit_that_they_are_written_in() {
    let directory = tempfile::tempdir().unwrap();
    let [outage, budget] =
        [include_str!("../scenarios/outage.toml"), include_str!("../scenarios/outage-budget.toml")];
    std::fs::write(directory.path().join("outage.toml"), outage).unwrap();
    std::fs::write(directory.path().join("budget.toml"), budget).unwrap();
    let page = page(directory.path(), &["compare", "outage.toml", "budget.toml", "--replications", "5"]);
    let texts = page.split("</text>").filter_map(|text| text.rsplit('>').next());
    let minutes = texts.filter_map(|text| text.trim().strip_suffix(" min"));
    let minutes: Vec<f64> = minutes.map(|text| text.replace('−', "-").parse().unwrap()).collect();
    assert!(minutes.len() > 3, "{minutes:?}");
    let is_round =
        |value: f64| [2.0, 5.0].into_iter().any(|of| (value * of - (value * of).round()).abs() < 1e-9);
    assert!(minutes.iter().all(|value| is_round(*value)), "{minutes:?}");
}

#[test]
fn sentences_say_what_one_population_or_two_come_to() {
    let directory = tempfile::tempdir().unwrap();
    let population = |name: &str, tokens: u32| {
        format!(
            "[[population]]\nname = \"{name}\"\nplan = \"tiny\"\nclients = 5\ntokens = {tokens}\n\
             arrivals = {{ poisson = \"30/min\" }}\nretry = \"documented\"\n"
        )
    };
    let head = "duration = \"2min\"\n[plans.tiny]\ntokens_per_minute = 10\n";
    let tell = |populations: &str| {
        std::fs::write(directory.path().join("told.toml"), format!("{head}{populations}")).unwrap();
        page(directory.path(), &["simulate", "told.toml"])
    };
    let one = tell(&population("huge", 500));
    assert!(one.contains("The population is throttled, all by tokens_per_minute."), "{one}");
    assert!(one.contains("each asks for more at once than that ever admits"), "{one}");
    assert!(!one.contains("of them come from"), "{one}");
    let two = tell(&(population("huge", 500) + &population("small", 1)));
    assert!(two.contains("Both populations are throttled") && two.contains("of them come from"), "{two}");
}
