//! Traces of every format, any bytes: never a panic; times never go back; every event stands on a line of the file; errors
//! name the file, and a line that it has.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::Nanos;
use tidegate_fuzz::assert_place;
use tidegate_sim::trace::{Event, EventKind, Format, Input, Trace, TraceError};

const NAME: &str = "the file";

fn format(choice: u8) -> Option<Format> {
    [None, Some(Format::Csv), Some(Format::Jsonl), Some(Format::Combined)][usize::from(choice % 4)]
}

fn read(text: &[u8], format: Option<Format>) -> Result<(), TraceError> {
    let lines = text.split(|byte| *byte == b'\n').count() as u64;
    let mut trace = Trace::open(vec![Input::new(NAME, std::io::Cursor::new(text.to_vec()))], format)?;
    let mut event = Event::default();
    let mut last = Nanos::ZERO;
    let mut count = 0;
    while trace.read(&mut event)? {
        assert!(event.time >= last);
        assert!((1..=lines).contains(&event.place.line), "{event:?} of {lines} lines");
        assert!(!event.key().is_empty());
        assert!(event.kind == EventKind::Call || event.generated.is_none());
        assert!(event.kind != EventKind::Settle || !event.id.is_empty());
        assert!(event.kind != EventKind::Plan || !event.plan.is_empty());
        last = event.time;
        count += 1;
    }
    assert!(count <= lines, "{count} events of {lines} lines");
    let _ = trace.notes().count();
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, text)) = bytes.split_first() else { return };
    if let Err(error) = read(text, format(*choice)) {
        assert_place(&error.to_string(), NAME, &String::from_utf8_lossy(text));
    }
});
