//! What is known of functions by their names.

/// Functions of libraries that neither end the program nor ask the system for anything: they move and compare bytes,
/// or, of `clock_gettime`, see docs/no-surprises.md.
const HARMLESS: [&str; 6] = ["memcpy", "memmove", "memset", "memcmp", "bcmp", "clock_gettime"];

/// Whether a library's function may be called.
pub(crate) fn is_harmless(import: &str) -> bool {
    HARMLESS.contains(&import)
}

/// Whether a function of Rust's own libraries is there to end the program, or to allocate. That spares following it, and
/// gives it the name by which it is told: one that is not known here is followed to what it calls in the end.
pub(crate) fn is_an_end(name: &str) -> bool {
    const PATHS: [&str; 5] =
        ["core::panicking::", "std::panicking::", "alloc::raw_vec::", "alloc::alloc::", "_Unwind_"];
    const LAST: [&str; 9] = [
        "_fail",
        "_failed",
        "_error",
        "abort",
        "panic",
        "_abort_internal",
        "__rust_alloc",
        "__rust_dealloc",
        "__rust_realloc",
    ];
    let last = name.rsplit("::").next().unwrap_or(name);
    PATHS.iter().any(|path| name.starts_with(path))
        || LAST.iter().any(|end| last.ends_with(end))
        || last.starts_with("panic")
}
