//! Memory that a process really has, by the system's own account.

use crate::system::give_freed_memory_back;
use std::fs;

/// Bytes of the process that are resident now, freed ones given back first. `None` where the system does not tell.
pub fn resident() -> Option<u64> {
    give_freed_memory_back();
    held()
}

/// Bytes of the process that are resident now, freed ones that it holds back included. `None` where the system does not tell.
pub fn held() -> Option<u64> {
    kibibytes("/proc/self/status", "VmRSS:")
}

/// The most bytes of the process that were ever resident. `None` where the system does not tell.
pub fn most_held() -> Option<u64> {
    kibibytes("/proc/self/status", "VmHWM:")
}

/// Bytes that the system can give out without taking from others. `None` where it does not tell.
pub fn available() -> Option<u64> {
    kibibytes("/proc/meminfo", "MemAvailable:")
}

/// A field that the system gives as `Name:   1234 kB`, in bytes.
fn kibibytes(path: &str, field: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kibibytes * 1_024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_to_becomes_resident_and_what_is_freed_does_not_stay() {
        const BYTES: usize = 64 << 20;
        let before = resident().expect("Linux tells");
        let memory = std::hint::black_box(vec![1_u8; BYTES]);
        let held = resident().expect("Linux tells") - before;
        assert!(held >= BYTES as u64 * 9 / 10, "{held}");
        drop(memory);
        let after = resident().expect("Linux tells").saturating_sub(before);
        assert!(after < BYTES as u64 / 2, "{after}");
    }

    #[test]
    fn the_system_tells_what_is_available() {
        assert!(available().is_some_and(|bytes| bytes > 1 << 20));
    }
}
