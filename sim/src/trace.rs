//! Traces: events read from files.
