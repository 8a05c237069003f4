//! What a scenario must not have is told by file, line and field, in words that are no programmer's, and at readable length.

use std::path::Path;
use std::process::{Command, Output};

const SCENARIO: &str = r#"duration = "10s"
name = "A scenario"
[backend]
servers = 2
service = "10ms"
[[population]]
name = "chat"
plan = "free"
clients = 3
arrivals = { poisson = "10/min" }
tokens = { lognormal = { median = 90, sigma = 1.0 } }
retry = { policy = "fixed", delay = "1s" }
"#;

fn tidegate(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidegate")).args(arguments).current_dir(directory).output().unwrap()
}

/// Runs the scenario with one text in place of another, and gives what it is refused with.
#[track_caller]
fn refused(from: &str, to: &str) -> String {
    assert!(SCENARIO.contains(from), "{from}");
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("bad.toml"), SCENARIO.replace(from, to)).unwrap();
    let output = tidegate(directory.path(), &["simulate", "bad.toml"]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{from} → {to}: {message}");
    message.trim_end().to_owned()
}

#[test]
fn no_type_of_the_program_is_named() {
    let number = "expected a whole number from 0 to 4294967295";
    for (from, to, expected) in [
        ("servers = 2", "servers = -2", format!("line 4, `backend.servers`: invalid value: integer `-2`, {number}")),
        ("servers = 2", "servers = \"2\"", format!("line 4, `backend.servers`: invalid type: string \"2\", {number}")),
        ("[backend]", "[[backend]]", "line 3, `backend.0`: invalid type: a list, expected a table: `[backend]`".into()),
        (
            "[[population]]",
            "[population]",
            "line 6, `population`: invalid type: a table, expected a list".into(),
        ),
        (
            "{ poisson = \"10/min\" }",
            "{ trace = \"x.csv\" }",
            "line 10, `population.0.arrivals.trace`: invalid type: string \"x.csv\", expected a table with `file`".into(),
        ),
        (
            "{ median = 90, sigma = 1.0 }",
            "5",
            "`population.0.tokens.lognormal`: invalid type: integer `5`, expected a table with `median` and `sigma`".into(),
        ),
        ("{ poisson = \"10/min\" }", "{}", "`population.0.arrivals`: expected one entry, found none".into()),
        (
            "\"10/min\"",
            "10",
            "`population.0.arrivals.poisson`: invalid type: integer `10`, expected calls per time above zero".into(),
        ),
        ("\"10ms\"", "0.1", "expected a time such as \"250ms\"".into()),
    ] {
        let message = refused(from, to);
        assert!(message.contains(&expected), "{to}: {message}");
        assert!(!message.contains("Raw") && !message.contains("struct"), "{message}");
    }
}

#[test]
fn no_message_is_unreadably_long_or_plays_tricks() {
    let long = "y".repeat(3_000);
    for (from, to) in [
        ("\"10s\"", format!("{long:?}")),
        ("\"10s\"", "1e308".to_owned()),
        ("servers = 2", "servers = 1e308".to_owned()),
        ("\"chat\"", format!("{long:?}")),
        ("\"chat\"", "\"\\u001b[31m\"".to_owned()),
        ("\"A scenario\"", "\"\\u001b[31m\"".to_owned()),
        ("\"free\"", format!("{long:?}")),
        ("\"fixed\"", format!("{long:?}")),
        ("\"10/min\"", format!("{long:?}")),
        ("servers = 2", format!("{long} = 2")),
        ("{ poisson = \"10/min\" }", format!("{{ trace = {{ file = {long:?} }} }}")),
    ] {
        let message = refused(from, &to);
        assert!(message.chars().count() < 800, "{} characters: {message}", message.chars().count());
        assert!(message.contains("bad.toml, line ") && !message.contains('\u{1b}'), "{message:?}");
    }
}

#[test]
fn names_are_fit_to_be_shown_and_told_apart() {
    for name in ["", " ", "total", "backend", "a\\nb", &"n".repeat(101)] {
        let message = refused("\"chat\"", &format!("\"{name}\""));
        assert!(message.contains("bad.toml, line 7, `population.0.name`: "), "{name:?}: {message}");
    }
}

