//! The guard against its sequential model of plain numbers (`engine/tests/it/guard/model.rs`): every mark, every block to the
//! nanosecond and what it follows, the list of blocks, the counts. Addresses come in all their spellings, and from networks
//! that are allowed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_fuzz::{Bytes, GuardPair};

/// More would only be slow.
const MAX_STEPS: usize = 400;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes::new(bytes);
    let mut pair = GuardPair::default();
    for _ in 0..MAX_STEPS {
        if bytes.is_empty() {
            break;
        }
        pair.step(&mut bytes);
    }
    pair.assert_told();
});
