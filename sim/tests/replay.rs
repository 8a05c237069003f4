//! `tidegate replay` as its users meet it: the binary, files, exit status.

#[path = "replay/bench.rs"]
mod bench;

#[path = "replay/rules.rs"]
mod rules;

#[path = "replay/formats.rs"]
mod formats;

#[path = "replay/errors.rs"]
mod errors;

#[path = "replay/output.rs"]
mod output;

#[path = "replay/real.rs"]
mod real;
