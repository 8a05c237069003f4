//! The admin API, asked as an operator does.
#![cfg(feature = "serve")]

use axum::body::Body;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;
use tidegate::{Clock, Cost, Guard, ManualClock, Nanos, Timestamp};
use tidegate_gateway::serve::admin::{self, Admin, Token};
use tidegate_gateway::serve::config::Config;
use tidegate_gateway::serve::keys::Digest;
use tidegate_gateway::serve::live::State;
use tidegate_gateway::serve::metrics::Metrics;
use tidegate_gateway::serve::own_plans::OwnPlans;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

const TOKEN: &str = "operators-show-this";

struct Setup {
    state: Arc<State>,
    own: Arc<OwnPlans>,
    guard: Option<Arc<Guard>>,
    clock: Arc<ManualClock>,
}

impl Setup {
    fn new() -> Self {
        let keys = ["anna", "bert", "carl/7"].map(|name| {
            format!(
                "[[keys]]\nname = \"{name}\"\nsha256 = \"{}\"\nplan = \"free\"\n",
                Digest::of(name.as_bytes())
            )
        });
        let config = format!(
            "listen = \"127.0.0.1:1\"\ncapacity = 1000\n{}[plans.gold]\nrequests_per_minute = 100\n\
             [upstreams.o]\nurl = \"http://secret.host\"\napi = \"openai\"\nkey_env = \"PATH\"\n",
            keys.concat()
        );
        let config = Config::parse("t.toml", &config).unwrap();
        let state = Arc::new(State::new(&config).unwrap());
        let own = Arc::new(OwnPlans::read(&config).unwrap());
        let clock = ManualClock::new(Timestamp::both(Nanos::from_secs(1_700_000_000)));
        let guard = Guard::builder().tolerance(1).build().unwrap();
        Self { state, own, guard: Some(Arc::new(guard)), clock: Arc::new(clock) }
    }