#[test]
fn nobody_leaves_before_they_have_come() {
    for (times, field) in [("from = \"5s\"\nuntil = \"3s\"", "until"), ("from = \"10s\"", "from")] {
        let message = refused("clients = 3", &format!("clients = 3\n{times}"));
        assert!(message.contains(&format!("`population.0.{field}`: expected a time")), "{message}");
        assert!(message.contains("nobody ever calls"), "{message}");
    }
}

/// `[plans.fre]` for `[plans.free]` left the built-in plan in force, and nobody was told.
#[test]
fn a_plan_that_nobody_is_on_is_noted_if_its_name_is_near() {
    let directory = tempfile::tempdir().unwrap();
    for (plan, noted) in [("fre", true), ("spare", false)] {
        let text = SCENARIO
            .replace("[[population]]", &format!("[plans.{plan}]\nrequests_per_minute = 5\n[[population]]"));
        std::fs::write(directory.path().join("mine.toml"), text).unwrap();
        let output = tidegate(directory.path(), &["simulate", "mine.toml"]);
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{message}");
        let note = "tidegate: mine.toml: nobody is on the plan `fre`; did you mean `free`?\n";
        assert_eq!(message, if noted { note } else { "" });
    }
}

#[test]
fn a_missing_parent_is_told_where_it_is_named() {
    let message = refused("name = \"A scenario\"", "extends = \"no.toml\"");
    assert!(message.contains("bad.toml, line 2, `extends`: no.toml: No such file"), "{message}");
}

#[test]
fn a_text_that_is_none_is_told_by_its_line() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("bad.toml"), b"duration = \"1s\"\nname = \"\xe9\"\n").unwrap();
    let output = tidegate(directory.path(), &["simulate", "bad.toml"]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(message, "tidegate: bad.toml, line 2: expected TOML, found no UTF-8 text\n");
}

/// `--out mine.toml` for `mine.toml --out` once replaced the scenario by its report.
#[test]
fn what_is_read_is_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    write("base.toml", SCENARIO);
    write("mine.toml", "extends = \"base.toml\"\nname = \"Mine\"\n");
    write("calls.csv", "time,key\n1,a\n");
    write("plans.toml", "[plans.gold]\nrequests_per_minute = 5\n");
    write(
        "traced.toml",
        &SCENARIO
            .replace("{ poisson = \"10/min\" }", "{ trace = { file = \"calls.csv\" } }")
            .replace("clients = 3\n", ""),
    );
    for arguments in [
        &["simulate", "mine.toml", "--out", "mine.toml"][..],
        &["simulate", "mine.toml", "--out", "base.toml"],
        &["simulate", "mine.toml", "--csv", "./base.toml"],
        &["simulate", "traced.toml", "--out", "calls.csv"],
        &["compare", "base.toml", "mine.toml", "--out", "mine.toml"],
        &["sweep", "mine.toml", "--vary", "backend.servers=1,2", "--out", "mine.toml"],
        &["capacity", "mine.toml", "--population", "chat", "--at-least", "0.5", "--out", "base.toml"],
        &["replay", "calls.csv", "--plans", "plans.toml", "--decisions", "plans.toml"],
    ] {
        let output = tidegate(directory.path(), arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(2) && message.contains("this file is read"),
            "{arguments:?}: {message}"
        );
    }
    let output =
        tidegate(directory.path(), &["simulate", "mine.toml", "--out", "a.html", "--csv", "./a.html"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("the same file"));
}

#[test]
fn the_tables_fit_a_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let name =
        "a population with a name that is as long as some names are when planners are at work, or longer";
    let scenario = SCENARIO.replace("\"chat\"", &format!("{name:?}"));
    std::fs::write(directory.path().join("wide.toml"), scenario).unwrap();
    for arguments in [
        &["simulate", "wide.toml", "--replications", "3"][..],
        &[
            "sweep",
            "wide.toml",
            "--replications",
            "2",
            "--vary",
            "backend.servers=1,2",
            "--vary",
            "backend.queue=1,2",
        ],
    ] {
        let output = tidegate(directory.path(), arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        let rows = text.lines().filter(|line| line.contains("   ") || line.starts_with('─'));
        let widest = rows.map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 80, "{widest}:\n{text}");
    }
}
