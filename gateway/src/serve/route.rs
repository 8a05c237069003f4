//! Where a call goes, and in which form, by its path.

use super::config::{Api, Tokens, Upstream};
use super::live::State;
use crate::answer::{Answers, Shape};
use crate::tokens::{AnthropicCost, CostOf, OpenAiCost};
use anyhow::Context;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use std::sync::Arc;
use tidegate::Cost;

/// An upstream as calls need it.
#[derive(Debug)]
pub struct Destination {
    /// What people call it.
    pub name: String,
    /// The form of its calls.
    pub api: Api,
    scheme: Scheme,
    authority: Authority,
    /// Before the path of every call; without a slash at its end.
    base: String,
    /// What it is called with in place of the client's key.
    pub(crate) credential: Option<Credential>,
}

/// A key, in the field in which its API wants it.
#[derive(Debug)]
pub(crate) struct Credential {
    pub(crate) field: HeaderName,
    pub(crate) value: HeaderValue,
}

impl Credential {
    fn new(api: Api, key: &str) -> anyhow::Result<Self> {
        let (field, text) = match api {
            Api::OpenAi => (AUTHORIZATION, format!("Bearer {key}")),
            Api::Anthropic => (HeaderName::from_static("x-api-key"), key.to_owned()),
        };
        let mut value = HeaderValue::from_str(&text).context("expected a key of printable characters")?;
        value.set_sensitive(true);
        Ok(Self { field, value })
    }

    /// The key that a variable of the environment holds.
    fn of_env(api: Api, variable: &str) -> anyhow::Result<Self> {
        let key = std::env::var(variable).ok();
        let key = key.with_context(|| format!("the variable `{variable}` is not set, or is no text"))?;
        anyhow::ensure!(!key.trim().is_empty(), "the variable `{variable}` is empty");
        Self::new(api, key.trim()).with_context(|| format!("the variable `{variable}`"))
    }
}

impl Destination {
    fn new(upstream: &Upstream) -> anyhow::Result<Self> {
        let parts = upstream.url.clone().into_parts();
        let credential =
            upstream.key_env.as_deref().map(|variable| Credential::of_env(upstream.api, variable));
        let credential =
            credential.transpose().with_context(|| format!("upstream `{}`, `key_env`", upstream.name))?;
        let base = parts.path_and_query.as_ref().map_or("", PathAndQuery::path);
        Ok(Self {
            name: upstream.name.clone(),
            api: upstream.api,
            scheme: parts.scheme.context("a URL without a scheme")?,
            authority: parts.authority.context("a URL without a host")?,
            base: base.trim_end_matches('/').to_owned(),
            credential,
        })
    }

    /// The address of a call at its upstream; `None` if both paths together are too long for one.
    pub(crate) fn uri(&self, call: &Uri) -> Option<Uri> {
        let path = call.path_and_query().map_or("/", PathAndQuery::as_str);
        let path = if self.base.is_empty() {
            call.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"))
        } else {
            PathAndQuery::try_from(format!("{}{path}", self.base)).ok()?
        };
        let builder = Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone());
        builder.path_and_query(path).build().ok()
    }
}

/// The upstreams by the paths of their calls.
#[derive(Debug, Default)]
pub struct Routes {
    /// The longest path first, so that the first match is the one.
    routes: Vec<(String, Arc<Destination>)>,
}

impl Routes {
    /// The routes of a configuration. An error if a key that an upstream is to be called with is not there.
    pub fn new(upstreams: &[Upstream]) -> anyhow::Result<Self> {
        let mut routes = Vec::new();
        for upstream in upstreams {
            let destination = Arc::new(Destination::new(upstream)?);
            routes.extend(upstream.paths.iter().map(|path| (path.clone(), destination.clone())));
        }
        routes.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Ok(Self { routes })
    }

    /// Where calls of this path go; nowhere if an upstream might take it for another path.
    pub fn find(&self, path: &str) -> Option<&Arc<Destination>> {
        if climbs(path) {
            return None;
        }
        let of = |prefix: &str| match path.strip_prefix(prefix) {
            // `/v1/messages` is not the beginning of `/v1/messages-of-others`.
            Some(rest) => rest.is_empty() || rest.starts_with('/') || prefix.ends_with('/'),
            None => false,
        };
        self.routes.iter().find(|(prefix, _)| of(prefix)).map(|(_, destination)| destination)
    }
}

/// Whether a path has a segment `.` or `..`, plainly or in any form that servers read as one. `/v1/chat/../files` begins like `/v1/chat`,
/// and many upstreams would answer for `/v1/files`: with the gateway's own key, if it has one for them.
pub(crate) fn climbs(path: &str) -> bool {
    // Most have neither.
    if memchr::memchr2(b'.', b'%', path.as_bytes()).is_none() {
        return false;
    }
    let plain = decoded(path.as_bytes());
    let mut segments = plain.split(|byte| matches!(byte, b'/' | b'\\'));
    // What follows a semicolon belongs to no name (RFC 3986, 3.3); some servers drop it before they look for dots.
    segments.any(|segment| matches!(segment.split(|byte| *byte == b';').next(), Some(b"." | b"..")))
}

