//! The connections of one load, and the loop that drives them.

use super::alarm::Alarm;
use super::{Connection, Schedule, histogram};
use anyhow::ensure;
use bytes::Bytes;
use hdrhistogram::Histogram;
use mio::{Events, Interest, Poll, Token};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What is called, and what must come of it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) request: Bytes,
    pub(crate) status: u16,
    /// What may come in its place, and does not count.
    pub(crate) passed_over: Option<u16>,
}

/// What came of a load.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// Nanoseconds from when a call was due to the end of its response.
    pub(crate) latency: Histogram<u64>,
    /// Nanoseconds by which calls that found a connection were sent too late: the generator's own share of their latency.
    pub(crate) lateness: Histogram<u64>,
    /// From the first call to the end of the last response.
    pub(crate) elapsed: Duration,
    /// Calls that were due and found all connections taken.
    pub(crate) waited: u64,
}

impl Measured {
    fn new() -> Self {
        Self { latency: histogram(), lateness: histogram(), elapsed: Duration::ZERO, waited: 0 }
    }

    pub(crate) fn calls(&self) -> u64 {
        self.latency.len()
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Connections to one target.
#[derive(Debug)]
pub(crate) struct Fleet {
    poll: Poll,
    events: Events,
    alarm: Alarm,
    target: Target,
    connections: Vec<Connection>,
    idle: VecDeque<usize>,
    /// Calls that wait for a connection, by when they were due.
    waiting: VecDeque<Instant>,
}

const ALARM: Token = Token(usize::MAX);

/// A response that takes as long will not come.
const PATIENCE: Duration = Duration::from_secs(30);

impl Fleet {
    pub(crate) fn new(target: Target, connections: usize) -> anyhow::Result<Self> {
        let poll = Poll::new()?;
        let alarm = Alarm::new(poll.registry(), ALARM)?;
        let mut fleet = Self {
            poll,
            events: Events::with_capacity(1_024),
            alarm,
            target,
            connections: Vec::new(),
            idle: (0..connections).collect(),
            waiting: VecDeque::new(),
        };
        for place in 0..connections {
            let mut connection = Connection::new(fleet.target.address)?;
            fleet.poll.registry().register(&mut connection.stream, Token(place), Interest::READABLE)?;
            fleet.connections.push(connection);
        }
        Ok(fleet)
    }

    /// Calls at a rate for a time: each when it is due, whatever becomes of the others.
    pub(crate) fn at_rate(&mut self, rate: u32, time: Duration) -> anyhow::Result<Measured> {
        const LEAD: Duration = Duration::from_millis(2);
        let mut measured = Measured::new();
        let mut schedule = Schedule::new(Instant::now() + LEAD, rate, time);
        // The alarm counts from here, which is later: it rings after a call is due, and never just before.
        self.alarm.set(LEAD, schedule.interval())?;
        let mut last = schedule.start;
        loop {
            let now = Instant::now();
            while let Some(due) = schedule.take(now) {
                self.begin(due, &mut measured)?;
            }
            if schedule.next().is_none() {
                self.alarm.stop()?;
                if self.idle.len() == self.connections.len() {
                    break;
                }
            }
            if self.receive(&mut measured)? > 0 {
                last = Instant::now();
            }
            ensure!(last.elapsed() < PATIENCE + time, "{} does not answer", self.target.address);
            while let Some(due) = self.waiting.pop_front() {
                let Some(place) = self.idle.pop_front() else {
                    self.waiting.push_front(due);
                    break;
                };
                self.send(place, due)?;
            }
        }
        measured.elapsed = schedule.start.elapsed();
        Ok(measured)
    }

    /// Calls one after the other on all connections for a time; latencies are from the sending.
    pub(crate) fn as_fast_as_can(&mut self, time: Duration) -> anyhow::Result<Measured> {
        let mut measured = Measured::new();
        let begin = Instant::now();
        loop {
            let now = Instant::now();
            if now - begin < time {
                while let Some(place) = self.idle.pop_front() {
                    self.send(place, Instant::now())?;
                }
            } else if self.idle.len() == self.connections.len() {
                break;
            }
            self.receive(&mut measured)?;
            ensure!(begin.elapsed() < PATIENCE + time, "{} does not answer", self.target.address);
        }
        measured.elapsed = begin.elapsed();
        Ok(measured)
    }

    fn begin(&mut self, due: Instant, measured: &mut Measured) -> anyhow::Result<()> {
        let first = if self.waiting.is_empty() { self.idle.pop_front() } else { None };
        let Some(place) = first else {
            measured.waited += 1;
            self.waiting.push_back(due);
            return Ok(());
        };
        measured.lateness.saturating_record(nanos(due.elapsed()));
        self.send(place, due)
    }

    fn send(&mut self, place: usize, due: Instant) -> anyhow::Result<()> {
        let connection = &mut self.connections[place];
        connection.due = Some(due);
        connection.send(&self.target.request)
    }

    /// Waits for something to happen, and takes the responses that have ended. Gives how many.
    fn receive(&mut self, measured: &mut Measured) -> anyhow::Result<usize> {
        match self.poll.poll(&mut self.events, self.alarm.timeout()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(0),
            polled => polled?,
        }
        let mut ended = 0;
        for event in &self.events {
            if event.token() == ALARM {
                self.alarm.hear();
                continue;
            }
            let place = event.token().0;
            let connection = &mut self.connections[place];
            let Some(status) = connection.receive()? else { continue };
            let Some(due) = connection.due.take() else { anyhow::bail!("a response that nobody asked for") };
            let Target { address, status: expected, passed_over, .. } = self.target;
            if status == expected {
                measured.latency.saturating_record(nanos(due.elapsed()));
            } else {
                ensure!(Some(status) == passed_over, "{address} answers {status} and not {expected}");
            }
            self.idle.push_back(place);
            ended += 1;
        }
        Ok(ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
    const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

    /// A server that answers at once, but stands still for `pause` when the request of this number comes: on all connections
    /// together, as a process does that is not let run.
    fn server(pause_at: usize, pause: Duration) -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (count, still) = (Arc::new(AtomicUsize::new(0)), Arc::new(std::sync::RwLock::new(())));
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (count, still) = (count.clone(), still.clone());
                thread::spawn(move || {
                    let mut request = [0; REQUEST.len()];
                    while stream.read_exact(&mut request).is_ok() {
                        if count.fetch_add(1, Ordering::SeqCst) == pause_at {
                            let _all = still.write().unwrap();
                            thread::sleep(pause);
                        }
                        let _runs = still.read().unwrap();
                        stream.write_all(RESPONSE).unwrap();
                    }
                });
            }
        });
        Target { address, request: Bytes::from_static(REQUEST), status: 200, passed_over: None }
    }

