//! Who may ask.

use super::Admin;
use super::problem::Problem;
use crate::identity::{BearerToken, KeyOf};
use anyhow::{Context, ensure};
use axum::extract::{Request, State as Shared};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// The token that operators show. Only its hash is kept.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// Fewer characters are guessed.
const SHORTEST: usize = 16;

impl Token {
    /// The token in a file, less the white space around it.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("`admin.token_file`: {} cannot be read", path.display()))?;
        Self::new(text.trim()).with_context(|| format!("`admin.token_file`: {}", path.display()))
    }

    /// A token. An error if it is too short to be one.
    pub fn new(token: &str) -> anyhow::Result<Self> {
        let length = token.chars().count();
        ensure!(length >= SHORTEST, "expected a token of at least {SHORTEST} characters, found {length}");
        Ok(Self(hash(token.as_bytes())))
    }

    /// Whether this is what was shown. Takes as long for any of the same length.
    pub(super) fn is(&self, shown: &[u8]) -> bool {
        self.0.ct_eq(&hash(shown)).into()
    }
}

fn hash(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Lets a request pass that shows the token.
pub(super) async fn require(Shared(admin): Shared<Arc<Admin>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if BearerToken.key(&parts).is_some_and(|shown| admin.token.is(shown)) {
        next.run(Request::from_parts(parts, body)).await
    } else {
        Problem::stranger().into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_as_long_as_it_must_be() {
        let token = Token::new("0123456789abcdef").unwrap();
        assert!(token.is(b"0123456789abcdef"));
        for other in ["", "0123456789abcdeF", "0123456789abcdef0", "0123456789abcde"] {
            assert!(!token.is(other.as_bytes()), "{other}");
        }
        let error = Token::new("0123456789abcde").unwrap_err().to_string();
        assert!(error.contains("at least 16 characters, found 15"), "{error}");
    }

    #[test]
    fn a_token_is_read_from_its_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "0123456789abcdef\n").unwrap();
        assert!(Token::read(file.path()).unwrap().is(b"0123456789abcdef"));
        std::fs::write(&file, "short\n").unwrap();
        assert!(format!("{:#}", Token::read(file.path()).unwrap_err()).contains("`admin.token_file`"));
        assert!(Token::read(Path::new("/no/such/file")).unwrap_err().to_string().contains("/no/such/file"));
    }
}
