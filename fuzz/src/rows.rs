//! Events of a trace as someone may have recorded them, to be written in any format and read back.

use crate::Bytes;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tidegate::Nanos;
use tidegate_sim::trace::{Event, EventKind};

/// The engine's monotonic time ends here.
const MAX_TIME: u64 = i64::MAX as u64;
pub(crate) const SECOND: u64 = 1_000_000_000;

/// What one row says.
#[derive(Clone, Debug)]
pub struct Row {
    /// When.
    pub time: u64,
    /// Whose key; empty for none.
    pub key: String,
    /// What happens.
    pub kind: EventKind,
    /// The name of a call; empty for none.
    pub id: String,
    /// Tokens reserved or used.
    pub tokens: Option<u64>,
    /// The plan named; empty for none.
    pub plan: String,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// Tokens generated, which the Azure traces tell apart.
    pub generated: Option<u64>,
}

impl Row {
    /// Some rows in order of time.
    pub fn some(bytes: &mut Bytes<'_>) -> Vec<Self> {
        let mut time = bytes.number().min(MAX_TIME / 2);
        let count = bytes.byte() % 8;
        (0..count)
            .map(|_| {
                time = time.saturating_add(bytes.number()).min(MAX_TIME);
                Self::at(time, bytes)
            })
            .collect()
    }

    fn at(time: u64, bytes: &mut Bytes<'_>) -> Self {
        let kind = bytes.one_of(&[EventKind::Call, EventKind::Call, EventKind::Settle, EventKind::Plan]);
        let named =
            |text: String, needed: bool| if text.is_empty() && needed { "x".to_owned() } else { text };
        Self {
            time,
            key: bytes.text(),
            kind,
            id: named(bytes.text(), kind == EventKind::Settle),
            tokens: bytes.once_in(2).then(|| bytes.number()),
            // White space around a plan's name is none of its name.
            plan: named(
                bytes.text().trim_matches(|c: char| c.is_ascii_whitespace()).to_owned(),
                kind == EventKind::Plan,
            ),
            address: bytes.once_in(2).then(|| address(bytes)),
            generated: None,
        }
    }

    /// Whether it was read as it was written, and found on that line.
    pub fn assert_read(&self, event: &Event, line: u64) {
        let key = if self.key.is_empty() { "-" } else { &self.key };
        assert_eq!(event.place.line, line, "{self:?}");
        assert_eq!((event.time, event.key()), (Nanos::new(self.time), key));
        assert_eq!((event.kind, &event.id, &event.plan), (self.kind, &self.id, &self.plan));
        assert_eq!((event.tokens, event.generated), (self.tokens, self.generated));
        assert_eq!(event.address, self.address);
    }
}

fn address(bytes: &mut Bytes<'_>) -> IpAddr {
    match bytes.byte() % 3 {
        0 => IpAddr::V4(Ipv4Addr::from(bytes.word() as u32)),
        1 => IpAddr::V6(Ipv6Addr::from(u128::from(bytes.word()) << 64 | u128::from(bytes.word()))),
        _ => IpAddr::V6(Ipv4Addr::from(bytes.word() as u32).to_ipv6_mapped()),
    }
}

/// A time in one of the ways in which traces have it.
pub(crate) fn time_text(time: u64, bytes: &mut Bytes<'_>) -> String {
    let stamp = jiff::Timestamp::from_nanosecond(time.into()).expect("before 2262");
    let offset = i32::from(bytes.byte() as i8) * 60;
    match bytes.byte() % 4 {
        0 => stamp.to_string(),
        1 => {
            let offset = jiff::tz::Offset::from_seconds(offset).expect("some two hours");
            format!("{:.9}", stamp.display_with_offset(offset))
        }
        2 => stamp.to_string().replace('T', " ").replace('Z', ""),
        _ => seconds(time),
    }
}

/// Seconds since 1970, with the decimals that are needed.
pub(crate) fn seconds(time: u64) -> String {
    let decimals = format!("{:09}", time % SECOND);
    let decimals = decimals.trim_end_matches('0');
    let point = if decimals.is_empty() { "" } else { "." };
    format!("{}{point}{decimals}", time / SECOND)
}
