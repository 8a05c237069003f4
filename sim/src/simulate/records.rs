//! What each client of a crowd wanted and got: in all, in windows of the run, and for how long it went without.
//!
//! Nothing is an event of its own here: windows turn when the next call begins or ends, and only clients that want something
//! are looked at then. So an idle client costs nothing, and a run has the same events whatever is measured.

use super::measures::Tally;
use tidegate::Nanos;

/// Of so many windows at most, evenly spaced, what clients got is kept: a run of a year has millions of seconds.
const MOST_WINDOWS: u64 = 120;
/// Windows of the plan that make one of each kind that is looked at.
pub(crate) const WINDOWS: [u64; 2] = [1, 10];

/// The clients of a crowd, by number within it.
#[derive(Debug)]
pub(crate) struct Records {
    clients: Vec<Client>,
    windows: [Windows; WINDOWS.len()],
    /// The next time at which a window turns.
    turn: Nanos,
}

/// What one client has done so far.
#[derive(Clone, Debug)]
struct Client {
    /// Calls that have been given a number, since the run began.
    numbered: u32,
    /// Calls made, but for those that were over when counting began.
    made: u32,
    /// Of these, those that are over.
    over: u32,
    /// Of these, those that succeeded.
    succeeded: u32,
    /// The first attempt since its last success; [`Nanos::MAX`] if there was none.
    without_since: Nanos,
    /// The longest that it went without a success.
    longest: Nanos,
    /// How it stood when each window began.
    marks: [Mark; WINDOWS.len()],
}

/// How a client stood when a window began.
#[derive(Clone, Copy, Debug)]
struct Mark {
    /// Calls that were over; [`Mark::NONE`] if the client is not on the window's list.
    over: u32,
    succeeded: u32,
}

impl Mark {
    const NONE: Self = Self { over: u32::MAX, succeeded: 0 };

    fn is_none(self) -> bool {
        self.over == Self::NONE.over
    }
}

impl Client {
    const NEW: Self = Self {
        numbered: 0,
        made: 0,
        over: 0,
        succeeded: 0,
        without_since: Nanos::MAX,
        longest: Nanos::ZERO,
        marks: [Mark::NONE; WINDOWS.len()],
    };

    fn is_waiting(&self) -> bool {
        self.made > self.over
    }

    fn mark(&self) -> Mark {
        Mark { over: self.over, succeeded: self.succeeded }
    }

    /// What it wanted since a mark, what was under way then included, and what it got.
    fn since(&self, mark: Mark) -> (u32, u32) {
        (self.made - mark.over, self.succeeded - mark.succeeded)
    }

    /// It has gone without a success up to now, if it has.
    fn go_without(&mut self, now: Nanos) {
        if self.without_since <= now {
            self.longest = self.longest.max(now - self.without_since);
        }
    }
}

/// How a call ended for its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It succeeded.
    Success,
    /// It was given up.
    GivenUp,
}

impl Records {
    /// So many clients that have done nothing, whose plan's window is so long. Windows are looked at from the end of the
    /// warm-up to the end of the run.
    pub(crate) fn new(clients: usize, window: Nanos, (from, to): (Nanos, Nanos)) -> Self {
        let windows =
            WINDOWS.map(|many| Windows::new(Nanos::new(window.get().saturating_mul(many)), from, to));
        let turn = next_turn(&windows);
        Self { clients: vec![Client::NEW; clients], windows, turn }
    }

    /// Of a client that wants nothing; one that does is on the lists of windows too.
    pub(crate) const BYTES_OF_A_CLIENT: u64 = size_of::<Client>() as u64;

    /// Reads what a client's next event will need, and gives what of it comes to hand.
    #[inline]
    pub(crate) fn touch(&self, client: u32) -> u64 {
        self.clients.get(client as usize).map_or(0, |one| u64::from(one.made))
    }

    /// Calls of a client that have been given a number.
    pub(crate) fn numbered(&self, client: u32) -> u32 {
        self.clients[client as usize].numbered
    }

    /// The number of a client's next call, which may be made ready before others are over.
    #[inline]
    pub(crate) fn number(&mut self, client: u32) -> u32 {
        let one = &mut self.clients[client as usize];
        one.numbered += 1;
        one.numbered - 1
    }

