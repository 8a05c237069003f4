//! The keys that a gateway knows, by their hashes.
//!
//! A key itself is stored nowhere. A request's key is hashed, and looked up by the hash: how long that takes says nothing of the keys
//! that are stored, since nobody can choose a key whose hash begins like another's.

use crate::identity::KeyOf;
use ahash::RandomState;
use http::header::AUTHORIZATION;
use http::request::Parts;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fmt;
use tidegate::PlanId;

/// The SHA-256 of a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a key.
    pub fn of(key: &[u8]) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut digest = [0; 32];
        if text.len() != 64 {
            return None;
        }
        for (byte, digits) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
            let [high, low] = [digits[0], digits[1]].map(|digit| char::from(digit).to_digit(16));
            *byte = (high? << 4 | low?) as u8;
        }
        Some(Self(digest))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What is known of a key.
#[derive(Clone, Debug)]
pub struct Known {
    /// What people call it.
    pub name: String,
    /// The name of its plan.
    pub plan_name: String,
    /// Its plan in the engine.
    pub plan: PlanId,
}

/// The keys, by digest.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    known: HashMap<Digest, Known, RandomState>,
    by_name: HashMap<String, Digest, RandomState>,
}

impl Keys {
    /// Adds one.
    pub fn add(&mut self, digest: Digest, known: Known) {
        self.by_name.insert(known.name.clone(), digest);
        self.known.insert(digest, known);
    }

    /// What is known of a key.
    pub fn get(&self, digest: &Digest) -> Option<&Known> {
        self.known.get(digest)
    }

    /// The key that people call so.
    pub fn named(&self, name: &str) -> Option<(Digest, &Known)> {
        let digest = *self.by_name.get(name)?;
        Some((digest, self.known.get(&digest)?))
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Digest, &Known)> {
        self.known.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

/// The digest of the key in `Authorization: Bearer`, or in `x-api-key`, as the APIs' clients send it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApiKey;

impl KeyOf for ApiKey {
    type Key<'r> = Digest;

    fn key(&self, request: &Parts) -> Option<Digest> {
        // Who has hashed it already may leave it among the extensions, which no client writes.
        if let Some(digest) = request.extensions.get::<Digest>() {
            return Some(*digest);
        }
        let bearer = || crate::identity::BearerToken.key(request);
        let own =
            || request.headers.get("x-api-key").map(|value| value.as_bytes()).filter(|key| !key.is_empty());
        let key = if request.headers.contains_key(AUTHORIZATION) { bearer().or_else(own) } else { own() };
        key.map(Digest::of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_as_it_is_read() {
        // FIPS 180-2's own example.
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of(b"abc").to_string(), text);
        assert_eq!(Digest::parse(text), Some(Digest::of(b"abc")));
        assert_eq!(Digest::parse(&text.to_uppercase()), Some(Digest::of(b"abc")));
        for wrong in ["", "ba", &text.replace('b', "g"), &format!("{text}0"), &"é".repeat(32)] {
            assert_eq!(Digest::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_comes_in_either_field() {
        let key = |fields: &[(&str, &str)]| {
            let builder = http::Request::builder();
            let builder = fields.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
            ApiKey.key(&builder.body(()).unwrap().into_parts().0)
        };
        assert_eq!(key(&[("authorization", "Bearer abc")]), Some(Digest::of(b"abc")));
        assert_eq!(key(&[("x-api-key", "abc")]), Some(Digest::of(b"abc")));
        assert_eq!(key(&[("authorization", "Basic xyz"), ("x-api-key", "abc")]), Some(Digest::of(b"abc")));
        assert_eq!(key(&[]), None);
    }
}
