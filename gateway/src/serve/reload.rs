//! Another configuration while the gateway runs: when its file changes, or on SIGHUP.
//!
//! The file is looked at twice a second: at what its path leads to, so that a symbolic link that is swapped, or a file that is renamed into
//! its place, is seen like one that is rewritten. A change is taken once it has stood still from one look to the next, since half a
//! file may well be valid.

use super::config::Config;
use super::ending::Ending;
use super::gateway::Gateway;
use super::signals::{Heard, hangup};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tracing::{error, info, warn};

/// From one look to the next.
const LOOK: Duration = Duration::from_millis(500);

/// What tells one content of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    identity: Identity,
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    /// Of the file that a path leads to; `None` if that is none.
    fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            identity: identity(&metadata),
            length: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

/// Which file it is, and when anything of it changed: a file that could not be read is looked at again when it may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    changed: (i64, i64),
}

#[cfg(unix)]
fn identity(metadata: &std::fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    let changed = (metadata.ctime(), metadata.ctime_nsec());
    Identity { device: metadata.dev(), inode: metadata.ino(), changed }
}

#[cfg(not(unix))]
fn identity(_metadata: &std::fs::Metadata) -> Identity {
    Identity::default()
}

/// Keeps a gateway to its configuration's file.
#[derive(Debug)]
pub struct Reloader {
    path: PathBuf,
    /// Of the content that was read last, right or wrong.
    read: Option<Stamp>,
    /// Of another one, which may not be whole yet.
    seen: Option<Stamp>,
    hangup: Heard,
}

impl Reloader {
    /// For a file that is about to be read for the first time, within a runtime: what changes from here on is seen, and SIGHUP heard.
    pub fn new(path: PathBuf) -> Self {
        let read = Stamp::of(&path);
        Self { path, read, seen: None, hangup: hangup() }
    }

    /// Keeps a gateway to the file until the end begins.
    pub async fn run(mut self, gateway: Arc<Gateway>, mut ending: Ending) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = ending.begun() => return,
                _ = looks.tick() => self.look(&gateway).await,
                () = self.hangup.next() => self.read(&gateway).await,
            }
        }
    }

    /// Reads the file if it has changed, and stood still since the last look.
    async fn look(&mut self, gateway: &Arc<Gateway>) {
        let now = Stamp::of(&self.path);
        if now.is_none() || now == self.read {
            self.seen = None;
        } else if now == self.seen {
            self.read(gateway).await;
        } else {
            self.seen = now;
        }
    }

    /// Reads the file, and puts it in force if nothing is wrong with it.
    async fn read(&mut self, gateway: &Arc<Gateway>) {
        let before = Stamp::of(&self.path);
        let (path, changing) = (self.path.clone(), gateway.clone());
        // A long file takes a while, in which no call should have to wait.
        let changed = tokio::task::spawn_blocking(move || changing.change(Config::read(&path)?)).await;
        if Stamp::of(&self.path) != before {
            // It was written to meanwhile: the next looks see to it.
            self.seen = None;
        }
        self.read = before;
        match changed {
            Ok(Ok(words)) => {
                words.iter().for_each(|words| warn!("{words}"));
                let live = gateway.state.live();
                info!(
                    generation = live.generation,
                    keys = live.keys.len(),
                    "another configuration is in force"
                );
            }
            Ok(Err(error)) => {
                gateway.metrics.configuration.refused();
                error!("the configuration stays as it was: {error:#}");
            }
            Err(error) => {
                gateway.metrics.configuration.refused();
                error!("the configuration stays as it was: {error}");
            }
        }
    }
}
