//! The calls of a trace, as arrivals of a population.

use crate::trace::{DEFAULT_KEY, Event, EventKind, Trace, TraceError};
use ahash::RandomState;
use std::collections::HashMap;
use tidegate::Nanos;

/// A call of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordedCall {
    /// When, from the trace's first.
    pub(crate) at: Nanos,
    /// From it to the trace's next, whoever makes that.
    pub(crate) gap: Nanos,
    /// What it used.
    pub(crate) charge: Charge,
}

/// The tokens of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Charge {
    /// Those that it reserves.
    pub(crate) reserved: u32,
    /// Those that it uses.
    pub(crate) used: u32,
}

/// The calls of a trace, by client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// Client by client, each in order of time.
    calls: Vec<RecordedCall>,
    /// Where a client's calls begin, and at last where they end.
    starts: Vec<u32>,
    /// From a run of the trace to the next: its calls and a mean gap.
    length: Nanos,
}

/// The most tokens of a call.
const MOST_TOKENS: u64 = 1_000_000_000;

/// A call before it is known whose it is, by number.
struct Unsorted {
    at: Nanos,
    key: u32,
    charge: Charge,
}

impl Recorded {
    /// Reads a trace. Calls that name keys are those of as many clients as there are keys, in the order in which they appear;
    /// calls without are dealt out to so many clients in turn. A call's settle tells what it used; changes of plan are passed over.
    ///
    /// An error if the trace cannot be read, or has no call.
    pub(crate) fn read(mut trace: Trace, clients: Option<u32>) -> Result<Self, RecordedError> {
        let mut unsorted: Vec<Unsorted> = Vec::new();
        let mut keys: HashMap<String, u32, RandomState> = HashMap::default();
        let mut open: HashMap<String, usize, RandomState> = HashMap::default();
        let mut first = None;
        let mut event = Event::default();
        while trace.read(&mut event)? {
            let tokens = event.tokens.unwrap_or(0);
            let used = tokens.saturating_add(event.generated.unwrap_or(0));
            if used > MOST_TOKENS {
                let problem = format!("expected at most {MOST_TOKENS} tokens a call, found {used}");
                return Err(trace.error(event.place, problem).into());
            }
            match event.kind {
                EventKind::Call => {
                    let key = match keys.get(event.key()) {
                        Some(key) => *key,
                        None => {
                            let next = keys.len() as u32;
                            keys.insert(event.key().to_owned(), next);
                            next
                        }
                    };
                    if !event.id.is_empty() {
                        open.insert(event.id.clone(), unsorted.len());
                    }
                    let at = event.time - *first.get_or_insert(event.time);
                    let charge = Charge { reserved: tokens as u32, used: used as u32 };
                    unsorted.push(Unsorted { at, key, charge });
                }
                EventKind::Settle => {
                    if let Some(call) = open.remove(&event.id) {
                        unsorted[call].charge.used = tokens as u32;
                    }
                }
                EventKind::Plan => {}
            }
        }
        let names_keys = keys.len() > 1 || !keys.contains_key(DEFAULT_KEY);
        match (names_keys, clients) {
            (true, Some(clients)) if clients as usize != keys.len() => {
                Err(RecordedError::Clients { keys: keys.len(), clients })
            }
            (true, _) => Self::sorted(unsorted, keys.len()),
            (false, clients) => {
                let clients = clients.unwrap_or(1);
                unsorted.iter_mut().zip((0..clients).cycle()).for_each(|(call, client)| call.key = client);
                Self::sorted(unsorted, clients as usize)
            }
        }
    }

    /// Groups calls in order of time by their clients, who keep that order.
    fn sorted(unsorted: Vec<Unsorted>, clients: usize) -> Result<Self, RecordedError> {
        let Some(last) = unsorted.last().map(|call| call.at) else { return Err(RecordedError::Empty) };
        let count = unsorted.len() as u64;
        let mean_gap = if count > 1 { last.get() / (count - 1) } else { 0 };
        // A trace of one instant is a second's.
        let length =
            Nanos::new(last.get() + mean_gap.max(if last == Nanos::ZERO { 1_000_000_000 } else { 1 }));
        let mut starts = vec![0_u32; clients + 1];
        unsorted.iter().for_each(|call| starts[call.key as usize + 1] += 1);
        for client in 1..starts.len() {
            starts[client] += starts[client - 1];
        }
        let (mut places, mut calls) = (starts.clone(), vec![None; unsorted.len()]);
        let nexts = unsorted.iter().skip(1).map(|call| call.at).chain([length]);
        for (call, next) in unsorted.iter().zip(nexts) {
            let place = &mut places[call.key as usize];
            calls[*place as usize] =
                Some(RecordedCall { at: call.at, gap: next - call.at, charge: call.charge });
            *place += 1;
        }
        Ok(Self { calls: calls.into_iter().flatten().collect(), starts, length })
    }

