//! What is found on the decisions' ways and is left there, and why. Nothing beyond these functions is followed.

/// Functions that a decision may call although they could end the program or ask the system for something.
pub(crate) struct Explained {
    /// What their names contain, by themselves or where they were inlined.
    pub(crate) names: &'static [&'static str],
    pub(crate) why: &'static str,
}

pub(crate) const EXPLAINED: [Explained; 2] = [
    Explained {
        names: &["std::sys::thread_local::destructors"],
        why: "a thread's first call that stores, counts or remembers registers the destructor that gives its number back; \
              the C library allocates some words for that, and ends the program if there are none",
    },
    Explained {
        names: &[
            "std::time::SystemTime",
            "std::sys::time::unix::SystemTime",
            "std::sys::pal::unix::time::Timespec",
        ],
        why: "`SystemClock` alone: the standard library panics if the system does not know the real-time clock",
    },
];

/// The number of the explanation of a function.
pub(crate) fn explanation(function: &str) -> Option<usize> {
    EXPLAINED.iter().position(|explained| explained.names.iter().any(|name| function.contains(name)))
}
