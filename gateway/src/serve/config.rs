//! The configuration file: what it may say, and what is made of it.
//!
//! A file is read as a whole and checked before anything of it is used. What is wrong is told by file, line and field, with the
//! nearest name; a gateway that runs keeps the old one then.

use super::keys::Digest;
use super::listen_address::ListenAddress;
use super::plan_names;
use super::route::climbs;
use crate::envoy::config::{EnvoyConfig, Wrong};
use crate::fields::HeaderSet;
use http::Uri;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tidegate::config::{GuardConfig, PathPart, Plans, TimeSpan};
use tidegate::guard::Network;
use tidegate::{Nanos, Plan};
use tidegate_faults::{TomlError, TomlText};
use toml::Spanned;

/// What a gateway is told to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients reach it.
    pub listen: SocketAddr,
    /// So many keys have a record of their own.
    pub capacity: usize,
    /// The plans, by name: the built-in ones and the file's own.
    pub plans: Vec<Plan>,
    /// The keys that it knows.
    pub keys: Vec<Key>,
    /// Where calls go.
    pub upstreams: Vec<Upstream>,
    /// The guard's rules, if there is one.
    pub guard: Option<GuardConfig>,
    /// Networks of proxies whose `x-forwarded-for` is believed.
    pub trusted: Vec<Network>,
    /// Which header fields responses get.
    pub headers: HeaderSet,
    /// What it takes in and waits for at most.
    pub bounds: Bounds,
    /// How tokens are estimated.
    pub tokens: Tokens,
    /// The admin API, if there is one.
    pub admin: Option<Admin>,
    /// The service for Envoy, if there is one.
    pub envoy: Option<EnvoyConfig>,
}

/// A key that the gateway knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// What people call it; no two have the same.
    pub name: String,
    /// The SHA-256 of the key.
    pub digest: Digest,
    /// The name of its plan, which is known.
    pub plan: String,
}

/// Whose form an upstream's requests and responses have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// OpenAI's.
    OpenAi,
    /// Anthropic's.
    Anthropic,
}

/// Where calls go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// What people call it.
    pub name: String,
    /// Scheme and host, perhaps with a path before that of calls.
    pub url: Uri,
    /// The form of its calls.
    pub api: Api,
    /// Paths that begin so go here; the longest match decides.
    pub paths: Vec<String>,
    /// The variable of the environment that holds the key to call it with; without one, the client's own goes on.
    pub key_env: Option<String>,
}

/// What the gateway takes in and waits for at most.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bounds {
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Bytes of all requests' bodies that are in memory at a time; at least twice `body_bytes`.
    pub bodies_bytes: usize,
    /// Bytes of its header; at least 8 KiB.
    #[serde(deserialize_with = "header_bytes")]
    pub header_bytes: usize,
    /// Connections of clients at a time.
    #[serde(deserialize_with = "connections")]
    pub connections: usize,
    /// From a connection's begin, or the end of its last request, to the end of the next one's header.
    #[serde(deserialize_with = "some_time")]
    pub header_time: TimeSpan,
    /// For a request's body.
    #[serde(deserialize_with = "some_time")]
    pub body_time: TimeSpan,
    /// For a connection to the upstream.
    #[serde(deserialize_with = "some_time")]
    pub connect_time: TimeSpan,
    /// From a request's end to the begin of the upstream's response.
    #[serde(deserialize_with = "some_time")]
    pub response_time: TimeSpan,
    /// From one part of a response to the next.
    #[serde(deserialize_with = "some_time")]
    pub idle_time: TimeSpan,
    /// For the responses under way when the gateway is to end.
    pub shutdown_time: TimeSpan,
}

impl Default for Bounds {
    fn default() -> Self {
        let seconds = |seconds| TimeSpan(Nanos::from_secs(seconds));
        Self {
            body_bytes: 4 << 20,
            bodies_bytes: 1 << 30,
            header_bytes: 64 << 10,
            connections: 20_000,
            header_time: seconds(10),
            body_time: seconds(30),
            connect_time: seconds(5),
            response_time: seconds(120),
            idle_time: seconds(120),
            shutdown_time: seconds(30),
        }
    }
}

