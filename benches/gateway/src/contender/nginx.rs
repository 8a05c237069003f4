//! nginx as a reverse proxy: one worker, connections kept alive on both sides.

use anyhow::{Context, ensure};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

/// How it limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    None,
    /// `limit_req` by the field with the key.
    ByKey,
}

pub(super) fn command(
    listen: SocketAddr,
    upstream: SocketAddr,
    limit: Limit,
    folder: &Path,
) -> anyhow::Result<Command> {
    let known = Command::new("nginx").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let known = known.context("there is no nginx (`apt-get install nginx`)")?;
    ensure!(known.success(), "nginx does not tell its version");
    let file = folder.join("nginx.conf");
    fs::write(&file, config(listen, upstream, limit, folder))?;
    let mut command = Command::new("nginx");
    command.arg("-e").arg(folder.join("error.log")).arg("-p").arg(folder).arg("-c").arg(file);
    Ok(command)
}

fn config(listen: SocketAddr, upstream: SocketAddr, limit: Limit, folder: &Path) -> String {
    let folder = folder.display();
    let (zones, open, spent) = match limit {
        Limit::None => ("", "", ""),
        Limit::ByKey => (
            "limit_req_status 429;\n\
             limit_req_zone $http_authorization zone=open:10m rate=1000000r/s;\n\
             limit_req_zone $http_authorization zone=spent:10m rate=1r/m;",
            "limit_req zone=open burst=1000000 nodelay;",
            "limit_req zone=spent;",
        ),
    };
    // No body here is so long that it would go to a file; nginx makes the folders for them all the same.
    format!(
        r#"daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log crit;
events {{ worker_connections 40960; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  tcp_nodelay on;
  {zones}
  upstream mock {{
    server {upstream};
    keepalive 256;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
  }}
  server {{
    listen {listen} backlog=4096;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    location / {{ {open} proxy_pass http://mock; }}
    location /stream/ {{ {open} proxy_buffering off; proxy_pass http://mock; }}
    location /spent/ {{ {spent} proxy_pass http://mock; }}
  }}
}}
"#
    )
}
