//! `tidegate-gateway serve`.

use std::net::SocketAddr;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The program, which runs until it is dropped.
pub(crate) struct Program {
    pub(crate) address: SocketAddr,
    _gateway: Child,
    _folder: tempfile::TempDir,
}

impl Program {
    /// Starts it with a configuration, but for where it listens, and waits until it serves.
    pub(crate) async fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.toml");
        std::fs::write(&file, format!("listen = \"127.0.0.1:0\"\n{config}")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate-gateway"));
        command.args(["serve", "--log-format", "json"]).arg(&file).kill_on_drop(true);
        let mut gateway = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(gateway.stderr.take().unwrap()).lines();
        let mut said = String::new();
        while let Some(line) = log.next_line().await.unwrap() {
            let event: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if event["message"] == "serves" {
                let address = event["address"].as_str().unwrap().parse().unwrap();
                // So that it never waits for its log to be read.
                tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
                return Self { address, _gateway: gateway, _folder: folder };
            }
            said += &line;
        }
        panic!("the gateway does not begin to serve: {said}");
    }
}
