//! Load from programs that others wrote: of calls of one key as many pass as its limit says, however they come.

use crate::setup::{Setup, until};
use std::io::Write as _;
use tokio::process::Command;

/// The limit of `sk-one`, in a window that is longer than any of these tests.
const LIMIT: u64 = 100;
const KEY: &str = "authorization: Bearer sk-one";

/// What a program prints when it is told to call; `None`, and said so, where it is not installed.
async fn told(program: &str, arguments: &[&str]) -> Option<String> {
    let output = match Command::new(program).args(arguments).output().await {
        Ok(output) => output,
        Err(why) => {
            // Past the harness, which keeps what passing tests print to itself.
            let _ = writeln!(std::io::stderr(), "skipped: there is no `{program}` to call with: {why}");
            return None;
        }
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program}: {text} {}", String::from_utf8_lossy(&output.stderr));
    Some(text)
}

/// The number that stands before, or behind, some words.
fn number(text: &str, pattern: &str) -> u64 {
    let line =
        text.lines().find(|line| line.contains(pattern)).unwrap_or_else(|| panic!("no {pattern}: {text}"));
    let (before, behind) = line.split_once(pattern).unwrap();
    let digits = |word: Option<&str>| word.and_then(|word| word.parse().ok());
    digits(before.split_whitespace().last())
        .or_else(|| digits(behind.split_whitespace().next()))
        .unwrap_or_else(|| panic!("no number: {line}"))
}

/// Each call that passed was settled, and no other was charged.
async fn assert_counted(setup: &Setup) {
    until("each is settled", || setup.counted().1 == LIMIT).await;
    assert_eq!((setup.counted().0, setup.used("sk-one").0), (LIMIT, LIMIT));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_is_told_when_to_come_back() {
    let setup = Setup::new().await;
    let url = format!("http://{}/v1/models?[1-{}]", setup.server.address(), LIMIT + 1);
    let Some(heads) = told("curl", &["-s", "-H", KEY, "-D", "-", "-o", "/dev/null", &url]).await else {
        return;
    };
    let statuses: Vec<_> = heads.lines().filter(|line| line.starts_with("HTTP/")).collect();
    assert_eq!(statuses.len() as u64, LIMIT + 1, "{heads}");
    let (last, before) = statuses.split_last().unwrap();
    assert!(before.iter().all(|status| status.contains("200")) && last.contains("429"), "{heads}");
    assert!((1..=69).contains(&number(&heads, "retry-after:")), "{heads}");
    assert_counted(&setup).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrk_gets_through_as_often_as_its_limit_says() {
    let setup = Setup::new().await;
    let url = format!("http://{}/v1/models", setup.server.address());
    let Some(text) = told("wrk", &["-t1", "-c32", "-d1s", "-H", KEY, &url]).await else { return };
    assert_eq!(number(&text, "requests in") - number(&text, "Non-2xx or 3xx responses:"), LIMIT, "{text}");
    assert_counted(&setup).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hey_gets_through_as_often_as_its_limit_says() {
    let setup = Setup::new().await;
    let url = format!("http://{}/v1/chat/completions", setup.server.address());
    let body = r#"{"max_tokens":10,"messages":[]}"#;
    let arguments = ["-n", "1000", "-c", "50", "-m", "POST", "-H", KEY, "-d", body, &url];
    let Some(text) = told("hey", &arguments).await else { return };
    assert_eq!((number(&text, "[200]"), number(&text, "[429]")), (LIMIT, 1_000 - LIMIT), "{text}");
    assert_counted(&setup).await;
}