/// A path with its `%2e` and the like as the bytes that they stand for.
fn decoded(path: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, after)) = rest.split_first() {
        let escaped = match after {
            [high, low, ..] if *byte == b'%' => digit(high).zip(digit(low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => plain.push((high << 4 | low) as u8),
            None => plain.push(*byte),
        }
        rest = &after[if escaped.is_some() { 2 } else { 0 }..];
    }
    plain
}

/// Reads requests, and answers them, in the form of the API that their path belongs to.
#[derive(Clone, Debug)]
pub(crate) struct ByPath {
    state: Arc<State>,
    openai: OpenAiCost,
    anthropic: AnthropicCost,
}

impl ByPath {
    pub(crate) fn new(state: Arc<State>, body_limit: usize, tokens: Tokens) -> Self {
        let default_answer = tokens.default_answer;
        Self {
            state,
            openai: OpenAiCost { body_limit, default_answer },
            anthropic: AnthropicCost { body_limit, default_answer },
        }
    }

    fn api(&self, request: &Parts) -> Option<Api> {
        self.state.now().routes.find(request.uri.path()).map(|destination| destination.api)
    }
}

impl CostOf for ByPath {
    fn body_limit(&self) -> Option<usize> {
        Some(self.openai.body_limit)
    }

    fn cost(&self, request: &Parts, body: &[u8]) -> Cost {
        match self.api(request) {
            Some(Api::Anthropic) => self.anthropic.cost(request, body),
            Some(Api::OpenAi) | None => self.openai.cost(request, body),
        }
    }
}

impl Answers for ByPath {
    fn shape(&self, request: &Parts) -> Shape {
        self.api(request).map_or(Shape::OpenAi, Api::shape)
    }
}

impl Api {
    /// The form of errors.
    pub(crate) fn shape(self) -> Shape {
        match self {
            Self::OpenAi => Shape::OpenAi,
            Self::Anthropic => Shape::Anthropic,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(upstreams: &[(&str, &str, Api, &[&str])]) -> Routes {
        let upstream = |(name, url, api, paths): &(&str, &str, Api, &[&str])| Upstream {
            name: (*name).into(),
            url: url.parse().unwrap(),
            api: *api,
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            key_env: None,
        };
        Routes::new(&upstreams.iter().map(upstream).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_longest_path_decides_and_segments_are_whole() {
        let routes = routes(&[
            ("rest", "http://a", Api::OpenAi, &["/v1"]),
            ("messages", "http://b", Api::Anthropic, &["/v1/messages", "/claude/"]),
        ]);
        let name = |path| routes.find(path).map(|destination| destination.name.as_str());
        assert_eq!(name("/v1/chat/completions"), Some("rest"));
        assert_eq!(name("/v1/messages"), Some("messages"));
        assert_eq!(name("/v1/messages/batches"), Some("messages"));
        assert_eq!(name("/v1/messages-of-others"), Some("rest"));
        assert_eq!(name("/claude/x"), Some("messages"));
        assert_eq!((name("/v2"), name("/v10"), name("*")), (None, None, None));
    }

    /// Upstreams that are named by some of their paths were reached by all others through these.
    #[test]
    fn no_path_climbs_out_of_its_upstreams() {
        let routes = routes(&[("chat", "http://a/base", Api::OpenAi, &["/v1/chat", "/v1/models"])]);
        for path in [
            "/v1/chat/../files",
            "/v1/chat/..",
            "/v1/chat/./completions",
            "/v1/chat/%2e%2E/files",
            "/v1/chat/.%2e/files",
            "/v1/chat/..%2ffiles",
            "/v1/chat%2F..%2Ffiles",
            "/v1/chat/..%5cfiles",
            "/v1/chat/..\\files",
            "/v1/chat/..;/files",
            "/v1/chat/..;a=b/files",
        ] {
            assert!(routes.find(path).is_none(), "{path}");
        }
        for path in [
            "/v1/chat/completions",
            "/v1/models/gpt-3.5-turbo",
            "/v1/models/org%2Fname-v1.5",
            "/v1/models/...",
            "/v1/models/.well-known",
            "/v1/models/a..b",
            "/v1/models/%",
            "/v1/models/%2",
            "/v1/models/%zz.",
        ] {
            assert!(routes.find(path).is_some(), "{path}");
        }
    }

    #[test]
    fn a_call_keeps_its_path_behind_the_upstreams_own() {
        let routes = routes(&[
            ("plain", "https://api.openai.com", Api::OpenAi, &["/v1"]),
            ("deep", "http://10.0.0.1:8000/openai", Api::OpenAi, &["/deep"]),
        ]);
        let uri = |call: &str| {
            let call: Uri = call.parse().unwrap();
            routes.find(call.path()).unwrap().uri(&call).unwrap().to_string()
        };
        assert_eq!(uri("/v1/models?limit=3"), "https://api.openai.com/v1/models?limit=3");
        assert_eq!(uri("http://me/v1/models"), "https://api.openai.com/v1/models");
        assert_eq!(uri("/deep/a%20b"), "http://10.0.0.1:8000/openai/deep/a%20b");
    }

    #[test]
    fn a_key_goes_into_the_field_of_its_api() {
        let openai = Credential::new(Api::OpenAi, "sk").unwrap();
        assert_eq!((openai.field.as_str(), openai.value.to_str().unwrap()), ("authorization", "Bearer sk"));
        let anthropic = Credential::new(Api::Anthropic, "sk").unwrap();
        assert_eq!((anthropic.field.as_str(), anthropic.value.to_str().unwrap()), ("x-api-key", "sk"));
        assert!(openai.value.is_sensitive() && Credential::new(Api::OpenAi, "a\nb").is_err());
        let missing = Credential::of_env(Api::OpenAi, "TIDEGATE_NO_SUCH_VARIABLE").unwrap_err();
        assert!(missing.to_string().contains("`TIDEGATE_NO_SUCH_VARIABLE` is not set"));
    }
}
