//! Plans from a TOML file.
