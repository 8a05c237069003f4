//! Which core what runs on: the gateway on one, all else on another, so that no round is decided by where the system puts them.

use std::fmt;

/// The cores of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cores {
    /// The first for the gateway, the second for the upstream and the generator.
    Apart(usize, usize),
    /// Wherever the system puts them.
    Any,
}

/// Which side a process is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Gateway,
    Rest,
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apart(gateway, rest) => {
                write!(f, "the gateway on core {gateway}, upstream and generator on core {rest}")
            }
            Self::Any => write!(f, "cores as the system gives them"),
        }
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use super::{Cores, Side};
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    impl Cores {
        /// Two of those that this process may use, if there are two.
        pub(crate) fn two() -> Self {
            let Ok(may) = sched_getaffinity(None) else { return Self::Any };
            let mut cores = (0..CpuSet::MAX_CPU).filter(|core| may.is_set(*core));
            match (cores.next(), cores.next()) {
                (Some(gateway), Some(rest)) => Self::Apart(gateway, rest),
                _ => Self::Any,
            }
        }

        /// Puts this thread, and what it starts from now on, on its side.
        pub(crate) fn take(self, side: Side) -> anyhow::Result<()> {
            let core = match (self, side) {
                (Self::Apart(core, _), Side::Gateway) | (Self::Apart(_, core), Side::Rest) => core,
                (Self::Any, _) => return Ok(()),
            };
            let mut set = CpuSet::new();
            set.set(core);
            Ok(sched_setaffinity(None, &set)?)
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Cores {
    pub(crate) fn two() -> Self {
        Self::Any
    }

    pub(crate) fn take(self, _side: Side) -> anyhow::Result<()> {
        Ok(())
    }
}
