//! Plans that operators give to keys: beyond a restart, however the program ended, and through changes of the configuration.
#![cfg(feature = "serve")]

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tidegate::{Clock, Cost};
use tidegate_gateway::serve::config::Config;
use tidegate_gateway::serve::gateway::Gateway;
use tidegate_gateway::serve::keys::Digest;
use tidegate_gateway::serve::own_plans::OwnPlan;

const TOKEN: &str = "operators-show-this";

/// Keys `anna` and `bert` on `free`, and a plan `gold` of so many requests a minute.
fn config(gold: u32) -> String {
    let keys = ["anna", "bert"].map(|name| {
        format!(
            "[[keys]]\nname = \"{name}\"\nsha256 = \"{}\"\nplan = \"free\"\n",
            Digest::of(name.as_bytes())
        )
    });
    format!(
        "listen = \"127.0.0.1:0\"\ncapacity = 1000\n{}[plans.gold]\nrequests_per_minute = {gold}\nburst = 0.0\n\
         [upstreams.o]\nurl = \"http://127.0.0.1:1\"\napi = \"openai\"\n",
        keys.concat()
    )
}

/// A folder with a gateway's configuration, and its plans beside it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let this = Self(tempfile::tempdir().unwrap());
        std::fs::write(this.path("token"), TOKEN).unwrap();
        std::fs::create_dir(this.path("state")).unwrap();
        this
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn plans(&self) -> PathBuf {
        self.path("state/plans.toml")
    }

    /// Starts the program; what it says if it ends instead.
    fn start(&self) -> Result<Program, String> {
        let mut said = String::new();
        // Somebody else may take the port that was free just now.
        for _ in 0..5 {
            let admin = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
            let text = format!(
                "{}[admin]\nlisten = \"{admin}\"\ntoken_file = '{}'\nplans_file = '{}'\n",
                config(100),
                self.path("token").display(),
                self.plans().display()
            );
            std::fs::write(self.path("gateway.toml"), text).unwrap();
            match Program::start(&self.path("gateway.toml"), admin) {
                Ok(program) => return Ok(program),
                Err(error) => said = error,
            }
            if !said.contains("cannot listen") {
                break;
            }
        }
        Err(said)
    }
}

/// A gateway that is killed when it is dropped, without a word before.
struct Program {
    child: Child,
    admin: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    fn start(config: &Path, admin: String) -> Result<Self, String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate-gateway"));
        command.arg("serve").arg(config).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while log.read_line(&mut said).unwrap() > 0 {
            if said.contains("serves") {
                // So that it never waits for its log to be read.
                std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
                return Ok(Self { child, admin });
            }
        }
        assert_eq!(child.wait().unwrap().code(), Some(2), "{said}");
        Err(said)
    }

    /// An operator's request, and its answer.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.admin).unwrap();
        let text = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {TOKEN}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(text.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    #[track_caller]
    fn sets(&self, key: &str, plan: &str) {
        let (status, answer) = self.ask("PUT", &format!("/keys/{key}/plan"), plan);
        assert_eq!(status, 200, "{answer}");
    }

    /// The plan that a key is on, whether it is its own, and the first limit of it.
    fn stands(&self, key: &str) -> (Value, Value, Value) {
        let (status, answer) = self.ask("GET", &format!("/keys/{key}"), "");
        assert_eq!(status, 200, "{answer}");
        let plan = &answer["plan"];
        (plan["in_force"].clone(), plan["is_own"].clone(), answer["limits"][0]["limit"].clone())
    }
}

fn stands(plan: &str, is_own: bool, limit: u64) -> (Value, Value, Value) {
    (plan.into(), is_own.into(), limit.into())
}

