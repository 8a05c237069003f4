//! The engine's tests under AddressSanitizer and ThreadSanitizer, after each has found what was planted for it.

use crate::runner::{Failed, Outcome, Step, answers, names_in, skip};

/// What is built for: with a target named, cargo leaves build scripts and macros without the sanitizer.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The tests that hold what must be found.
const PLANTED: &str = "planted";

/// A sanitizer, and how it is used here.
struct Sanitizer {
    question: &'static str,
    /// Where its builds go: they share nothing with others.
    folder: &'static str,
    flags: &'static str,
    /// The variable of its options, and these.
    options: (&'static str, &'static str),
    /// Planted faults, and what must be said of each.
    faults: &'static [(&'static str, &'static str)],
    /// Planted tests without a fault, of which nothing must be said.
    sound: &'static [&'static str],
    /// Tests that it does not run.
    left_out: &'static [&'static str],
}

/// The code that ships, its assembly included; leaks too.
const ADDRESS: Sanitizer = Sanitizer {
    question: "Does the engine touch memory that is not its own, or lose any?",
    folder: "target/sanitize-address",
    flags: "-Zsanitizer=address --cfg tidegate_planted",
    options: ("ASAN_OPTIONS", "detect_leaks=1:detect_stack_use_after_return=1:allocator_may_return_null=1"),
    faults: &[
        ("a_place_beyond_the_table", "AddressSanitizer: heap-buffer-overflow"),
        ("a_table_that_is_gone", "AddressSanitizer: heap-use-after-free"),
        ("a_table_that_is_never_given_back", "LeakSanitizer: detected memory leaks"),
    ],
    sound: &["a_draft_released_as_it_should_be"],
    left_out: &[],
};

/// With the 128-bit swap that the compiler knows of: of assembly the sanitizer sees nothing. The standard library comes
/// compiled without it, hence the second flag; what follows from that, docs/sanitizers.md tells.
const THREAD: Sanitizer = Sanitizer {
    question: "Does one thread write what another reads or writes, without an order?",
    folder: "target/sanitize-thread",
    flags: "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer -Ctarget-feature=+cmpxchg16b \
            --cfg tidegate_portable --cfg tidegate_watched --cfg tidegate_planted",
    // Relative to the engine's folder, in which its tests run.
    options: ("TSAN_OPTIONS", "suppressions=../xtask/thread.supp:history_size=4:allocator_may_return_null=1"),
    faults: &[
        ("a_plain_word_that_two_threads_write", "ThreadSanitizer: data race"),
        ("a_draft_released_without_release", "ThreadSanitizer: data race"),
        ("pair::a_word_published_by_a_relaxed_swap", "ThreadSanitizer: data race"),
    ],
    sound: &["a_draft_released_as_it_should_be", "pair::a_word_published_by_a_swap"],
    // It forks processes that may call nothing, which the sanitizer does.
    left_out: &["no_surprises"],
};

/// Runs the tests under both sanitizers.
pub(crate) fn all() -> Outcome {
    address()?;
    thread()
}

/// Runs the tests under AddressSanitizer, LeakSanitizer with it.
pub(crate) fn address() -> Outcome {
    ADDRESS.run()
}

/// Runs the tests under ThreadSanitizer.
pub(crate) fn thread() -> Outcome {
    THREAD.run()
}

impl Sanitizer {
    fn run(&self) -> Outcome {
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            return skip(self.question, "the sanitizers are run on Linux on x86-64");
        }
        if !answers("cargo", &["+nightly", "--version"]) {
            return skip(self.question, "there is no nightly toolchain (`rustup toolchain install nightly`)");
        }
        for (fault, report) in self.faults {
            self.step("Is what is planted found?", &["--test", PLANTED, "--", "--exact", fault])
                .run_and_find(report)?;
        }
        for sound in self.sound {
            self.step("Is nothing found where nothing is?", &["--test", PLANTED, "--", "--exact", sound])
                .run()?;
        }
        let targets = self.targets()?;
        let mut args = vec!["--lib"];
        args.extend(targets.iter().flat_map(|target| ["--test", target]));
        // One at a time: some ask for gigabytes, and the sanitizer for some times that.
        args.extend(["--", "--test-threads=1"]);
        self.step(self.question, &args).run()
    }

    fn step(&self, question: &'static str, args: &[&str]) -> Step {
        let mut all =
            vec!["test", "--release", "-p", "tidegate", "--target", TARGET, "--target-dir", self.folder];
        all.extend(args);
        Step::nightly(question, &all).env("RUSTFLAGS", self.flags).env(self.options.0, self.options.1)
    }

    /// The engine's test targets, by the files and folders that hold them.
    fn targets(&self) -> Result<Vec<String>, Failed> {
        let names = names_in("engine/tests")?;
        let targets = names.iter().map(|name| name.strip_suffix(".rs").unwrap_or(name));
        let run = targets.filter(|target| *target != PLANTED && !self.left_out.contains(target));
        Ok(run.map(str::to_owned).collect())
    }
}