    /// How many clients call.
    pub(crate) fn clients(&self) -> u32 {
        (self.starts.len() - 1) as u32
    }

    /// From a run of the trace to the next.
    pub(crate) fn length(&self) -> Nanos {
        self.length
    }

    /// A client's calls, in order.
    pub(crate) fn of(&self, client: u32) -> &[RecordedCall] {
        let [from, to] = [client as usize, client as usize + 1]
            .map(|place| self.starts.get(place).map_or(self.calls.len(), |start| *start as usize));
        &self.calls[from..to]
    }

    /// What its calls used.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = u32> {
        self.calls.iter().map(|call| call.charge.used)
    }
}

/// Why a trace makes no population.
#[derive(Debug)]
pub(crate) enum RecordedError {
    /// It cannot be read.
    Trace(TraceError),
    /// It has no call.
    Empty,
    /// It has clients of its own, and not so many.
    Clients {
        /// The keys that it has.
        keys: usize,
        /// The clients that were asked for.
        clients: u32,
    },
}

impl From<TraceError> for RecordedError {
    fn from(error: TraceError) -> Self {
        Self::Trace(error)
    }
}

impl std::fmt::Display for RecordedError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Trace(error) => error.fmt(f),
            Self::Empty => f.write_str("the trace has no call"),
            Self::Clients { keys, clients } => write!(
                f,
                "the trace has {keys} keys, each of which is a client; leave `clients`, which is {clients}, out"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Input;

    fn read(text: &'static str, clients: Option<u32>) -> Result<Recorded, RecordedError> {
        Recorded::read(Trace::open(vec![Input::new("t.csv", text.as_bytes())], None).unwrap(), clients)
    }

    fn times(recorded: &Recorded, client: u32) -> Vec<u64> {
        recorded.of(client).iter().map(|call| call.at.get() / 1_000_000_000).collect()
    }

    #[test]
    fn keys_are_clients_in_the_order_in_which_they_appear() {
        let recorded = read("time,key\n5,b\n6,a\n6,b\n9,c\n", None).unwrap();
        assert_eq!(recorded.clients(), 3);
        assert_eq!([0, 1, 2].map(|client| times(&recorded, client)), [vec![0, 1], vec![1], vec![4]]);
        // Four calls in four seconds: the next run begins a mean gap after the last.
        assert_eq!(recorded.length(), Nanos::new(5_333_333_333));
        let gaps: Vec<u64> = recorded.of(0).iter().map(|call| call.gap.get()).collect();
        assert_eq!(gaps, [1_000_000_000, 3_000_000_000]);
        assert!(matches!(
            read("time,key\n5,b\n6,a\n", Some(3)),
            Err(RecordedError::Clients { keys: 2, clients: 3 })
        ));
    }

    #[test]
    fn calls_without_keys_are_dealt_out() {
        let recorded = read("time\n1\n2\n3\n4\n5\n", Some(2)).unwrap();
        assert_eq!([0, 1].map(|client| times(&recorded, client)), [vec![0, 2, 4], vec![1, 3]]);
        assert_eq!(read("time\n1\n2\n", None).unwrap().clients(), 1);
    }

    #[test]
    fn a_settle_tells_what_a_call_used() {
        let recorded = read("time,event,id,tokens\n1,call,x,100\n2,settle,x,30\n3,call,y,7\n", None).unwrap();
        let charges: Vec<_> =
            recorded.of(0).iter().map(|call| (call.charge.reserved, call.charge.used)).collect();
        assert_eq!(charges, [(100, 30), (7, 7)]);
    }

    #[test]
    fn a_trace_of_nothing_and_one_of_too_much_are_refused() {
        assert!(matches!(read("time\n", None), Err(RecordedError::Empty)));
        let error = read("time,tokens\n1,5\n2,2000000000\n", None).unwrap_err().to_string();
        assert!(error.contains("t.csv, line 3") && error.contains("1000000000"), "{error}");
    }
}
