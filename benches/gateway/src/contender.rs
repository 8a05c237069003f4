//! What is measured: nothing at all before the upstream, Tidegate's gateway, nginx, Envoy.

mod envoy;
mod nginx;
mod request;
mod tidegate;

use crate::child::{Child, free_address};
use crate::cores::{Cores, Side};
use crate::load::Target;
use crate::role::{Layer, this_program};
use anyhow::Context;
use std::fmt;
use std::net::SocketAddr;
use tempfile::TempDir;

pub(crate) use request::Call;
pub(crate) use tidegate::config as tidegate_config;

/// Who stands between the generator and the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Contender {
    /// Nobody.
    Straight,
    /// Tidegate's proxy without its layer.
    Proxy,
    /// The same once more: how far are two apart that are the same?
    ProxyAgain,
    /// Tidegate's gateway.
    Limited,
    /// nginx as a reverse proxy.
    Nginx,
    /// The same with `limit_req`.
    NginxLimited,
    /// Envoy as a reverse proxy.
    Envoy,
    /// The same with its local rate limit.
    EnvoyLimited,
}

impl Contender {
    /// In the order in which they are shown.
    pub(crate) const ALL: [Self; 8] = [
        Self::Straight,
        Self::Proxy,
        Self::ProxyAgain,
        Self::Limited,
        Self::Nginx,
        Self::NginxLimited,
        Self::Envoy,
        Self::EnvoyLimited,
    ];

    /// Whether it is somebody else's, which may be missing here.
    pub(crate) fn is_other(self) -> bool {
        matches!(self, Self::Nginx | Self::NginxLimited | Self::Envoy | Self::EnvoyLimited)
    }

    /// Those that refuse calls.
    pub(crate) const LIMITED: [Self; 3] = [Self::Limited, Self::NginxLimited, Self::EnvoyLimited];
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Straight => "straight to the upstream",
            Self::Proxy => "tidegate-gateway without the layer",
            Self::ProxyAgain => "the same, a second process",
            Self::Limited => "tidegate-gateway",
            Self::Nginx => "nginx",
            Self::NginxLimited => "nginx, limit_req",
            Self::Envoy => "Envoy",
            Self::EnvoyLimited => "Envoy, local rate limit",
        })
    }
}

/// A contender that runs, or the reason why it does not.
pub(crate) type Started = Result<Running, anyhow::Error>;

/// A contender that runs.
#[derive(Debug)]
pub(crate) struct Running {
    /// `None` where nobody stands between.
    pub(crate) child: Option<Child>,
    pub(crate) address: SocketAddr,
    pub(crate) who: Contender,
    _folder: TempDir,
}

impl Running {
    /// Begins it before an upstream.
    pub(crate) fn start(who: Contender, upstream: SocketAddr, cores: Cores) -> Started {
        let folder = tempfile::tempdir()?;
        let listen = free_address()?;
        let mut command = match who {
            Contender::Straight => {
                return Ok(Self { child: None, address: upstream, who, _folder: folder });
            }
            Contender::Proxy | Contender::ProxyAgain | Contender::Limited => {
                let layer = if who == Contender::Limited { Layer::With } else { Layer::Without };
                tidegate::command(listen, upstream, layer, folder.path())?
            }
            Contender::Nginx => nginx::command(listen, upstream, nginx::Limit::None, folder.path())?,
            Contender::NginxLimited => nginx::command(listen, upstream, nginx::Limit::ByKey, folder.path())?,
            Contender::Envoy => envoy::command(listen, upstream, envoy::Limit::None, folder.path())?,
            Contender::EnvoyLimited => envoy::command(listen, upstream, envoy::Limit::Local, folder.path())?,
        };
        let mut child = Child::start(&mut command, cores, Side::Gateway)?;
        child.until_listens(listen).with_context(|| who.to_string())?;
        Ok(Self { child: Some(child), address: listen, who, _folder: folder })
    }

    /// What a call of it is, and what must come of it.
    pub(crate) fn target(&self, call: Call) -> Target {
        // Of calls that are to be refused one a minute passes.
        let (status, passed_over) = if call == Call::Refused { (429, Some(200)) } else { (200, None) };
        Target { address: self.address, request: call.bytes(), status, passed_over }
    }
}

/// The upstream, in a process of its own.
pub(crate) fn upstream(cores: Cores, pause_millis: u64) -> anyhow::Result<(Child, SocketAddr)> {
    let listen = free_address()?;
    let mut command = this_program()?;
    command.args(["upstream", &listen.to_string(), &pause_millis.to_string()]);
    let mut child = Child::start(&mut command, cores, Side::Rest)?;
    child.until_listens(listen)?;
    Ok((child, listen))
}
