//! `tidegate-gateway hash`: what the configuration holds of a key.

use super::keys::Digest;
use anyhow::Context;
use clap::Args;
use std::io::Read;

/// Reads a key from standard input, and prints what goes into the configuration in its place.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Hash {
    /// Makes a new key, of 256 random bits, and prints it too.
    #[arg(long)]
    new: bool,
}

/// Longer keys do not fit into a header.
const MOST_BYTES: u64 = 16 << 10;

impl Hash {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        if self.new {
            let key = new_key()?;
            println!("key:    {key}\nsha256: {}", Digest::of(key.as_bytes()));
        } else {
            let mut text = String::new();
            let read = std::io::stdin().take(MOST_BYTES).read_to_string(&mut text);
            read.context("standard input: expected a key")?;
            let key = text.trim_end_matches(['\r', '\n']);
            anyhow::ensure!(!key.is_empty(), "standard input: expected a key, found nothing");
            println!("{}", Digest::of(key.as_bytes()));
        }
        Ok(())
    }
}

fn new_key() -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).context("the system gives no random bits")?;
    Ok(bytes.iter().fold("sk-".to_owned(), |key, byte| format!("{key}{byte:02x}")))
}
