//! Traces by writers that share nothing with the readers: what was written is read back, each event on its line; a field that
//! is wrong is told with file, line and column, after all that came before.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_fuzz::{Bytes, Row, Slip, writers};
use tidegate_sim::trace::{Event, Format, Input, Trace};

const NAME: &str = "the file";

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes::new(bytes);
    let (kind, told) = (bytes.byte() % 4, bytes.once_in(2));
    let mut rows = Row::some(&mut bytes);
    let slip = Slip::some(&mut bytes, rows.len()).filter(|_| kind < 2);
    let (written, format) = match kind {
        0 => (writers::csv(&rows, slip.as_ref(), &mut bytes), Format::Csv),
        1 => (writers::json_lines(&rows, slip.as_ref(), &mut bytes), Format::Jsonl),
        2 => (writers::azure(&mut rows, &mut bytes), Format::Csv),
        _ => (writers::access_log(&mut rows, &mut bytes), Format::Combined),
    };
    let text = String::from_utf8_lossy(&written.text).into_owned();
    let input = Input::new(NAME, std::io::Cursor::new(written.text));
    // An empty file tells its format to nobody.
    let told = (told || rows.is_empty()).then_some(format);
    let mut trace = Trace::open(vec![input], told).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut event = Event::default();
    for (place, (row, line)) in rows.iter().zip(&written.lines).enumerate() {
        match (trace.read(&mut event), &slip) {
            (Err(error), Some(slip)) if slip.row == place => {
                let (message, place) =
                    (error.to_string(), format!("{NAME}, line {line}: `{}`: ", slip.column));
                assert!(message.starts_with(&place), "{message}, not {place}\n{text}");
                return;
            }
            (read, _) => {
                assert!(
                    read.unwrap_or_else(|error| panic!("{error}\n{text}")),
                    "an event is missing:\n{text}"
                );
                assert!(slip.as_ref().is_none_or(|slip| slip.row != place), "a slip is read:\n{text}");
                row.assert_read(&event, *line);
            }
        }
    }
    assert!(
        !trace.read(&mut event).unwrap_or_else(|error| panic!("{error}\n{text}")),
        "more than was written"
    );
});
