//! Processes that are measured: begun on their core, looked at, and ended with the value.

use crate::cores::{Cores, Side};
use anyhow::{Context, ensure};
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child as Process, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What a process has to begin, or to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running process.
#[derive(Debug)]
pub(crate) struct Child {
    process: Process,
    name: String,
}

impl Child {
    /// Begins a program on its side.
    pub(crate) fn start(command: &mut Command, cores: Cores, side: Side) -> anyhow::Result<Self> {
        let name = command.get_program().display().to_string();
        // It begins where the thread is that begins it.
        cores.take(side)?;
        // The end of its input is the end of this process: those of ours end then.
        let process = command.stdin(Stdio::piped()).spawn().with_context(|| name.clone());
        cores.take(Side::Rest)?;
        Ok(Self { process: process?, name })
    }

    /// Waits until something listens on an address.
    pub(crate) fn until_listens(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        let begin = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = self.process.try_wait()?;
            ensure!(ended.is_none(), "{} has ended", self.name);
            ensure!(begin.elapsed() < PATIENCE, "{} does not listen on {address}", self.name);
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// This process and those that it began.
    fn tree(&self) -> Vec<u32> {
        let mut tree = vec![self.process.id()];
        let mut seen = 0;
        while let Some(id) = tree.get(seen).copied() {
            let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
            tree.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
            seen += 1;
        }
        tree
    }

    /// Processor time that it has had, if the system tells.
    pub(crate) fn processor_time(&self) -> Option<Duration> {
        let nanos: Option<u64> = self.tree().into_iter().map(nanos_of).sum();
        nanos.map(Duration::from_nanos)
    }

    /// Its memory as the system gives it, in bytes; of those that it began too, which may share some of it.
    pub(crate) fn memory(&self, which: Memory) -> Option<u64> {
        self.tree().into_iter().map(|id| memory_of(id, which)).sum()
    }
}

fn memory_of(id: u32, which: Memory) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let name = match which {
        Memory::Now => "VmRSS:",
        Memory::Most => "VmHWM:",
    };
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kibibytes * 1_024)
}

/// What of a process's memory is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Memory {
    /// Resident now.
    Now,
    /// The most that ever was.
    Most,
}

/// Nanoseconds that all threads of a process have run.
fn nanos_of(id: u32) -> Option<u64> {
    let threads = fs::read_dir(format!("/proc/{id}/task")).ok()?;
    let nanos = |thread: fs::DirEntry| -> Option<u64> {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse().ok()
    };
    threads.flatten().map(nanos).sum()
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        #[cfg(unix)]
        {
            use rustix::process::{Pid, Signal, kill_process};
            // A master of workers ends them when it is asked to, and not when it is killed.
            let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
            let begin = Instant::now();
            while begin.elapsed() < PATIENCE {
                if !matches!(self.process.try_wait(), Ok(None)) {
                    return;
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address on loopback that nobody listens on, for programs that cannot say which port they got.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_process_and_of_those_it_began_is_counted() {
        let script = "while :; do :; done & wait";
        let start = || Child::start(Command::new("sh").args(["-c", script]), Cores::Any, Side::Gateway);
        let child = start().unwrap();
        let begin = Instant::now();
        while child.tree().len() < 2 || child.processor_time() < Some(Duration::from_millis(50)) {
            assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", child.processor_time());
            thread::sleep(Duration::from_millis(10));
        }
        assert!(
            child.memory(Memory::Most) >= child.memory(Memory::Now) && child.memory(Memory::Now).is_some()
        );
        // The shell that is asked to end does not end what it began: that is ended here.
        let began = child.tree()[1];
        drop(child);
        let pid = rustix::process::Pid::from_raw(began as i32).unwrap();
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}
