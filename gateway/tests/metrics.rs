//! Metrics as Prometheus reads them, and what is made of them: the dashboard, the alerts, the list in the documents.
#![cfg(feature = "serve")]

use http::StatusCode;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tidegate::{Clock, Cost, Guard, ManualClock, Nanos, Timestamp};
use tidegate_gateway::serve::config::Config;
use tidegate_gateway::serve::live::State;
use tidegate_gateway::serve::metrics::{EnvoyCode, Metrics};

const DASHBOARD: &str = include_str!("../../deploy/grafana-dashboard.json");
const ALERTS: &str = include_str!("../../deploy/prometheus-alerts.yaml");
const OPERATORS: &str = include_str!("../../docs/operators.md");

fn setup() -> (Arc<State>, Metrics, Arc<Guard>) {
    let config =
        "listen = \"127.0.0.1:1\"\ncapacity = 1000\n[upstreams.o]\nurl = \"http://h\"\napi = \"openai\"\n";
    let state = Arc::new(State::new(&Config::parse("t.toml", config).unwrap()).unwrap());
    let guard = Arc::new(Guard::builder().build().unwrap());
    let clock = Arc::new(ManualClock::new(Timestamp::both(Nanos::from_secs(1_000))));
    let now = guard.clone();
    let metrics = Metrics::new(state.clone(), Arc::new(move || Some(now.clone())), clock);
    (state, metrics, guard)
}

/// The value of a sample.
fn sample(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
}

/// Names of samples, without those of a histogram's parts.
fn names(text: &str) -> BTreeSet<String> {
    let names = text.lines().filter(|line| !line.starts_with('#'));
    names.map(|line| line.split(['{', ' ']).next().unwrap().to_owned()).collect()
}

/// Names of ours in a text of any kind.
fn mentioned(text: &str) -> BTreeSet<String> {
    let words = text.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    words.filter(|word| word.starts_with("tidegate_")).map(str::to_owned).collect()
}

#[test]
fn all_that_is_counted_is_there() {
    let (state, metrics, guard) = setup();
    let clock = ManualClock::new(Timestamp::both(Nanos::from_secs(1_000)));
    let at = clock.now();
    let free = state.live().plans["free"];
    for _ in 0..25 {
        let _ = state.limiter.check("key", free, Cost::REQUEST, at);
    }
    let _ = state.limiter.check("key", free, Cost::tokens(u64::MAX), at);
    let _ = guard.strike("192.0.2.1".parse().unwrap(), at);
    metrics.upstream.responded(StatusCode::OK, Duration::from_millis(3));
    metrics.upstream.responded(StatusCode::from_u16(999).unwrap(), Duration::MAX);
    metrics.upstream.failed();
    metrics.configuration.taken_over(3);
    metrics.configuration.refused();
    metrics.envoy.answered(EnvoyCode::OverLimit);
    let text = metrics.text().unwrap();
    for (name, value) in [
        ("tidegate_decisions_total{outcome=\"admitted\",limit=\"\"}", 24.0),
        ("tidegate_decisions_total{outcome=\"denied\",limit=\"requests_window\"}", 1.0),
        ("tidegate_decisions_total{outcome=\"never\",limit=\"tokens_window\"}", 1.0),
        ("tidegate_reservations_open", 24.0),
        ("tidegate_settles_total{kind=\"cancelled\"}", 0.0),
        ("tidegate_keys", 1.0),
        ("tidegate_keys_capacity", 1_000.0),
        ("tidegate_overflowed_total", 0.0),
        ("tidegate_guard_strikes_total", 1.0),
        ("tidegate_upstream_responses_total{class=\"2xx\"}", 1.0),
        ("tidegate_upstream_responses_total{class=\"5xx\"}", 1.0),
        ("tidegate_upstream_responses_total{class=\"error\"}", 1.0),
        ("tidegate_upstream_response_time_seconds_count", 2.0),
        ("tidegate_upstream_response_time_seconds_bucket{le=\"0.004\"}", 1.0),
        ("tidegate_configuration_generation", 3.0),
        ("tidegate_configuration_last_reload_successful", 0.0),
        ("tidegate_configuration_reloads_refused_total", 1.0),
        ("tidegate_envoy_requests_total{code=\"over_limit\"}", 1.0),
    ] {
        assert_eq!(sample(&text, name), value, "{name}");
    }
    assert!(sample(&text, "tidegate_configuration_last_reload_success_timestamp_seconds") > 1.7e9);
    assert!(text.ends_with("# EOF\n"));
}

/// Each sample is of a metric that was described, and is told once: what a scraper refuses else.
#[test]
fn the_text_is_sound() {
    let text = setup().1.text().unwrap();
    let mut described = BTreeSet::new();
    let mut told = BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let name = rest.split(' ').next().unwrap();
            assert!(described.insert(name.to_owned()), "{name} is described twice");
        } else if !line.starts_with('#') {
            let series = line.rsplit_once(' ').unwrap().0;
            assert!(told.insert(series.to_owned()), "{series} is told twice");
            let name = series.split('{').next().unwrap();
            let stem = ["_total", "_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            assert!(described.contains(name) || stem.is_some_and(|stem| described.contains(stem)), "{name}");
        }
    }
    assert!(told.len() < 100, "{} series, whatever the keys", told.len());
}

#[test]
fn how_many_series_there_are_does_not_depend_on_the_keys() {
    let (state, metrics, _) = setup();
    let count = |text: &str| text.lines().count();
    let before = count(&metrics.text().unwrap());
    let free = state.live().plans["free"];
    for key in 0..500_u64 {
        let _ = state.limiter.check(&key, free, Cost::REQUEST, Timestamp::both(Nanos::from_secs(1_000)));
    }
    assert_eq!(count(&metrics.text().unwrap()), before);
}

#[test]
fn the_dashboard_and_the_alerts_ask_for_metrics_that_there_are() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut places = BTreeSet::new();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let (title, position) = (&panel["title"], &panel["gridPos"]);
        assert!(places.insert((position["y"].as_u64(), position["x"].as_u64())), "{title} lies on another");
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title}");
        for target in targets {
            let query = target["expr"].as_str().unwrap();
            assert!(!mentioned(query).is_empty(), "{title}: {query}");
        }
    }
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    let there = names(&setup().1.text().unwrap());
    for (file, text) in [("dashboard", DASHBOARD), ("alerts", ALERTS)] {
        let unknown: Vec<_> = mentioned(text).into_iter().filter(|name| !there.contains(name)).collect();
        assert_eq!(unknown, Vec::<String>::new(), "the {file} asks for what there is not");
    }
}

#[test]
fn the_documents_name_each_metric() {
    let documented = mentioned(OPERATORS);
    let parts = ["_bucket", "_sum", "_count"];
    let of_histogram = |name: &str| parts.iter().find_map(|part| name.strip_suffix(part)).map(str::to_owned);
    let told: BTreeSet<_> = names(&setup().1.text().unwrap())
        .into_iter()
        .map(|name| of_histogram(&name).unwrap_or(name))
        .collect();
    assert_eq!(told.difference(&documented).collect::<Vec<_>>(), Vec::<&String>::new(), "not documented");
    assert_eq!(documented.difference(&told).collect::<Vec<_>>(), Vec::<&String>::new(), "not there");
}
