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
