//! Keys that stand in a request.

use super::KeyOf;
use http::HeaderName;
use http::header::AUTHORIZATION;
use http::request::Parts;

/// The token of `Authorization: Bearer TOKEN`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BearerToken;

impl KeyOf for BearerToken {
    type Key<'r> = &'r [u8];

    fn key<'r>(&self, request: &'r Parts) -> Option<&'r [u8]> {
        let (scheme, token) = request.headers.get(AUTHORIZATION)?.as_bytes().split_at_checked(7)?;
        (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then_some(token.trim_ascii_start())
    }
}

/// The value of a field, such as `x-api-key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header(pub HeaderName);

impl KeyOf for Header {
    type Key<'r> = &'r [u8];

    fn key<'r>(&self, request: &'r Parts) -> Option<&'r [u8]> {
        request.headers.get(&self.0).map(|value| value.as_bytes()).filter(|value| !value.is_empty())
    }
}

/// A segment of the path, counted from 0: of `/v1/team-7/calls`, segment 1 is `team-7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathSegment(pub usize);

impl KeyOf for PathSegment {
    type Key<'r> = &'r [u8];

    fn key<'r>(&self, request: &'r Parts) -> Option<&'r [u8]> {
        let mut segments = request.uri.path().split('/').filter(|segment| !segment.is_empty());
        segments.nth(self.0).map(str::as_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn parts(path: &str, fields: &[(&str, &str)]) -> Parts {
        let builder = Request::builder().uri(path);
        let builder = fields.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        builder.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_bearer_token_is_what_follows_the_scheme() {
        for (value, token) in [
            ("Bearer sk-1", Some("sk-1")),
            ("bearer  sk-1", Some("sk-1")),
            ("Bearer ", None),
            ("Basic c2s=", None),
            ("Bear", None),
        ] {
            let parts = parts("/", &[("authorization", value)]);
            assert_eq!(BearerToken.key(&parts), token.map(str::as_bytes), "{value}");
        }
        assert_eq!(BearerToken.key(&parts("/", &[])), None);
    }

    #[test]
    fn a_field_and_a_segment_are_keys() {
        let parts = parts("/v1//team-7/calls?x=1", &[("x-api-key", "k")]);
        assert_eq!(Header(HeaderName::from_static("x-api-key")).key(&parts), Some(&b"k"[..]));
        assert_eq!(Header(HeaderName::from_static("x-other")).key(&parts), None);
        assert_eq!(PathSegment(1).key(&parts), Some(&b"team-7"[..]));
        assert_eq!(PathSegment(3).key(&parts), None);
    }
}
