//! `tidegate-gateway demo`: a 429 within a minute, with nothing written first.

mod status;

use super::config::Config;
use super::gateway::Gateway;
use super::keys::Digest;
use super::logs::Logs;
use super::mock::{Mock, Pace};
use super::run::runtime;
use super::server::{Pages, Server};
use super::signals::asked_to_end;
use bytes::Bytes;
use clap::Args;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, Uri};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Shows a 429 within a minute: an upstream that only pretends, the gateway before it, and a live page.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Demo {
    /// Where the gateway and its page are reached.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    #[command(flatten)]
    logs: Logs,
}

impl Demo {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        self.logs.begin();
        runtime()?.block_on(self.serve())
    }

    async fn serve(self) -> anyhow::Result<()> {
        let asked = asked_to_end();
        let mock = Mock::start(Pace { tokens: 24, pause: Duration::from_millis(40) }).await?;
        let server = Server::start(configuration(self.listen, &mock)?, Some(Arc::new(Page))).await?;
        println!("{}", introduction(server.address()));
        asked.await;
        server.stop().await?;
        Ok(())
    }
}

/// What is printed: lines that can be pasted into another terminal.
fn introduction(address: SocketAddr) -> String {
    let body =
        r#"'{"model":"mock","max_tokens":24,"messages":[{"role":"user","content":"How is the tide?"}]}'"#;
    let stream = body.replacen('{', r#"{"stream":true,"#, 1);
    format!(
        r#"Tidegate stands before an upstream that only pretends. A live page: http://{address}/

Twenty-four calls of a free key pass (20 a minute, and a burst of a fifth); the 25th gets 429:

  for i in $(seq 25); do curl -s -o /dev/null -w '%{{http_code}} ' http://{address}/v1/chat/completions -H 'Authorization: Bearer sk-free' -d {body}; done; echo

What it says then, with its header:

  curl -i http://{address}/v1/chat/completions -H 'Authorization: Bearer sk-free' -d {body}

Another key has limits of its own. A stream, in OpenAI's form and in Anthropic's:

  curl -N http://{address}/v1/chat/completions -H 'Authorization: Bearer sk-pro' -d {stream}
  curl -N http://{address}/v1/messages -H 'x-api-key: sk-pro' -d {stream}

Whoever calls on and on without heeding the 429 is blocked for half a minute:

  for i in $(seq 300); do curl -s -o /dev/null -w '%{{http_code}} ' http://{address}/v1/models -H 'Authorization: Bearer sk-free'; done; echo

Ctrl-C ends it."#
    )
}

/// The live page, and what it shows.
struct Page;

impl Pages for Page {
    fn page(&self, gateway: &Gateway, method: &Method, uri: &Uri) -> Option<Response<Bytes>> {
        if method != Method::GET {
            return None;
        }
        match uri.path() {
            "/" => Some(answer("text/html; charset=utf-8", Bytes::from_static(PAGE))),
            "/status.json" => {
                Some(answer("application/json", Bytes::from(status::status(gateway).to_string())))
            }
            "/favicon.ico" => Some(answer("image/x-icon", Bytes::new())),
            _ => None,
        }
    }
}

const PAGE: &[u8] = include_bytes!("demo/page.html");

/// Nothing but what the page itself holds, and this server.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'";

fn answer(kind: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// The keys, by name and plan.
const KEYS: [(&str, &str); 2] = [("sk-free", "free"), ("sk-pro", "pro")];

/// Strikes before a block: fewer than a gateway tolerates otherwise, so that a shell's loop is fast enough to be blocked.
const TOLERANCE: u32 = 20;

fn configuration(listen: SocketAddr, mock: &Mock) -> anyhow::Result<Config> {
    let key = |(key, plan): (&str, &str)| {
        let digest = Digest::of(key.as_bytes());
        format!("[[keys]]\nname = \"{key}\"\nsha256 = \"{digest}\"\nplan = \"{plan}\"\n")
    };
    let text = format!(
        "listen = \"{listen}\"\n[guard]\ntolerance = {TOLERANCE}\n{}[upstreams.openai]\nurl = \"{url}\"\napi = \"openai\"\n\
         [upstreams.anthropic]\nurl = \"{url}\"\napi = \"anthropic\"\n",
        KEYS.map(key).concat(),
        url = mock.url()
    );
    Ok(Config::parse("demo", &text)?)
}
