//! Plans as configuration files spell them.