fn header_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    within(deserializer, 8 << 10..=16 << 20, "from 8192 to 16777216 bytes")
}

fn connections<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    within(deserializer, 1..=1_000_000, "from 1 to 1000000 connections")
}

fn within<'de, D: Deserializer<'de>>(
    deserializer: D,
    range: std::ops::RangeInclusive<usize>,
    expected: &str,
) -> Result<usize, D::Error> {
    let count = usize::deserialize(deserializer)?;
    let wrong = || serde::de::Error::custom(format!("expected {expected}, found {count}"));
    range.contains(&count).then_some(count).ok_or_else(wrong)
}

/// A time of at least a millisecond: in none nothing comes.
fn some_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeSpan, D::Error> {
    let time = TimeSpan::deserialize(deserializer)?;
    let wrong = || serde::de::Error::custom("expected at least `1ms`");
    (time.0 >= Nanos::from_millis(1)).then_some(time).ok_or_else(wrong)
}

/// How tokens are estimated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tokens {
    /// Of an answer that its request does not bound.
    pub default_answer: u64,
    /// More are not believed of a response's usage.
    pub most: u64,
}

impl Default for Tokens {
    fn default() -> Self {
        Self { default_answer: 1_024, most: 100_000_000 }
    }
}

/// The admin API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Where operators reach it: on a loopback address.
    pub listen: SocketAddr,
    /// The file that holds its token.
    pub token_file: PathBuf,
    /// The file that holds the plans of keys' own; without one they last until the gateway ends.
    pub plans_file: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    #[serde(deserialize_with = "ListenAddress::socket_address")]
    listen: SocketAddr,
    capacity: Option<Spanned<usize>>,
    #[serde(default)]
    plans: Plans,
    #[serde(default)]
    keys: Vec<Spanned<RawKey>>,
    upstreams: Spanned<BTreeMap<String, Spanned<RawUpstream>>>,
    guard: Option<Spanned<GuardConfig>>,
    #[serde(default)]
    proxies: RawProxies,
    #[serde(default)]
    headers: RawHeaders,
    #[serde(default)]
    bounds: Bounds,
    #[serde(default)]
    tokens: Tokens,
    admin: Option<RawAdmin>,
    envoy: Option<EnvoyConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKey {
    name: Spanned<String>,
    sha256: Spanned<Digest>,
    plan: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUpstream {
    url: Spanned<String>,
    api: Api,
    paths: Option<Vec<Spanned<String>>>,
    key_env: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProxies {
    #[serde(default)]
    trusted: Vec<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHeaders {
    sets: Option<Vec<Set>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Set {
    XRatelimit,
    Ietf,
    #[serde(rename = "openai")]
    OpenAi,
    Anthropic,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAdmin {
    listen: Spanned<ListenAddress>,
    token_file: PathBuf,
    plans_file: Option<PathBuf>,
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(
                "expected the SHA-256 of a key in 64 hexadecimal digits, as `tidegate-gateway hash` prints it",
            )
        })
    }
}

/// Something wrong at a byte of the text.
struct Fault(usize, String);

type Checked<T> = Result<T, Fault>;

/// The most keys that have a record of their own.
const MOST_KEYS: usize = 100_000_000;

impl Config {
    /// Reads a file. An error names file, line and field.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = tidegate_faults::read(path)?;
        Ok(Self::parse(&path.display().to_string(), &text)?)
    }

    /// Reads a text; `file` is its name in errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, TomlError> {
        let text = TomlText::new(file, text);
        let raw: RawConfig = text.parse()?;
        let plans = plans(&raw.plans).map_err(|error| text.error_of(&error.path(), error.to_string()))?;
        if let Some(envoy) = &raw.envoy {
            envoy.check(&plans).map_err(|Wrong { path, problem }| text.error_of(&path, problem))?;
        }
        let least = raw.bounds.body_bytes.saturating_mul(2);
        if raw.bounds.bodies_bytes < least {
            let path = ["bounds", "bodies_bytes"].map(|name| PathPart::Name(name.into()));
            let problem = format!("expected at least twice `body_bytes`, which is {least} bytes");
            return Err(text.error_of(&path, problem));
        }
        Self::checked(raw, plans).map_err(|Fault(at, problem)| text.error_at(at, problem))
    }

    fn checked(raw: RawConfig, plans: Vec<Plan>) -> Checked<Self> {
        let capacity = match &raw.capacity {
            Some(capacity) if !(1..=MOST_KEYS).contains(capacity.get_ref()) => {
                return Err(Fault(capacity.span().start, format!("expected 1 to {MOST_KEYS} keys")));
            }
            Some(capacity) => *capacity.get_ref(),
            None => raw.keys.len().saturating_mul(2).max(100_000),
        };
        if let Some(guard) = &raw.guard {
            guard.get_ref().build().map_err(|error| Fault(guard.span().start, error.to_string()))?;
        }
        let admin = raw.admin.map(admin).transpose()?;
        Ok(Self {
            listen: raw.listen,
            capacity,
            keys: keys(raw.keys, &plans)?,
            upstreams: upstreams(raw.upstreams)?,
            guard: raw.guard.map(Spanned::into_inner),
            trusted: raw.proxies.trusted.iter().map(network).collect::<Checked<_>>()?,
            headers: raw.headers.sets.map_or_else(HeaderSet::default, |sets| headers(&sets)),
            bounds: raw.bounds,
            tokens: raw.tokens,
            admin,
            envoy: raw.envoy,
            plans,
        })
    }
}

