//! What the system says of a process's memory, in a process of its own: other tests would take and free memory meanwhile.
#![cfg(target_os = "linux")]

use tidegate_benches::memory::{available, held, most_held, resident};

/// The system counts pages thread by thread and adds them up now and then: what it tells may lack a few hundred KiB.
const BYTES: usize = 64 << 20;

#[test]
fn what_is_written_to_becomes_resident_and_what_is_freed_does_not_stay() {
    assert!(available().is_some_and(|bytes| bytes > 1 << 20));
    let before = resident().expect("Linux tells");
    let memory = std::hint::black_box(vec![1_u8; BYTES]);
    let grown = held().expect("Linux tells").saturating_sub(before);
    assert!(grown >= BYTES as u64 * 9 / 10, "{grown}");
    drop(memory);
    let after = resident().expect("Linux tells").saturating_sub(before);
    assert!(after < BYTES as u64 / 2, "{after}");
    let most = most_held().expect("Linux tells").saturating_sub(before);
    assert!(most >= BYTES as u64 * 9 / 10, "{most}");
}
