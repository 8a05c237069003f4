//! `tidegate-gateway demo`: a 429 within a minute, with nothing written first.

use super::config::Config;
use super::keys::Digest;
use super::logs::Logs;
use super::mock::{Mock, Pace};
use super::run::{asked_to_end, runtime};
use super::server::Server;
use clap::Args;
use std::net::SocketAddr;
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
        let mock = Mock::start(Pace { tokens: 24, pause: Duration::from_millis(40) }).await?;
        let server = Server::start(configuration(self.listen, &mock)?, None).await?;
        println!("http://{}", server.address());
        asked_to_end().await;
        server.stop().await?;
        Ok(())
    }
}

/// The keys, by name and plan.
const KEYS: [(&str, &str); 2] = [("sk-free", "free"), ("sk-pro", "pro")];

fn configuration(listen: SocketAddr, mock: &Mock) -> anyhow::Result<Config> {
    let key = |(key, plan): (&str, &str)| {
        let digest = Digest::of(key.as_bytes());
        format!("[[keys]]\nname = \"{key}\"\nsha256 = \"{digest}\"\nplan = \"{plan}\"\n")
    };
    let text = format!(
        "listen = \"{listen}\"\n[guard]\n{}[upstreams.openai]\nurl = \"{url}\"\napi = \"openai\"\n\
         [upstreams.anthropic]\nurl = \"{url}\"\napi = \"anthropic\"\n",
        KEYS.map(key).concat(),
        url = mock.url()
    );
    Ok(Config::parse("demo", &text)?)
}