/// The built-in plans, and the file's own, which may define one of those anew.
fn plans(own: &Plans) -> Result<Vec<Plan>, tidegate::config::ConfigError> {
    let mut plans = Plan::built_in().to_vec();
    for plan in own.build()? {
        match plans.iter_mut().find(|known| known.name() == plan.name()) {
            Some(known) => *known = plan,
            None => plans.push(plan),
        }
    }
    Ok(plans)
}

fn keys(raw: Vec<Spanned<RawKey>>, plans: &[Plan]) -> Checked<Vec<Key>> {
    let mut keys: Vec<Key> = Vec::with_capacity(raw.len());
    let (mut names, mut digests) = (std::collections::HashSet::new(), std::collections::HashSet::new());
    for raw in raw {
        let RawKey { name, sha256, plan } = raw.into_inner();
        if name.get_ref().trim().is_empty() {
            // The log and the admin API could not say whose it is.
            return Err(Fault(name.span().start, "expected a name that tells the key from others".into()));
        }
        if !names.insert(name.get_ref().clone()) {
            let problem = format!("a second key of the name `{}`; names tell them apart", name.get_ref());
            return Err(Fault(name.span().start, problem));
        }
        if !digests.insert(*sha256.get_ref()) {
            return Err(Fault(sha256.span().start, "another entry is of the same key".into()));
        }
        plan_names::check(plan.get_ref(), plans).map_err(|problem| Fault(plan.span().start, problem))?;
        keys.push(Key { name: name.into_inner(), digest: sha256.into_inner(), plan: plan.into_inner() });
    }
    Ok(keys)
}

fn upstreams(raw: Spanned<BTreeMap<String, Spanned<RawUpstream>>>) -> Checked<Vec<Upstream>> {
    let span = raw.span();
    // Whose each path is.
    let mut taken = BTreeMap::new();
    let mut upstreams = Vec::new();
    for (name, raw) in raw.into_inner() {
        let at = raw.span().start;
        let RawUpstream { url, api, paths, key_env } = raw.into_inner();
        let url = url_of(&url)?;
        let paths = match paths {
            Some(paths) => paths.into_iter().map(path).collect::<Checked<Vec<_>>>()?,
            None => api.paths().into_iter().map(|path| (at, path.to_owned())).collect(),
        };
        for (at, path) in &paths {
            if let Some(other) = taken.insert(path.clone(), name.clone()) {
                let problem = format!("calls of `{path}` go to upstream `{other}` already; give `paths`");
                return Err(Fault(*at, problem));
            }
        }
        let paths = paths.into_iter().map(|(_, path)| path).collect();
        upstreams.push(Upstream { name, url, api, paths, key_env });
    }
    if upstreams.is_empty() {
        return Err(Fault(span.start, "expected at least one upstream, such as `[upstreams.openai]`".into()));
    }
    Ok(upstreams)
}

