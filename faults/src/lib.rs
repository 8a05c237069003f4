//! What is wrong with an input, told so that a person can mend it.
//!
//! A [`TomlText`] knows the file that it is from: what is wrong with one of its values is told by file, line and field, with what
//! was expected and the nearest name. [`excerpt`] makes a text from an input fit to stand in a message.
#![forbid(unsafe_code)]

mod excerpt;
mod plain;
mod toml;

pub use excerpt::{excerpt, shortened};
pub use toml::{TomlError, TomlText, did_you_mean, nearest, read};