    /// A client's next call begins.
    #[inline]
    pub(crate) fn begin(&mut self, client: u32, now: Nanos, tally: &mut Tally) {
        self.pass_to(now, tally);
        let one = &mut self.clients[client as usize];
        if one.without_since == Nanos::MAX {
            one.without_since = now;
        }
        let mark = one.mark();
        for (listed, windows) in one.marks.iter_mut().zip(&mut self.windows) {
            if listed.is_none() {
                *listed = mark;
                windows.listed.push(client);
            }
        }
        one.made += 1;
    }

    /// A call is over for its client.
    #[inline]
    pub(crate) fn end(&mut self, client: u32, end: End, now: Nanos, tally: &mut Tally) {
        self.pass_to(now, tally);
        let one = &mut self.clients[client as usize];
        one.over += 1;
        one.go_without(now);
        if end == End::Success {
            one.succeeded += 1;
            // Its other calls go on wanting.
            one.without_since = if one.is_waiting() { now } else { Nanos::MAX };
        }
    }

    /// Counts anew: calls that are under way are wanted still.
    pub(crate) fn start_over(&mut self, now: Nanos) {
        for one in &mut self.clients {
            one.made -= one.over;
            (one.over, one.succeeded) = (0, 0);
            one.longest = Nanos::ZERO;
            if one.without_since != Nanos::MAX {
                one.without_since = now;
            }
            for mark in one.marks.iter_mut().filter(|mark| !mark.is_none()) {
                *mark = Mark { over: 0, succeeded: 0 };
            }
        }
    }

    /// The run ends: what each client wanted and got is told.
    pub(crate) fn finish(&mut self, end: Nanos, tally: &mut Tally) {
        self.pass_to(end, tally);
        for one in &mut self.clients {
            if one.is_waiting() {
                one.go_without(end);
            }
            tally.successes.note(one.succeeded);
            let (wanted, got) = (one.made, one.succeeded);
            tally.satisfaction.note(wanted, got);
            if wanted > 0 {
                tally.note_starvation(one.longest);
            }
        }
    }

    #[inline]
    fn pass_to(&mut self, now: Nanos, tally: &mut Tally) {
        if now >= self.turn {
            self.turn(now, tally);
        }
    }

    #[cold]
    fn turn(&mut self, now: Nanos, tally: &mut Tally) {
        for (kind, windows) in self.windows.iter_mut().enumerate() {
            while now >= windows.turn {
                windows.turn(kind, &mut self.clients, tally);
            }
        }
        self.turn = next_turn(&self.windows);
    }
}

fn next_turn(windows: &[Windows]) -> Nanos {
    windows.iter().map(|windows| windows.turn).min().unwrap_or(Nanos::MAX)
}

/// Windows of one length, of which every so-manieth is looked at.
#[derive(Debug)]
struct Windows {
    length: Nanos,
    /// From one that is looked at to the next.
    every: Nanos,
    /// The beginning of the one that is looked at, or that is to be next.
    begin: Nanos,
    /// Whether that has begun.
    is_open: bool,
    /// So many were looked at.
    seen: usize,
    /// So many are to be.
    all: usize,
    /// When it begins, or ends.
    turn: Nanos,
    /// The clients that have begun a call since the last turn, or had one under way.
    listed: Vec<u32>,
}

impl Windows {
    fn new(length: Nanos, from: Nanos, to: Nanos) -> Self {
        let whole = (to - from).get() / length.get();
        let stride = whole.div_ceil(MOST_WINDOWS).max(1);
        Self {
            length,
            every: Nanos::new(length.get().saturating_mul(stride)),
            begin: from,
            is_open: false,
            seen: 0,
            all: whole.div_ceil(stride) as usize,
            turn: if whole == 0 { Nanos::MAX } else { from },
            listed: Vec::new(),
        }
    }