fn url_of(url: &Spanned<String>) -> Checked<Uri> {
    let at = url.span().start;
    let url: Uri =
        url.get_ref().trim_end_matches('/').parse().map_err(|error| {
            Fault(at, format!("expected a URL such as \"https://api.openai.com\": {error}"))
        })?;
    if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none() {
        return Err(Fault(at, "expected a URL of http or https with a host".into()));
    }
    if url.query().is_some() {
        return Err(Fault(at, "expected a URL without a query: calls bring their own".into()));
    }
    Ok(url)
}

fn path(path: Spanned<String>) -> Checked<(usize, String)> {
    let at = path.span().start;
    let path = path.into_inner();
    if climbs(&path) {
        Err(Fault(at, format!("no call goes to \"{path}\": expected a path without `.` and `..`")))
    } else if path.starts_with('/') {
        Ok((at, path))
    } else {
        Err(Fault(at, format!("expected a path such as \"/{path}\", found \"{path}\"")))
    }
}

impl Api {
    /// The paths of an upstream for which none are given.
    fn paths(self) -> Vec<&'static str> {
        match self {
            Self::OpenAi => vec!["/"],
            Self::Anthropic => vec!["/v1/messages", "/v1/complete"],
        }
    }
}

fn network(text: &Spanned<String>) -> Checked<Network> {
    text.get_ref()
        .parse()
        .map_err(|error: tidegate::guard::NetworkError| Fault(text.span().start, error.to_string()))
}

fn headers(sets: &[Set]) -> HeaderSet {
    let has = |set| sets.contains(&set);
    HeaderSet {
        x_ratelimit: has(Set::XRatelimit),
        ietf: has(Set::Ietf),
        openai: has(Set::OpenAi),
        anthropic: has(Set::Anthropic),
    }
}