#[test]
fn plans_of_keys_own_outlive_a_program_that_is_killed() {
    let place = Place::new();
    let program = place.start().unwrap();
    program.sets("anna", r#"{ "plan": "gold" }"#);
    let limits = json!({ "limits": { "requests_per_minute": 7, "tokens_per_day": null, "limits": [{ "unit": "tokens", "amount": 9, "window": "1h" }] } });
    program.sets("bert", &limits.to_string());
    drop(program);

    let program = place.start().unwrap();
    assert_eq!(program.stands("anna"), stands("gold", true, 100));
    assert_eq!(program.stands("bert"), stands("bert", true, 7));
    let (_, bert) = program.ask("GET", "/keys/bert", "");
    assert_eq!(bert["limits"].as_array().unwrap().len(), 2, "{bert}");
    let (status, _) = program.ask("DELETE", "/keys/anna/plan", "");
    assert_eq!(status, 200);
    program.sets("bert", r#"{ "plan": "pro" }"#);
    drop(program);

    let program = place.start().unwrap();
    assert_eq!(program.stands("anna"), stands("free", false, 20));
    assert_eq!(program.stands("bert"), stands("pro", true, 1_000));
}

#[test]
fn a_change_that_cannot_be_kept_is_not_made() {
    let place = Place::new();
    let program = place.start().unwrap();
    program.sets("anna", r#"{ "plan": "gold" }"#);
    std::fs::remove_dir_all(place.path("state")).unwrap();
    for (method, key, body) in [
        ("PUT", "anna", r#"{ "plan": "pro" }"#),
        ("DELETE", "anna", ""),
        ("PUT", "bert", r#"{ "plan": "pro" }"#),
    ] {
        let (status, answer) = program.ask(method, &format!("/keys/{key}/plan"), body);
        assert_eq!((status, &answer["error"]["field"]), (500, &"admin.plans_file".into()), "{answer}");
    }
    assert_eq!(program.stands("anna"), stands("gold", true, 100));
    assert_eq!(program.stands("bert"), stands("free", false, 20));
    // With its folder back, all is kept again.
    std::fs::create_dir(place.path("state")).unwrap();
    program.sets("bert", r#"{ "plan": "pro" }"#);
    drop(program);
    let program = place.start().unwrap();
    assert_eq!(program.stands("anna"), stands("gold", true, 100));
    assert_eq!(program.stands("bert"), stands("pro", true, 1_000));
}

#[test]
fn a_file_that_is_of_no_use_is_told_at_the_start() {
    let place = Place::new();
    std::fs::write(place.plans(), "[keys.anna]\nplan = \"glod\"\n").unwrap();
    let said = place.start().err().expect("it does not start");
    assert!(said.contains("plans.toml, line 2, `keys.anna.plan`: unknown plan `glod`"), "{said}");
    assert!(said.contains("did you mean `gold`?"), "{said}");
    // A check of the configuration says so too.
    let mut check = Command::new(env!("CARGO_BIN_EXE_tidegate-gateway"));
    let output = check.args(["serve", "--check"]).arg(place.path("gateway.toml")).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("it would not start here: "), "{said}");
    assert!(said.contains("`keys.anna.plan`"), "{said}");
    // One that is to be written where there is no folder.
    std::fs::remove_dir_all(place.path("state")).unwrap();
    let said = place.start().err().expect("it does not start");
    assert!(said.contains("`admin.plans_file`") && said.contains("cannot be written"), "{said}");
    // A key that the configuration does not have is kept for, and nothing to stop at.
    std::fs::create_dir(place.path("state")).unwrap();
    std::fs::write(place.plans(), "[keys.carl]\nplan = \"gold\"\n").unwrap();
    let program = place.start().unwrap();
    program.sets("anna", r#"{ "plan": "pro" }"#);
    let kept = std::fs::read_to_string(place.plans()).unwrap();
    assert!(kept.contains("[keys.carl]") && kept.contains("[keys.anna]"), "{kept}");
}

/// A gateway that runs in this program, and changes.
struct Running(Gateway);

impl Running {
    fn new() -> Self {
        Self(Gateway::new(Config::parse("t.toml", &config(100)).unwrap()).unwrap())
    }

    fn gives(&self, name: &str, own: OwnPlan) {
        let Gateway { state, own: plans, clock, .. } = &self.0;
        let live = state.live();
        let digest = live.keys.named(name).unwrap().0;
        let plan = live.plans["gold"];
        plans.set(&mut plans.lock(), state, (name, digest), Some((own, plan)), clock.now()).unwrap();
    }

    fn change(&self, text: &str) -> anyhow::Result<Vec<String>> {
        self.0.change(Config::parse("t.toml", text).unwrap())
    }

    /// The limit of requests of who shows this key.
    fn limit(&self, key: &str) -> u64 {
        let Gateway { state, clock, .. } = &self.0;
        let digest = Digest::of(key.as_bytes());
        let plan = state.live().keys.get(&digest).unwrap().plan;
        let (_, standing) = state.limiter.peek(&digest, plan, Cost::default(), clock.now());
        standing.status(tidegate::LimitId::RequestsWindow).unwrap().limit
    }
}

#[test]
fn a_plan_by_its_name_is_what_the_configuration_says_that_it_is() {
    let running = Running::new();
    running.gives("anna", OwnPlan::Named("gold".into()));
    assert_eq!((running.limit("anna"), running.limit("bert")), (100, 20));
    assert_eq!(running.change(&config(300)).unwrap(), Vec::<String>::new());
    assert_eq!((running.limit("anna"), running.limit("bert")), (300, 20));
    // Without it the gateway could not start again.
    let error = running.change(&config(300).replace("plans.gold", "plans.silver")).unwrap_err().to_string();
    assert!(error.contains("`plans.gold` is missing, and key `anna` has it"), "{error}");
    assert_eq!(running.limit("anna"), 300);
}

#[test]
fn a_plan_of_its_own_goes_with_the_name_to_another_key() {
    let running = Running::new();
    running.gives("anna", OwnPlan::Named("gold".into()));
    let [anna, new] = ["anna", "new"].map(|key| Digest::of(key.as_bytes()).to_string());
    running.change(&config(100).replace(&anna, &new)).unwrap();
    assert_eq!(running.limit("new"), 100);
    // Whoever the old key is given to has nothing of it.
    running
        .change(&config(100).replace(&Digest::of(b"bert").to_string(), &anna).replacen(&anna, &new, 1))
        .unwrap();
    assert_eq!((running.limit("new"), running.limit("anna")), (100, 20));
}