    fn admin(&self) -> Arc<Admin> {
        let guard = self.guard.clone();
        let guard: tidegate_gateway::serve::metrics::GuardNow = Arc::new(move || guard.clone());
        let metrics = Metrics::new(self.state.clone(), guard.clone(), self.clock.clone());
        Arc::new(Admin {
            state: self.state.clone(),
            own: self.own.clone(),
            guard,
            clock: self.clock.clone(),
            metrics: Arc::new(metrics),
            token: Token::new(TOKEN).unwrap(),
        })
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, String) {
        let response = admin::router(self.admin()).oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// An operator's request: `GET /path` or another method, and its answer.
    async fn ask(&self, what: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        let (method, path) = what.split_once(' ').unwrap();
        let request = Request::builder().method(method.parse::<Method>().unwrap()).uri(path);
        let request = request.header("authorization", format!("Bearer {TOKEN}")).body(body.into()).unwrap();
        let (status, text) = self.send(request).await;
        (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{what}: no JSON: {text}")))
    }

    async fn good(&self, what: &str, body: &str) -> Value {
        let (status, answer) = self.ask(what, body.to_owned()).await;
        assert_eq!(status, 200, "{what}: {answer}");
        answer
    }

    #[track_caller]
    fn assert_problem((status, answer): (StatusCode, Value), expected: u16, field: &str, message: &str) {
        assert_eq!((status.as_u16(), &answer["error"]["field"]), (expected, &field.into()), "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(message), "{answer}");
    }

    /// A call of a key.
    fn admits(&self, key: &str, tokens: u64) -> bool {
        let plan = self.state.live().keys.named(key).unwrap().1.plan;
        self.state
            .limiter
            .check(&Digest::of(key.as_bytes()), plan, Cost::tokens(tokens), self.clock.now())
            .is_admitted()
    }

    fn admitted(&self, key: &str) -> usize {
        (0..2_000).take_while(|_| self.admits(key, 0)).count()
    }
}

#[tokio::test]
async fn nobody_asks_without_the_token() {
    let setup = Setup::new();
    for authorization in
        ["", "Bearer ", "Bearer operators-show-thi", "Basic operators-show-this", "operators-show-this"]
    {
        for path in ["/keys/anna", "/usage", "/configuration", "/nowhere"] {
            let request = Request::builder().uri(path).header("authorization", authorization);
            let (status, text) = setup.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(status, 401, "{path} with {authorization}");
            assert!(text.contains("\"authorization\"") && !text.contains("anna"), "{text}");
        }
    }
    // Nothing of these is of any key.
    for (path, expected) in [("/healthz", "alive"), ("/readyz", "ready"), ("/metrics", "# EOF")] {
        let (status, text) = setup.send(Request::builder().uri(path).body(Body::empty()).unwrap()).await;
        assert!(status == 200 && text.contains(expected) && !text.contains("anna"), "{path}: {text}");
    }
}

#[tokio::test]
async fn a_key_is_shown_as_it_stands() {
    let setup = Setup::new();
    assert!(setup.admits("anna", 40_000));
    let anna = setup.good("GET /keys/anna", "").await;
    assert_eq!(anna["plan"], json!({ "configured": "free", "in_force": "free", "is_own": false }));
    let limits = anna["limits"].as_array().unwrap();
    let names: Vec<_> = limits.iter().map(|limit| limit["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["requests_per_minute", "tokens_per_minute", "tokens_per_day"]);
    assert_eq!(
        (&limits[0]["remaining"], &limits[0]["ceiling"], &limits[1]["remaining"]),
        (&19.into(), &24.into(), &60_000.into())
    );
    assert_eq!(setup.good("GET /keys/carl%2F7", "").await["name"], "carl/7");
    Setup::assert_problem(setup.ask("GET /keys/ana", "").await, 404, "name", "did you mean `anna`?");
}

#[tokio::test]
async fn a_plan_of_its_own_holds_from_the_next_call_on() {
    let setup = Setup::new();
    assert_eq!(setup.admitted("anna"), 24);
    let anna = setup.good("PUT /keys/anna/plan", r#"{ "plan": "gold" }"#).await;
    assert_eq!(anna["plan"], json!({ "configured": "free", "in_force": "gold", "is_own": true }));
    assert_eq!(setup.admitted("anna"), 96, "what was used stays used");
    let own = r#"{ "limits": { "requests_per_minute": 200, "burst": 0.0 } }"#;
    assert_eq!(setup.good("PUT /keys/anna/plan", own).await["plan"]["in_force"], "anna");
    assert_eq!(setup.admitted("anna"), 80);
    assert_eq!(setup.good("DELETE /keys/anna/plan", "").await["plan"]["is_own"], false);
    assert_eq!(setup.admitted("anna"), 0);
    assert_eq!(setup.admitted("bert"), 24);
}

#[tokio::test]
async fn what_is_wrong_with_a_plan_is_told_by_its_field() {
    let setup = Setup::new();
    let put = |body: &str| setup.ask("PUT /keys/anna/plan", body.to_owned());
    Setup::assert_problem(put(r#"{ "plan": "glod" }"#).await, 404, "plan", "did you mean `gold`?");
    Setup::assert_problem(put("{}").await, 400, "plan", "expected either");
    Setup::assert_problem(put(r#"{ "plan": "gold", "limits": {} }"#).await, 400, "plan", "expected either");
    Setup::assert_problem(put(r#"{ "plan": 7 }"#).await, 400, "plan", "expected a string");
    let zero = r#"{ "limits": { "requests_per_minute": 0 } }"#;
    let (status, answer) = put(zero).await;
    assert!(status == 400 && answer["error"]["field"].as_str().unwrap().starts_with("limits"), "{answer}");
    let twice = r#"{ "limits": { "tokens_per_minute": 9, "limits": [{ "unit": "tokens", "amount": 9, "window": "60s" }] } }"#;
    let (status, answer) = put(twice).await;
    assert!(
        status == 400 && answer["error"]["field"].as_str().unwrap().starts_with("limits.limits"),
        "{answer}"
    );
    Setup::assert_problem(put("{ \"plan\"").await, 400, "body", "EOF");
    Setup::assert_problem(put("").await, 400, "body", "EOF");
    Setup::assert_problem(put("{").await, 400, "body", "EOF");
    Setup::assert_problem(put("7").await, 400, "body", "expected an object with `plan` or `limits`");
    Setup::assert_problem(put("{} {}").await, 400, "body", "trailing");
    Setup::assert_problem(put(&" ".repeat(70_000)).await, 413, "body", "at most 65536 bytes");
    Setup::assert_problem(setup.ask("DELETE /keys/nobody/plan", "").await, 404, "name", "nobody");
    Setup::assert_problem(setup.ask("GET /nowhere", "").await, 404, "path", "/usage");
    Setup::assert_problem(setup.ask("POST /usage", "").await, 405, "method", "other methods");
    assert_eq!(setup.admitted("anna"), 24);
}

#[tokio::test]
async fn a_reset_frees_a_key() {
    let setup = Setup::new();
    assert_eq!(setup.good("POST /keys/anna/reset", "").await["reset"], false);
    assert!(setup.admits("anna", 100_000));
    assert_eq!(setup.admitted("anna"), 23);
    let reset = setup.good("POST /keys/anna/reset", "").await;
    assert_eq!((&reset["reset"], &reset["limits"][2]["remaining"]), (&true.into(), &200_000.into()));
    assert_eq!(setup.admitted("anna"), 24);
}

#[tokio::test]
async fn a_dry_run_tells_and_charges_nothing() {
    let setup = Setup::new();
    let run = |body: Value| setup.ask("POST /dry-run", body.to_string());
    let (status, said) = run(json!({ "key": "anna", "tokens": 1_000 })).await;
    assert_eq!((status.as_u16(), &said["verdict"]), (200, &"admit".into()), "{said}");
    assert_eq!(said["headers"]["x-ratelimit-remaining"], "20");
    assert_eq!(setup.admitted("anna"), 24);
    let (_, said) = run(json!({ "key": "anna" })).await;
    assert_eq!((&said["verdict"], &said["limit"]), (&"deny".into(), &"requests_per_minute".into()));
    assert!(
        said["retry_after_seconds"].as_f64().unwrap() > 0.0 && said["headers"]["retry-after"].is_string(),
        "{said}"
    );
    let (_, said) = run(json!({ "key": "anna", "tokens": u64::MAX })).await;
    assert_eq!((&said["verdict"], &said["limit"]), (&"never".into(), &"tokens_per_minute".into()));
    Setup::assert_problem(run(json!({ "key": "anna", "tokns": 1 })).await, 400, "tokns", "expected");
    Setup::assert_problem(run(json!({ "key": "anna", "tokens": -1 })).await, 400, "tokens", "u64");
    Setup::assert_problem(run(json!({ "key": "x".repeat(60_000) })).await, 404, "key", "…");
}

#[tokio::test]
async fn usage_comes_in_pages() {
    let setup = Setup::new();
    assert_eq!(setup.admitted("bert"), 24);
    let first = setup.good("GET /usage?count=2", "").await;
    let names = |page: &Value| -> Vec<String> {
        page["keys"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().into()).collect()
    };
    assert_eq!((names(&first), &first["next"]), (vec!["anna".to_owned(), "bert".into()], &"bert".into()));
    assert_eq!(first["decisions"]["admitted"], 24);
    assert_eq!(first["decisions"]["denied"]["requests_window"], 1);
    assert_eq!(first["records"], json!({ "keys": 1, "capacity": 1_000, "overflowed": 0 }));
    let rest = setup.good("GET /usage?after=bert", "").await;
    assert_eq!((names(&rest), &rest["next"]), (vec!["carl/7".to_owned()], &Value::Null));
    Setup::assert_problem(setup.ask("GET /usage?count=0", "").await, 400, "count", "1 to 1000");
    Setup::assert_problem(setup.ask("GET /usage?cuont=1", "").await, 400, "query", "cuont");
}

#[tokio::test]
async fn keys_that_stand_out_are_listed_by_name() {
    let setup = Setup::new();
    assert!(setup.admits("anna", 70));
    assert_eq!(setup.admitted("bert"), 24);
    let top = setup.good("GET /top?count=1", "").await;
    assert_eq!((&top["hottest"][0]["name"], &top["hottest"][0]["requests"]), (&"bert".into(), &24.into()));
    assert_eq!(
        (&top["most_denied"][0]["name"], &top["most_denied"][0]["denied_at_least"]),
        (&"bert".into(), &1.into())
    );
    assert_eq!(top["hottest"].as_array().unwrap().len(), 1);
    Setup::assert_problem(setup.ask("GET /top?count=1001", "").await, 400, "count", "1 to 1000");
}

#[tokio::test]
async fn a_block_is_shown_and_lifted() {
    let mut setup = Setup::new();
    let guard = setup.guard.clone().unwrap();
    let address = "2001:db8::7".parse().unwrap();
    for _ in 0..40 {
        let _ = guard.strike(address, setup.clock.now());
    }
    let blocks = setup.good("GET /blocks", "").await;
    assert_eq!(
        blocks["blocks"],
        json!([{ "network": "2001:db8::/64", "remaining_seconds": 30.0, "before": 0 }])
    );
    assert_eq!(setup.good("DELETE /blocks/2001:db8::9", "").await["lifted"], true);
    assert_eq!(setup.good("DELETE /blocks/2001:db8::9", "").await["lifted"], false);
    // By the network as it is listed, too.
    for _ in 0..40 {
        let _ = guard.strike(address, setup.clock.now());
    }
    assert_eq!(setup.good("DELETE /blocks/2001:db8::%2F64", "").await["lifted"], true);
    Setup::assert_problem(setup.ask("DELETE /blocks/2001:db8::%2F48", "").await, 400, "address", "db8::/48`");
    Setup::assert_problem(setup.ask("DELETE /blocks/%FF", "").await, 400, "path", "UTF-8");
    assert_eq!(setup.good("GET /blocks", "").await["blocks"], json!([]));
    Setup::assert_problem(setup.ask("DELETE /blocks/anna", "").await, 400, "address", "found `anna`");
    setup.guard = None;
    Setup::assert_problem(setup.ask("GET /blocks", "").await, 404, "guard", "[guard]");
}

#[tokio::test]
async fn the_configuration_is_shown_without_its_secrets() {
    let setup = Setup::new();
    let shown = setup.good("GET /configuration", "").await;
    assert_eq!(
        (&shown["generation"], &shown["keys"], &shown["upstreams"]),
        (&1.into(), &3.into(), &json!(["o"]))
    );
    let names: Vec<_> = shown["plans"].as_array().unwrap().iter().map(|plan| plan["name"].clone()).collect();
    assert_eq!(names, ["enterprise", "free", "gold", "pro"]);
    let text = shown.to_string();
    assert!(!text.contains("secret") && !text.contains("PATH") && !text.contains("sha256"), "{text}");
}

#[tokio::test]
async fn it_listens_until_it_is_told_to_end() {
    let setup = Setup::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(admin::serve(listener, setup.admin(), async move {
        let _ = ended.await;
    }));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ready\n"), "{answer}");
    end.send(()).unwrap();
    serving.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
