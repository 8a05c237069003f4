//! Which populations call with the same keys, or from the same addresses.

use std::collections::HashMap;

/// Numbers for names: a population that names no keys has its own.
#[derive(Debug, Default)]
pub(super) struct Pools(HashMap<Name, u32>);

#[derive(Debug, PartialEq, Eq, Hash)]
enum Name {
    /// What several may name.
    Shared(String),
    /// A population's own.
    Own(String),
}

impl Pools {
    /// The number of what a population names, or of its own.
    pub(super) fn number(&mut self, named: Option<String>, population: &str) -> u32 {
        let next = self.0.len() as u32;
        let name = named.map_or_else(|| Name::Own(population.into()), Name::Shared);
        *self.0.entry(name).or_insert(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_names_the_same_shares_it_and_nobody_else() {
        let mut pools = Pools::default();
        let mut number = |named: Option<&str>, population| pools.number(named.map(str::to_owned), population);
        let shared = number(Some("ours"), "a");
        assert_eq!(number(Some("ours"), "b"), shared);
        let own = number(None, "ours");
        assert_ne!(own, shared, "a population's name is not a pool's");
        assert_ne!(number(None, "c"), own);
    }
}
