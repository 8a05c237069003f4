//! An Envoy that asks the service before it answers.

use crate::binary;
use arc_swap::ArcSwap;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidegate::{Clock, Cost, LimitId, SystemClock};
use tidegate_gateway::HeaderSet;
use tidegate_gateway::envoy::config::EnvoyConfig;
use tidegate_gateway::envoy::{self, RateLimitService, Rules};
use tidegate_gateway::serve::config::Config;
use tidegate_gateway::serve::live::State;
use tidegate_gateway::serve::metrics::Metrics;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

/// A running Envoy, the service, and the engine behind it.
pub(crate) struct Proxy {
    state: Arc<State>,
    clock: Arc<SystemClock>,
    port: u16,
    admin: u16,
    _envoy: Child,
    _folder: tempfile::TempDir,
}

/// What Envoy answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    fields: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn number(&self, name: &str) -> u64 {
        self.field(name).and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name}"))
    }

    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
        let field =
            |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.into()));
        Self { status, fields: lines.filter_map(field).collect(), body: body.into() }
    }
}

impl Proxy {
    /// An Envoy and a service with such rules, or why there is no Envoy.
    pub(crate) async fn start(rules: &str) -> Result<Self, String> {
        let program = binary::find().await?;
        let (state, service, clock) = service(rules);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let limits = listener.local_addr().unwrap().port();
        tokio::spawn(envoy::serve(listener, service, std::future::pending()));
        let folder = tempfile::tempdir().unwrap();
        let ports = folder.path().join("admin.address");
        let config = folder.path().join("envoy.yaml");
        let text = include_str!("envoy.yaml")
            .replace("LIMITS_PORT", &limits.to_string())
            .replace("FOLDER", &folder.path().to_string_lossy());
        std::fs::write(&config, text).unwrap();
        let envoy = run(&program, &config, &ports);
        let admin =
            until(|| async { std::fs::read_to_string(&ports).ok()?.rsplit(':').next()?.trim().parse().ok() })
                .await
                .expect("Envoy begins");
        let port = until(|| listener_port(admin)).await.expect("Envoy has a listener");
        let proxy = Self { state, clock, port, admin, _envoy: envoy, _folder: folder };
        // It listens when it has found the service healthy. This request has no descriptor, and is not counted.
        let is_up = || async { get(port, "/", &[]).await.filter(|answer| answer.status == 200) };
        until(is_up).await.expect("Envoy answers");
        Ok(proxy)
    }

    /// A request with such fields.
    pub(crate) async fn get(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        get(self.port, path, fields).await.expect("Envoy answers")
    }

    /// A request of Anna's that is said to use so many tokens, or to give them back.
    pub(crate) async fn tokens(&self, path: &str, tokens: u64) -> Answer {
        self.get(path, &[("x-user", "anna"), ("x-tokens", &tokens.to_string())]).await
    }

    /// Tokens that a user has used today.
    pub(crate) fn used(&self, user: &str) -> u64 {
        // As the rules count it: the domain, and the entry.
        let key = ("edge", ("user".to_owned(), user.to_owned()));
        let plan = self.state.live().plans["free"];
        let (_, standing) = self.state.limiter.peek(&key, plan, Cost::default(), self.clock.now());
        let day = standing.status(LimitId::TokensDay).unwrap();
        day.limit - day.remaining
    }

    /// What a stream has used is told after its end.
    pub(crate) async fn until_used(&self, user: &str, tokens: u64) {
        let is_so = || async { (self.used(user) == tokens).then_some(()) };
        until(is_so).await.unwrap_or_else(|| panic!("{} used, not {tokens}", self.used(user)));
    }

    /// Decisions of an outcome.
    pub(crate) fn counted(&self, outcome: &str) -> u64 {
        let observed = self.state.limiter.observed();
        if outcome == "admitted" { observed.admitted } else { observed.denied.total() }
    }

    /// Calls that a limit in shadow would have denied.
    pub(crate) fn shadowed(&self) -> u64 {
        self.state.limiter.observed().shadowed.total()
    }

    /// One of Envoy's own counts.
    pub(crate) async fn statistic(&self, name: &str) -> u64 {
        let Some(answer) = get(self.admin, &format!("/stats?filter=^{name}$"), &[]).await else { return 0 };
        answer.body.lines().find_map(|line| line.split_once(": ")?.1.trim().parse().ok()).unwrap_or(0)
    }
}

fn service(rules: &str) -> (Arc<State>, RateLimitService, Arc<SystemClock>) {
    let config =
        "listen = \"127.0.0.1:1\"\ncapacity = 1000\n[upstreams.o]\nurl = \"http://h\"\napi = \"openai\"\n";
    let config = Config::parse("t.toml", config).unwrap();
    let state = Arc::new(State::new(&config).unwrap());
    let section: EnvoyConfig = toml::from_str(&format!("listen = \"127.0.0.1:1\"\n{rules}")).unwrap();
    let rules = Rules::new(&section, &config.plans, HeaderSet::default(), &state.limiter).unwrap();
    let clock = Arc::new(SystemClock::new());
    let metrics = Arc::new(Metrics::new(state.clone(), Arc::new(|| None), clock.clone()));
    let rules = Arc::new(ArcSwap::from_pointee(rules));
    (state.clone(), RateLimitService::new(state, rules, clock.clone(), metrics), clock)
}

fn run(program: &Path, config: &Path, ports: &Path) -> Child {
    Command::new(program)
        .args(["--use-dynamic-base-id", "--concurrency", "1", "--log-level", "error"])
        .arg("--config-path")
        .arg(config)
        .arg("--admin-address-path")
        .arg(ports)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("a program that told its version starts")
}

/// The port that Envoy chose for its listener.
async fn listener_port(admin: u16) -> Option<u16> {
    let listeners = get(admin, "/listeners", &[]).await?;
    // Of a line such as `edge::127.0.0.1:10000`, among those of the chunks.
    listeners.body.lines().find_map(|line| line.split_once("::")?.1.rsplit(':').next()?.trim().parse().ok())
}

/// Asks again until there is an answer, for half a minute.
async fn until<T, F: Future<Output = Option<T>>>(ask: impl Fn() -> F) -> Option<T> {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(30) {
        if let Some(answer) = ask().await {
            return Some(answer);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    None
}

async fn get(port: u16, path: &str, fields: &[(&str, &str)]) -> Option<Answer> {
    let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    // The answer's end is the connection's.
    let request = format!("GET {path} HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n{fields}\r\n");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.ok()?;
    Some(Answer::parse(&String::from_utf8_lossy(&text)))
}