fn admin(raw: RawAdmin) -> Checked<Admin> {
    let ListenAddress(listen) = *raw.listen.get_ref();
    if !listen.ip().is_loopback() {
        let problem =
            format!("the admin API is for this machine alone: expected a loopback address, found {listen}");
        return Err(Fault(raw.listen.span().start, problem));
    }
    Ok(Admin { listen, token_file: raw.token_file, plans_file: raw.plans_file })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
listen = "127.0.0.1:8080"

[[keys]]
name = "team-a"
sha256 = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
plan = "gold"

[plans.gold]
requests_per_minute = 100

[upstreams.openai]
url = "https://api.openai.com/"
api = "openai"
key_env = "OPENAI_API_KEY"

[headers]
sets = ["x-ratelimit", "openai"]

[proxies]
trusted = ["10.0.0.0/8"]

[admin]
listen = "127.0.0.1:9901"
token_file = "admin.token"

[envoy]
listen = "127.0.0.1:9902"

[[envoy.rules]]
domain = "edge"
match = [{ key = "user" }]
plan = "pro"
"#;

    #[track_caller]
    fn assert_refused(change: (&str, &str), expected: &str) {
        let text = GOOD.replacen(change.0, change.1, 1);
        assert_ne!(text, GOOD);
        let error = Config::parse("gateway.toml", &text).unwrap_err().to_string();
        assert!(error.starts_with("gateway.toml, line ") && error.contains(expected), "{error}");
    }

    #[test]
    fn a_file_is_read() {
        let config = Config::parse("gateway.toml", GOOD).unwrap();
        assert_eq!((config.keys.len(), config.keys[0].plan.as_str()), (1, "gold"));
        assert_eq!(config.upstreams[0].url.to_string(), "https://api.openai.com/");
        assert!(config.headers.openai && config.headers.x_ratelimit && !config.headers.ietf);
        assert_eq!((config.capacity, config.bounds), (100_000, Bounds::default()));
        assert!(config.plans.iter().any(|plan| plan.name() == "free"));
    }

    #[test]
    fn what_is_wrong_is_told_by_its_place() {
        assert_refused(("plan = \"gold\"", "plan = \"glod\""), "line 7, `keys.0.plan`: unknown plan `glod`");
        assert_refused(("plan = \"gold\"", "plan = \"glod\""), "did you mean `gold`?");
        assert_refused(("sha256 = \"2b", "sha256 = \"zz"), "line 6, `keys.0.sha256`: expected the SHA-256");
        assert_refused(
            ("https://api.openai.com/", "ftp://x"),
            "`upstreams.openai.url`: expected a URL of http or https",
        );
        assert_refused(("api = \"openai\"", "api = \"opneai\""), "did you mean `openai`?");
        assert_refused(("10.0.0.0/8", "10.0.0.0/40"), "`proxies.trusted.0`");
        assert_refused(
            ("127.0.0.1:9901", "0.0.0.0:9901"),
            "`admin.listen`: the admin API is for this machine alone",
        );
        assert_refused(("token_file", "token_flie"), "did you mean `token_file`?");
        assert_refused(("\"openai\"]", "\"opnai\"]"), "unknown variant `opnai`");
        assert_refused(
            ("requests_per_minute = 100", "requests_per_minute = 0"),
            "`plans.gold.requests_per_minute`",
        );
        assert_refused(("[upstreams.openai]", "[guard]\ntolerance = 0\n[upstreams.openai]"), "`guard`");
        assert_refused(("plan = \"pro\"", "plan = \"por\""), "`envoy.rules.0.plan`: unknown plan `por`");
        assert_refused(("key = \"user\"", "kay = \"user\""), "did you mean `key`?");
        assert_refused(
            ("listen = \"127.0.0.1:8080\"", "listen = \"localhost\""),
            "line 2, `listen`: expected an address and a port, such as `127.0.0.1:8080` or `[::]:8080`, found `localhost`",
        );
        assert_refused(("127.0.0.1:9901", "9901"), "`admin.listen`: expected an address and a port");
        assert_refused(("127.0.0.1:9902", "9902"), "`envoy.listen`: expected an address and a port");
        assert_refused(("name = \"team-a\"", "name = \"\""), "line 5, `keys.0.name`: expected a name");
        let bounds = |field: &str| format!("[bounds]\n{field}\n[upstreams.openai]");
        assert_refused(
            ("[upstreams.openai]", &bounds("header_bytes = 100")),
            "`bounds.header_bytes`: expected from",
        );
        assert_refused(("[upstreams.openai]", &bounds("connections = 0")), "`bounds.connections`");
        assert_refused(
            ("[upstreams.openai]", &bounds("idle_time = \"0s\"")),
            "`bounds.idle_time`: expected at least",
        );
        assert_refused(("[upstreams.openai]", &bounds("body_time = 5")), "`bounds.body_time`");
        assert_refused(
            ("[upstreams.openai]", &bounds("bodies_bytes = 8_388_607")),
            "line 13, `bounds.bodies_bytes`: expected at least twice `body_bytes`, which is 8388608 bytes",
        );
    }

    #[test]
    fn no_two_upstreams_have_a_path_in_common() {
        let other = |paths: &str| {
            format!("[upstreams.local]\nurl = \"http://h\"\napi = \"openai\"\n{paths}\n[upstreams.openai]")
        };
        assert_refused(("[upstreams.openai]", &other("")), "calls of `/` go to upstream `local` already");
        assert_refused(
            ("[upstreams.openai]", &other("paths = [\"v1\"]")),
            "`upstreams.local.paths.0`: expected a path",
        );
        assert_refused(
            ("[upstreams.openai]", &other("paths = [\"/v1/../v2\"]")),
            "`upstreams.local.paths.0`: no call goes to \"/v1/../v2\"",
        );
        assert_refused(("https://api.openai.com/", "https://h/v1?a=b"), "without a query");
    }

    #[test]
    fn no_two_keys_are_alike() {
        let again = |name: &str| {
            format!(
                "[[keys]]\nname = \"{name}\"\nsha256 = \"2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b\"\nplan = \"free\"\n\n[plans.gold]"
            )
        };
        assert_refused(("[plans.gold]", &again("team-a")), "a second key of the name `team-a`");
        assert_refused(("[plans.gold]", &again("team-b")), "another entry is of the same key");
    }
}
