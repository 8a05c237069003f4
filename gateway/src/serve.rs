//! The program's parts: its configuration, what it knows at a time, the proxy.

pub mod config;
pub mod keys;
pub mod live;
