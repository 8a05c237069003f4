//! What stands behind the limiter: servers that take time, and a queue before them.
//!
//! Jobs are served in the order in which they come, by as many servers as there are. A refusal may cost work too: that is done
//! first, by the next server that is free, since an answer of no is made before anyone waits for it. Whoever gave up waiting
//! is not known here: the job stays in its place and is served for nothing.

use super::scenario::BackendRules;
use std::collections::VecDeque;
use tidegate::Nanos;

/// A call that is to be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    /// Which, by the number of its place among the calls.
    pub(crate) call: u32,
    /// How long it takes a server.
    pub(crate) service: Nanos,
}

/// What becomes of a job that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A server takes it at once.
    Served,
    /// It waits.
    Queued,
    /// The queue is full, or nothing works.
    Refused,
}

/// What a server turns to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// A job, until its service is over.
    Job(Job),
    /// The work of a refusal.
    Refusal,
}

/// The servers and their queue.
#[derive(Debug)]
pub(crate) struct Backend {
    servers: u32,
    places: Option<u32>,
    refusal: Nanos,
    busy: u32,
    queue: VecDeque<Job>,
    /// Refusals whose work nobody has begun.
    refusals: u64,
    /// Servers that do such work.
    refusing: u32,
    is_down: bool,
    since: Nanos,
    load: Load,
}

/// Integrals over time, of which averages are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// Jobs that wait or are served, times nanoseconds; the work of refusals is no job.
    pub(crate) in_system: u128,
    /// Servers that work, times nanoseconds.
    pub(crate) busy: u128,
    /// Servers that work on jobs, times nanoseconds.
    pub(crate) serving: u128,
    /// The time it is over.
    pub(crate) time: Nanos,
}

impl std::ops::AddAssign for Load {
    fn add_assign(&mut self, other: Self) {
        self.in_system += other.in_system;
        self.busy += other.busy;
        self.serving += other.serving;
        self.time = self.time + other.time;
    }
}

impl std::ops::Sub for Load {
    type Output = Self;
    fn sub(self, earlier: Self) -> Self {
        Self {
            in_system: self.in_system - earlier.in_system,
            busy: self.busy - earlier.busy,
            serving: self.serving - earlier.serving,
            time: self.time - earlier.time,
        }
    }
}

impl Backend {
    pub(crate) fn new(rules: &BackendRules) -> Self {
        Self {
            servers: rules.servers,
            places: rules.queue,
            refusal: rules.refusal,
            busy: 0,
            queue: VecDeque::new(),
            refusals: 0,
            refusing: 0,
            is_down: false,
            since: Nanos::ZERO,
            load: Load::default(),
        }
    }

    /// A job arrives.
    pub(crate) fn arrive(&mut self, job: Job, now: Nanos) -> Place {
        self.pass_to(now);
        if self.is_down {
            return Place::Refused;
        }
        if self.busy < self.servers {
            self.busy += 1;
            return Place::Served;
        }
        if self.places.is_some_and(|places| self.queue.len() >= places as usize) {
            return Place::Refused;
        }
        self.queue.push_back(job);
        Place::Queued
    }

    /// A call was refused, here or by the limiter. The time that a server is to spend on that from now, if one is free.
    pub(crate) fn refuse(&mut self, now: Nanos) -> Option<Nanos> {
        if self.refusal == Nanos::ZERO || self.is_down {
            return None;
        }
        self.pass_to(now);
        self.refusals += 1;
        self.begin().map(|(_, service)| service)
    }

    /// A server has served a job: what it turns to, and for how long.
    pub(crate) fn served(&mut self, now: Nanos) -> Option<(Work, Nanos)> {
        self.pass_to(now);
        self.busy -= 1;
        self.begin()
    }

    /// A server has done the work of a refusal.
    pub(crate) fn refused(&mut self, now: Nanos) -> Option<(Work, Nanos)> {
        // Until now it was no job that kept the server busy.
        self.pass_to(now);
        self.refusing -= 1;
        self.served(now)
    }

    fn begin(&mut self) -> Option<(Work, Nanos)> {
        if self.is_down || self.busy == self.servers {
            return None;
        }
        let work = if self.refusals > 0 {
            self.refusals -= 1;
            self.refusing += 1;
            (Work::Refusal, self.refusal)
        } else {
            let job = self.queue.pop_front()?;
            (Work::Job(job), job.service)
        };
        self.busy += 1;
        Some(work)
    }