    /// Calls that took at least so long.
    fn at_least(measured: &Measured, time: Duration) -> u64 {
        measured.latency.count_between(nanos(time), u64::MAX)
    }

    /// Coordinated omission is what this is against: a generator that waits for responses sends one call in the pause, and finds
    /// one call slow where two hundred were.
    #[test]
    fn a_pause_of_the_server_shows_in_all_calls_that_were_due_in_it() {
        let pause = Duration::from_millis(400);
        for connections in [2, 64] {
            let mut fleet = Fleet::new(server(100, pause), connections).unwrap();
            let measured = fleet.at_rate(500, Duration::from_secs(1)).unwrap();
            assert_eq!(measured.calls(), 500, "every call that was due is counted");
            // Two hundred are due in the pause, evenly: those of its first half wait for 200 ms and more. The bounds are wide on the
            // side where other work on the machine cannot reach them.
            let slow = at_least(&measured, pause / 2);
            assert!(slow >= 95, "{connections} connections: {slow} of 100");
            let all = at_least(&measured, Duration::from_millis(20));
            assert!(all >= 180, "{connections} connections: {all} of 190");
            assert!(measured.latency.max() >= nanos(pause) * 99 / 100);
        }
    }

    #[test]
    fn calls_keep_their_rate() {
        let mut fleet = Fleet::new(server(usize::MAX, Duration::ZERO), 8).unwrap();
        let time = Duration::from_millis(300);
        let measured = fleet.at_rate(2_000, time).unwrap();
        assert_eq!(measured.calls(), 600);
        assert!(measured.elapsed >= time - Duration::from_millis(1), "no call is sent before it is due");
        assert_eq!(measured.lateness.len() + measured.waited, 600);
    }

    #[test]
    fn a_closed_loop_has_all_connections_busy_and_ends_in_time() {
        let mut fleet = Fleet::new(server(usize::MAX, Duration::ZERO), 4).unwrap();
        let measured = fleet.as_fast_as_can(Duration::from_millis(100)).unwrap();
        assert!(measured.calls() >= 4 && measured.elapsed >= Duration::from_millis(100));
    }

    #[test]
    fn another_status_than_expected_ends_the_load() {
        let target = Target { status: 429, ..server(usize::MAX, Duration::ZERO) };
        let error = Fleet::new(target, 1).unwrap().at_rate(10, Duration::from_millis(200)).unwrap_err();
        assert!(error.to_string().ends_with("answers 200 and not 429"), "{error}");
    }
}
