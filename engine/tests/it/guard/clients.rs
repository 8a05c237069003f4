//! Clients as `docs/guard.md` lists them: what they do when a call is answered 429, read from their released
//! packages in November 2026.

/// Random numbers that are the same in every run (SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    /// Uniform in [low, high).
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        low + (high - low) * ((bits >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

/// A call that was just denied.
#[derive(Clone, Copy)]
pub(super) struct Denied {
    /// Retries of it so far.
    pub(super) retries: i32,
    /// `retry-after-ms`, in seconds.
    pub(super) hint: f64,
    /// Whether `x-should-retry: false` was sent: the day is used up.
    pub(super) stop: bool,
    /// Seconds since the call was first made.
    pub(super) elapsed: f64,
}

impl Denied {
    /// `Retry-After`.
    fn whole(self) -> f64 {
        self.hint.ceil().max(1.0)
    }
}

/// A client by name: the seconds until it sends the call again, or `None` if it gives up.
pub(super) struct Client {
    pub(super) name: &'static str,
    pub(super) wait: fn(Denied, &mut Random) -> Option<f64>,
    /// How many retries it pays for until one of its calls succeeds; botocore's quota.
    pub(super) quota: u32,
}

const fn client(name: &'static str, wait: fn(Denied, &mut Random) -> Option<f64>) -> Client {
    Client { name, wait, quota: u32::MAX }
}

fn doubled(base: f64, retries: i32, cap: f64) -> f64 {
    (base * 2_f64.powi(retries)).min(cap)
}

/// The SDKs of one generator: two retries, `x-should-retry`, min(0.5·2^k, 8)·U(0.75, 1) s of their own.
fn stainless(denied: Denied, random: &mut Random, honoured: bool) -> Option<f64> {
    let own = doubled(0.5, denied.retries, 8.0) * random.between(0.75, 1.0);
    (denied.retries < 2 && !denied.stop).then_some(if honoured { denied.hint } else { own })
}

pub(super) const CLIENTS: [Client; 24] = [
    client("openai-python 3.54.0", |denied, random| {
        stainless(denied, random, true).filter(|_| denied.hint <= 120.0)
    }),
    client("anthropic-python 2.12.0", |denied, random| stainless(denied, random, true)),
    client("openai-node 6.49.0", |denied, random| stainless(denied, random, true)),
    client("@anthropic-ai/sdk 1.13.0", |denied, random| {
        stainless(denied, random, denied.hint < 2_147_483.647)
    }),
    client("ai 6.0.326 (Vercel)", |denied, _| {
        let own = doubled(2.0, denied.retries, f64::MAX);
        let honoured = denied.hint < 60.0 || denied.hint < own;
        (denied.retries < 2).then_some(if honoured { denied.hint } else { own })
    }),
    client("async-openai 0.43.0", |denied, _| (denied.retries < 3).then(|| denied.whole())),
    client("reqwest-retry 0.9.1, 3 retries", |denied, random| {
        (denied.retries < 3).then(|| random.between(0.0, doubled(1.0, denied.retries, 1_800.0)))
    }),
    client("reqwest-retry 0.9.1, 10 retries", |denied, random| {
        (denied.retries < 10).then(|| random.between(0.0, doubled(1.0, denied.retries, 1_800.0)))
    }),
    client("Codex CLI, HTTP", |_, _| None),
    client("Codex CLI, stream", |denied, random| {
        (denied.retries < 5).then(|| doubled(0.2, denied.retries, f64::MAX) * random.between(0.9, 1.1))
    }),
    client("google-genai 3.4.0", |_, _| None),
    client("google-genai 3.4.0, retry_options", |denied, random| {
        let own = 2_f64.powi(denied.retries) + random.between(0.0, 1.0);
        (denied.retries < 4).then_some(own.min(60.0))
    }),
    client("@google/genai 2.32.0, 5 attempts", |denied, random| {
        let own = doubled(random.between(1.0, 2.0), denied.retries, 60.0);
        (denied.retries < 4).then_some(own)
    }),
    client("google-api-core 2.44.0", |denied, random| {
        let own = random.between(0.0, doubled(1.0, denied.retries, 60.0));
        (denied.elapsed + own <= 120.0).then_some(own)
    }),
    Client {
        name: "botocore 1.44.5, standard",
        wait: |denied, random| {
            (denied.retries < 2).then(|| random.between(0.0, 1.0) * doubled(1.0, denied.retries, 20.0))
        },
        // 500 tokens, 5 for a retry of a throttled call.
        quota: 100,
    },
    client("cohere 7.3.1", |denied, _| (denied.retries < 2).then_some(denied.hint.min(60.0))),
    client("mistralai 3.7.0, backoff", |denied, _| {
        (denied.elapsed + denied.hint <= 3_600.0).then_some(denied.hint)
    }),
    client("urllib3 2.8.0 Retry", |denied, _| (denied.retries < 10).then(|| denied.whole().min(21_600.0))),
    client("requests 2.34.2, httpx", |_, _| None),
    client("axios-retry 4.5.0", |denied, _| (denied.retries < 3).then(|| denied.whole())),
    client("axios-retry 4.5.0, no hint seen", |denied, random| {
        (denied.retries < 3).then(|| random.between(0.004, 0.005))
    }),
    client("ky 1.14.3", |denied, _| (denied.retries < 2).then(|| denied.whole())),
    client("got 14.6.6", |denied, _| (denied.retries < 2).then(|| denied.whole())),
    client("litellm 1.109.1", |denied, random| {
        let own = doubled(0.5, denied.retries, 8.0) * random.between(0.75, 1.0);
        (denied.retries < 2).then_some(if denied.whole() <= 60.0 { denied.whole() } else { own })
    }),
];