    /// The window begins or ends.
    fn turn(&mut self, kind: usize, clients: &mut [Client], tally: &mut Tally) {
        if self.is_open {
            let window = tally.window(kind, self.seen);
            for client in &self.listed {
                let one = &clients[*client as usize];
                let (wanted, got) = one.since(one.marks[kind]);
                window.note(wanted, got);
            }
            self.seen += 1;
            self.begin = self.begin + self.every;
        }
        self.listed.retain(|client| {
            let one = &mut clients[*client as usize];
            one.marks[kind] = if one.is_waiting() { one.mark() } else { Mark::NONE };
            one.is_waiting()
        });
        // Windows that follow one another close and open in one turn.
        self.is_open = self.seen < self.all && self.turn == self.begin;
        self.turn = match self.is_open {
            _ if self.seen == self.all => Nanos::MAX,
            true => self.begin + self.length,
            false => self.begin,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::super::measures::Tally;
    use super::*;

    const fn at(seconds: u64) -> Nanos {
        Nanos::from_secs(seconds)
    }

    /// Two clients over 100 s with windows of 10 s.
    fn records() -> (Records, Tally) {
        (Records::new(2, at(10), (Nanos::ZERO, at(100))), Tally::new(1))
    }

    fn pairs(pairs: &[(u32, u32)]) -> super::super::satisfaction::Satisfaction {
        let mut all = super::super::satisfaction::Satisfaction::default();
        pairs.iter().for_each(|(wanted, got)| all.note(*wanted, *got));
        all
    }

    #[test]
    fn a_call_is_wanted_in_every_window_in_which_it_is_under_way() {
        let (mut records, mut tally) = records();
        records.begin(0, at(1), &mut tally);
        records.end(0, End::Success, at(1), &mut tally);
        records.begin(0, at(9), &mut tally);
        // At the very end of the second window: it is of the third.
        records.end(0, End::Success, at(20), &mut tally);
        records.begin(1, at(35), &mut tally);
        records.end(1, End::GivenUp, at(36), &mut tally);
        records.finish(at(100), &mut tally);
        let expected = [pairs(&[(2, 1)]), pairs(&[(1, 0)]), pairs(&[(1, 1)]), pairs(&[(1, 0)])];
        assert_eq!(tally.windows[0][..4], expected);
        assert!(tally.windows[0][4..].iter().all(|window| *window == pairs(&[])));
        assert_eq!((tally.windows[0].len(), tally.windows[1].len()), (10, 1));
        assert_eq!(tally.windows[1][0], pairs(&[(2, 2), (1, 0)]));
        assert_eq!(tally.satisfaction, pairs(&[(2, 2), (1, 0)]));
    }

    #[test]
    fn a_client_starves_from_its_first_attempt_without_success_to_the_next_with_one() {
        let (mut records, mut tally) = records();
        // Given up at 5 s and at 12 s, had at 20 s; then idle to 90 s, and wanting to the end.
        for (begin, end, how) in [(3, 5, End::GivenUp), (11, 12, End::GivenUp), (20, 20, End::Success)] {
            records.begin(0, at(begin), &mut tally);
            records.end(0, how, at(end), &mut tally);
        }
        records.begin(0, at(90), &mut tally);
        records.finish(at(100), &mut tally);
        assert_eq!((tally.starved_most, tally.starvation.len()), (at(17), 1));
    }

    #[test]
    fn a_call_beside_one_that_succeeds_goes_on_wanting() {
        let (mut records, mut tally) = records();
        records.begin(0, at(0), &mut tally);
        records.begin(0, at(1), &mut tally);
        records.end(0, End::Success, at(10), &mut tally);
        records.end(0, End::GivenUp, at(25), &mut tally);
        records.finish(at(100), &mut tally);
        assert_eq!(tally.starved_most, at(15));
    }

    #[test]
    fn counting_anew_takes_along_what_is_under_way() {
        let mut tally = Tally::new(1);
        let mut records = Records::new(1, at(10), (at(50), at(100)));
        records.begin(0, at(10), &mut tally);
        records.end(0, End::Success, at(10), &mut tally);
        records.begin(0, at(20), &mut tally);
        records.start_over(at(50));
        records.end(0, End::Success, at(61), &mut tally);
        records.finish(at(100), &mut tally);
        assert_eq!((tally.satisfaction, tally.starved_most), (pairs(&[(1, 1)]), at(11)));
        assert_eq!(
            tally.windows[0],
            [pairs(&[(1, 0)]), pairs(&[(1, 1)]), pairs(&[]), pairs(&[]), pairs(&[])]
        );
        assert!(tally.windows[1].is_empty(), "ten windows are longer than what is left");
    }

    #[test]
    fn of_many_windows_some_are_looked_at() {
        let mut tally = Tally::new(1);
        // 300 windows: every third.
        let mut records = Records::new(1, at(1), (Nanos::ZERO, at(300)));
        for second in 0..300 {
            records.begin(0, at(second), &mut tally);
            let end = if second % 3 == 0 { End::Success } else { End::GivenUp };
            records.end(0, end, at(second), &mut tally);
        }
        records.finish(at(300), &mut tally);
        assert_eq!(tally.windows[0], vec![pairs(&[(1, 1)]); 100]);
        assert_eq!(tally.windows[1].len(), 30);
    }
}
