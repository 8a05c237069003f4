//! The program's parts: its configuration, what it knows at a time, the proxy.

pub mod cli;
mod client;
pub mod config;
pub mod demo;
mod descriptors;
pub mod ending;
mod forward;
mod front;
pub mod gateway;
mod hash;
pub mod keys;
mod listen;
pub mod live;
mod logs;
pub mod metrics;
pub mod mock;
mod passing;
mod patient;
pub mod reload;
pub mod route;
mod run;
pub mod server;
pub mod services;
mod trouble;
mod usage_ask;
mod usage_strip;
mod waiting;
