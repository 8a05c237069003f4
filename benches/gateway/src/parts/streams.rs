//! Many streams at a time: the memory of each.

use crate::child::Memory;
use crate::contender::{Call, Contender, Running};
use crate::cores::Cores;
use crate::load::Connection;
use crate::say;
use crate::tables::grouped;
use crate::tables::{or_dash, row, table};
use crate::upstream::EVENT;
use anyhow::{Context, ensure};
use mio::{Events, Interest, Poll, Token};
use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

/// Open files of a gateway that are no stream's.
const OTHERS: u64 = 200;

/// Streams under way to their first event at a time: a queue of connections is not what is measured.
const AT_ONCE: usize = 200;

/// Events that each stream must have seen.
const EVENTS: usize = 3;

/// For all of that.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) fn measure(
    asked: usize,
    files: Option<u64>,
    upstream: SocketAddr,
    cores: Cores,
) -> anyhow::Result<()> {
    let fit = files.map_or(asked, |files| usize::try_from(files.saturating_sub(OTHERS) / 2).unwrap_or(asked));
    let count = asked.min(fit);
    if count < asked {
        say!(
            "\n{} open files are fewer than {} streams take, two each: {} fit (ulimit -n)",
            grouped(files.unwrap_or_default()),
            grouped(asked as u64),
            grouped(count as u64)
        );
    }
    let mut table = table(&["", "before", "most held", "a stream"]);
    for who in [Contender::Proxy, Contender::Limited, Contender::Nginx, Contender::Envoy] {
        match held(who, count, upstream, cores) {
            Ok(Held { before, most }) => {
                let mebibytes = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
                let each = most.zip(before).map(|(most, before)| most.saturating_sub(before) / count as u64);
                let each = or_dash(each, |bytes| format!("{} bytes", grouped(bytes)));
                table.add_row(row(
                    who.to_string(),
                    [or_dash(before, mebibytes), or_dash(most, mebibytes), each],
                ));
            }
            Err(error) if who.is_other() => say!("skipped: {who}: {error:#}"),
            Err(error) => return Err(error),
        }
    }
    say!(
        "\n{} streams at a time, each of which has passed {EVENTS} events or more: memory of the process\n{table}",
        grouped(count as u64)
    );
    Ok(())
}

/// Memory of a gateway.
struct Held {
    before: Option<u64>,
    most: Option<u64>,
}

fn held(who: Contender, count: usize, upstream: SocketAddr, cores: Cores) -> anyhow::Result<Held> {
    let running = Running::start(who, upstream, cores)?;
    let child = running.child.as_ref().context("a gateway")?;
    let memory = |field| child.memory(field);
    let before = memory(Memory::Now);
    let streams = Streams::open(&running, count)?;
    let most = memory(Memory::Most);
    drop(streams);
    drop(running);
    // The upstream notices that they have gone before the next ones come.
    thread::sleep(Duration::from_secs(3));
    Ok(Held { before, most })
}

/// Streams that are held open.
struct Streams {
    poll: Poll,
    connections: Vec<Connection>,
}

impl Streams {
    fn open(running: &Running, count: usize) -> anyhow::Result<Self> {
        let target = running.target(Call::Stream);
        let mut streams = Self { poll: Poll::new()?, connections: Vec::new() };
        let begin = Instant::now();
        while streams.connections.len() < count {
            let place = streams.connections.len();
            let mut connection = Connection::new(target.address)?;
            streams.poll.registry().register(&mut connection.stream, Token(place), Interest::READABLE)?;
            connection.send(&target.request)?;
            streams.connections.push(connection);
            if (place + 1).is_multiple_of(AT_ONCE) || place + 1 == count {
                streams.until_all_have(1, begin)?;
            }
        }
        streams.until_all_have(EVENTS, begin)?;
        Ok(streams)
    }

    /// Waits until each has passed so many events.
    fn until_all_have(&mut self, events: usize, begin: Instant) -> anyhow::Result<()> {
        let mut polled = Events::with_capacity(1_024);
        let mut behind: Vec<usize> = (0..self.connections.len()).collect();
        loop {
            behind.retain(|place| !has(&self.connections[*place], events));
            if behind.is_empty() {
                return Ok(());
            }
            ensure!(begin.elapsed() < PATIENCE, "{} streams stand still", behind.len());
            match self.poll.poll(&mut polled, Some(Duration::from_millis(200))) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                done => done?,
            }
            for event in &polled {
                let ended = self.connections[event.token().0].receive()?;
                ensure!(ended.is_none(), "a stream has ended");
            }
        }
    }
}

/// Whether a stream has passed so many events.
fn has(connection: &Connection, events: usize) -> bool {
    const END: &[u8] = b"}\n\n";
    let read = connection.so_far();
    // Counted only where they can be: it is asked often.
    read.len() >= events * EVENT.len()
        && read.windows(END.len()).filter(|part| *part == END).count() >= events
}
