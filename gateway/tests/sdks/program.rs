//! `tidegate-gateway serve`, before an upstream that only pretends.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tidegate_gateway::serve::keys::Digest;
use tidegate_gateway::serve::mock::{Mock, Pace};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

const TOKEN: &str = "operators-show-this";

/// Keys and the plans they begin with; a key is `sk-` and its name.
const KEYS: [(&str, &str); 5] =
    [("short", "short"), ("streams", "large"), ("day", "day"), ("single", "single"), ("slow", "slow")];

const PLANS: &str = r#"
[[plans.short.limits]]
unit = "requests"
amount = 3
window = "2s"
burst = 0.0

[[plans.single.limits]]
unit = "requests"
amount = 1
window = "2s"
burst = 0.0

[[plans.slow.limits]]
unit = "requests"
amount = 1
window = "100s"
burst = 0.0

[plans.day]
tokens_per_day = 1_000

[plans.large]
requests_per_minute = 1_000

[[plans.large.limits]]
unit = "tokens"
amount = 10_000_000
window = "1h"
burst = 0.0

[bounds]
body_bytes = 65_536
connections = 100
"#;

/// A gateway that runs until it is dropped.
pub(crate) struct Program {
    address: SocketAddr,
    admin: SocketAddr,
    folder: tempfile::TempDir,
    _gateway: Child,
    _mock: Mock,
}

impl Program {
    pub(crate) async fn start() -> Self {
        let mock = Mock::start(Pace { tokens: 400, pause: Duration::from_millis(1) }).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), TOKEN).unwrap();
        // Somebody else may take the port that was free just now.
        for _ in 0..5 {
            let admin = free_address().await;
            std::fs::write(config(&folder), text(&mock, &folder, admin)).unwrap();
            if let Some((gateway, address)) = serve(&config(&folder)).await {
                return Self { address, admin, folder, _gateway: gateway, _mock: mock };
            }
        }
        panic!("the gateway does not begin to serve");
    }

    /// What scripts have to know.
    pub(crate) fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("GATEWAY", format!("http://{}", self.address)),
            ("ADMIN", format!("http://{}", self.admin)),
            ("TOKEN", TOKEN.into()),
            ("CONFIG", config(&self.folder).to_string_lossy().into_owned()),
        ]
    }
}

fn config(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("gateway.toml")
}

fn text(mock: &Mock, folder: &tempfile::TempDir, admin: SocketAddr) -> String {
    let keys = KEYS.map(|(name, plan)| {
        let sha256 = Digest::of(format!("sk-{name}").as_bytes());
        format!("[[keys]]\nname = \"{name}\"\nsha256 = \"{sha256}\"\nplan = \"{plan}\"\n")
    });
    let upstream = |name: &str, api: &str, url: &str, paths: &str| {
        format!("[upstreams.{name}]\nurl = \"{url}\"\napi = \"{api}\"\n{paths}\n")
    };
    let (url, nowhere) = (mock.url(), "http://127.0.0.1:1");
    let upstreams = [
        upstream("openai", "openai", &url, ""),
        upstream("anthropic", "anthropic", &url, ""),
        upstream("openai-lost", "openai", nowhere, "paths = [\"/v1/embeddings\"]"),
        upstream("anthropic-lost", "anthropic", nowhere, "paths = [\"/v1/messages/count_tokens\"]"),
    ];
    let token = folder.path().join("token");
    format!(
        "listen = \"127.0.0.1:0\"\ncapacity = 1000\n{}{}{PLANS}[admin]\nlisten = \"{admin}\"\ntoken_file = '{}'\n",
        keys.concat(),
        upstreams.concat(),
        token.display()
    )
}

/// An address of which nothing is heard just now.
async fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// The program and where it serves, once its log says so; nothing if it ends instead.
async fn serve(config: &PathBuf) -> Option<(Child, SocketAddr)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate-gateway"));
    command.args(["serve", "--log-format", "json"]).arg(config).kill_on_drop(true);
    let mut gateway = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(gateway.stderr.take().unwrap()).lines();
    while let Some(line) = log.next_line().await.unwrap() {
        let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        if said["message"] == "serves" {
            let address = said["address"].as_str().unwrap().parse().unwrap();
            // So that it never waits for its log to be read.
            tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
            return Some((gateway, address));
        }
        println!("{line}");
    }
    None
}