    /// Stops: what is being served is served to its end, what waits goes on waiting, and whatever comes is refused.
    pub(crate) fn stop(&mut self, now: Nanos) {
        self.pass_to(now);
        self.is_down = true;
    }

    /// Works again; gives what each server that is free turns to.
    pub(crate) fn start(&mut self, now: Nanos) -> Vec<(Work, Nanos)> {
        self.pass_to(now);
        self.is_down = false;
        std::iter::from_fn(|| self.begin()).collect()
    }

    /// Averages count from now on.
    pub(crate) fn count_from(&mut self, now: Nanos) {
        self.pass_to(now);
        self.load = Load::default();
    }

    /// The integrals up to a time.
    pub(crate) fn load(&mut self, now: Nanos) -> Load {
        self.pass_to(now);
        self.load
    }

    fn pass_to(&mut self, now: Nanos) {
        let passed = now - self.since;
        self.since = now;
        let elapsed = u128::from(passed.get());
        let serving = u128::from(self.busy - self.refusing);
        self.load.in_system += elapsed * (serving + self.queue.len() as u128);
        self.load.busy += elapsed * u128::from(self.busy);
        self.load.serving += elapsed * serving;
        self.load.time = self.load.time + passed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backend(servers: u32, queue: Option<u32>, refusal: Nanos) -> Backend {
        Backend::new(&BackendRules { servers, queue, refusal, ..BackendRules::default() })
    }

    fn job(call: u32) -> Job {
        Job { call, service: Nanos::from_secs(u64::from(call)) }
    }

    const T: [Nanos; 4] =
        [Nanos::from_secs(0), Nanos::from_secs(1), Nanos::from_secs(2), Nanos::from_secs(3)];

    #[test]
    fn jobs_are_served_in_their_order_and_refused_where_the_queue_is_full() {
        let mut backend = backend(2, Some(1), Nanos::ZERO);
        let places: Vec<_> = (1..=4).map(|call| backend.arrive(job(call), T[0])).collect();
        assert_eq!(places, [Place::Served, Place::Served, Place::Queued, Place::Refused]);
        assert_eq!(backend.served(T[1]), Some((Work::Job(job(3)), Nanos::from_secs(3))));
        assert_eq!((backend.served(T[2]), backend.served(T[3])), (None, None));
        let load = backend.load(T[3]);
        // 3 for a second, 2 for a second, 1 for a second.
        assert_eq!((load.in_system, load.busy), (6_000_000_000, 5_000_000_000));
    }

    #[test]
    fn the_work_of_refusals_goes_before_jobs() {
        let mut backend = backend(1, None, Nanos::from_millis(5));
        assert_eq!(backend.refuse(T[0]), Some(Nanos::from_millis(5)));
        assert_eq!(backend.refuse(T[0]), None, "the server is busy");
        assert_eq!(backend.arrive(job(1), T[0]), Place::Queued);
        assert_eq!(backend.refused(T[1]), Some((Work::Refusal, Nanos::from_millis(5))));
        assert_eq!(backend.refused(T[1]), Some((Work::Job(job(1)), Nanos::from_secs(1))));
        assert_eq!(backend.served(T[2]), None);
        let load = backend.load(T[2]);
        // A job that waits for a second and is served for one; the second before is the refusal's.
        assert_eq!((load.in_system, load.serving, load.busy), (2_000_000_000, 1_000_000_000, 2_000_000_000));
    }

    #[test]
    fn an_outage_refuses_what_comes_and_keeps_what_waits() {
        let mut backend = backend(1, None, Nanos::ZERO);
        assert_eq!(
            (backend.arrive(job(1), T[0]), backend.arrive(job(2), T[0])),
            (Place::Served, Place::Queued)
        );
        backend.stop(T[0]);
        assert_eq!(backend.arrive(job(3), T[1]), Place::Refused);
        assert_eq!(backend.served(T[1]), None, "it ends what it began");
        assert_eq!(backend.start(T[2]), [(Work::Job(job(2)), Nanos::from_secs(2))]);
    }
}
