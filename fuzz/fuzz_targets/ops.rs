//! Calls, settles, cancels, plan changes and clock steps in any order, held against the oracle that is the rules in code
//! (`engine/tests/it/oracle.rs`), and against what needs no model:
//!
//! - Every decision, the limit it names, its retry time to the nanosecond, the place in line where hints are slotted, the
//!   limits in shadow, what is left of every limit and when it is whole again, and the headers made of that.
//! - R1, R8: units charged in a window or a day, counted from a plain log, are within the ceiling after each admission.
//! - R5: a denial leaves every limit as it was.
//! - R14: keys that are forgotten and come back, and the records that keys without room share, likewise.
//! - What the limiter counts of its answers is what it answered.
//! - R15: no panic, no overflow.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_fuzz::{Script, World};

fuzz_target!(|bytes: &[u8]| {
    let mut script = Script::new(bytes);
    let mut world = World::new(&script);
    while let Some(step) = script.next_step() {
        world.step(step, &mut script);
    }
    world.finish();
});
