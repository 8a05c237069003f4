//! Room for connections in the system's count of open files.
//!
//! Each call takes two descriptors, the client's and the upstream's. What a process may have at first is often 1,024, and what it may ask
//! for a thousand times as much.

/// Descriptors that are no connections.
#[cfg(unix)]
const OTHERS: u64 = 64;

/// Asks for as many as may be asked for. Says so if that is too few for so many connections.
#[cfg(unix)]
pub(crate) fn raise(connections: usize) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    let may = if raised { maximum } else { current };
    let needs = (connections as u64).saturating_mul(2).saturating_add(OTHERS);
    // None: there is no limit.
    if may.is_some_and(|may| may < needs) {
        tracing::warn!(
            needs,
            may = may.unwrap_or_default(),
            "`bounds.connections` asks for more open files than the system gives (ulimit -n)"
        );
    }
}

#[cfg(not(unix))]
pub(crate) fn raise(_connections: usize) {}
