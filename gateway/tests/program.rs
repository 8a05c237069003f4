//! The program as people run it: its command line, its exit status, its demonstration.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate-gateway"));
    command.args(args).stdin(Stdio::null());
    command
}

fn run(args: &[&str], input: &str) -> Output {
    let mut child =
        program(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_example_is_good() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/gateway.toml");
    let output = run(&["serve", "--check", example.to_str().unwrap()], "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let line = text(&output.stdout);
    assert!(
        line.ends_with("good: listens on 127.0.0.1:8080, 2 keys, 4 plans, 2 upstreams, a guard\n"),
        "{line}"
    );
}

#[test]
fn a_wrong_file_is_told_by_its_place_with_status_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    std::fs::write(&path, "listen = \"127.0.0.1:1\"\n[upstreams.o]\nurl = \"http://h\"\napi = \"opena\"\n")
        .unwrap();
    let output = run(&["serve", "--check", path.to_str().unwrap()], "");
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    assert!(
        error.contains("gateway.toml, line 4, `upstreams.o.api`") && error.contains("did you mean `openai`?"),
        "{error}"
    );
    for missing in [&["serve", "/no/such/file"][..], &["serve"], &["sreve"]] {
        assert_eq!(run(missing, "").status.code(), Some(2), "{missing:?}");
    }
}

/// A file may be checked where what it names is not there; that it would not start there is said all the same.
#[test]
fn what_a_file_names_and_is_not_there_is_told_by_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    let file = "listen = \"127.0.0.1:1\"\n[upstreams.o]\nurl = \"http://h\"\napi = \"openai\"\n";
    let admin = "[admin]\nlisten = \"127.0.0.1:2\"\ntoken_file = \"/no/such/token\"\n";
    std::fs::write(&path, format!("{file}{admin}")).unwrap();
    let output = run(&["serve", "--check", path.to_str().unwrap()], "");
    let told = text(&output.stderr);
    assert!(
        output.status.success() && told.contains("it would not start here: `admin.token_file`"),
        "{told}"
    );
}

#[test]
fn a_key_is_hashed() {
    let output = run(&["hash"], "abc\n");
    assert_eq!(text(&output.stdout), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n");
    assert_eq!(run(&["hash"], "\n").status.code(), Some(2));
    let output = run(&["hash", "--new"], "");
    let (key, sha256) = text(&output.stdout).trim().split_once("\nsha256: ").unwrap();
    let key = key.strip_prefix("key:    sk-").unwrap();
    assert_eq!(text(&run(&["hash"], &format!("sk-{key}")).stdout).trim(), sha256);
    assert_eq!(key.len(), 64);
}

/// A demonstration that runs until it is dropped.
struct Demo {
    child: Child,
    address: String,
    printed: String,
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Demo {
    fn new() -> Self {
        let mut child = program(&["demo", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let printed: Vec<String> =
            lines.by_ref().map(Result::unwrap).take_while(|line| !line.starts_with("Ctrl-C")).collect();
        let address = printed[0].rsplit_once("http://").unwrap().1.trim_end_matches('/').to_owned();
        Self { child, address, printed: printed.join("\n") }
    }

    /// A response, header and all.
    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let (line, rest) = request.split_once('\n').unwrap_or((request, ""));
        let (fields, body) = rest.split_once("\n\n").unwrap_or((rest, ""));
        let fields: String = fields.lines().map(|field| format!("{field}\r\n")).collect();
        let length = body.len();
        let head = format!(
            "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{fields}\r\n"
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }
}

const CALL: &str =
    "POST /v1/chat/completions\nauthorization: Bearer sk-free\n\n{\"max_tokens\":24,\"messages\":[]}";

#[test]
fn the_demonstration_lets_24_calls_pass_and_not_the_25th() {
    let demo = Demo::new();
    for call in 1..=24 {
        assert!(demo.ask(CALL).starts_with("HTTP/1.1 200"), "call {call}");
    }
    let denied = demo.ask(CALL);
    assert!(denied.starts_with("HTTP/1.1 429") && denied.contains("\r\nretry-after: "), "{denied}");
    let status: serde_json::Value =
        serde_json::from_str(demo.ask("GET /status.json").rsplit_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!((&status["admitted"], &status["denied"]), (&24.into(), &1.into()));
    assert_eq!(
        (&status["keys"][0]["denied_by"], &status["keys"][0]["denied"]),
        (&"requests_per_minute".into(), &1.into())
    );
    assert_eq!(
        (&status["keys"][1]["denied_by"], &status["keys"][1]["key"]),
        (&serde_json::Value::Null, &"sk-pro".into())
    );
    assert!(demo.printed.contains("Bearer sk-free") && demo.printed.contains("seq 25"), "{}", demo.printed);
}

#[test]
fn the_demonstrations_page_needs_nothing_from_elsewhere() {
    let page = Demo::new().ask("GET /");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("<!doctype html>"));
    for outside in ["src=", "href=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    // The one name that looks like an address is that of SVG.
    assert_eq!(page.matches("http://").count(), page.matches("http://www.w3.org/2000/svg").count());
}

#[cfg(unix)]
#[test]
fn asked_to_end_it_ends_well() {
    let mut demo = Demo::new();
    let asked = Command::new("kill").args(["-TERM", &demo.child.id().to_string()]).status().unwrap();
    assert!(asked.success());
    assert!(demo.child.wait().unwrap().success());
}

/// A reload or an end that was asked for while the gateway read its file killed it: nobody listened yet. To a supervisor that looked
/// like an end as it should be, after which it is not started again.
#[cfg(unix)]
#[test]
fn what_it_is_asked_while_it_starts_it_does_when_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("gateway.toml"), folder.path().join("other.toml"));
    let file = "listen = \"127.0.0.1:0\"\n[upstreams.o]\nurl = \"http://h\"\napi = \"openai\"\n";
    // A pipe, whose reader waits: it is read for as long as the test wants.
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let mut child = program(&["serve", path.to_str().unwrap()]).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = std::fs::File::options().write(true).open(&path).unwrap();
    let id = child.id().to_string();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    signal("-HUP");
    std::fs::write(&other, file).unwrap();
    std::fs::rename(&other, &path).unwrap();
    pipe.write_all(file.as_bytes()).unwrap();
    drop(pipe);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("another configuration is in force")), "it was killed");
    signal("-TERM");
    assert!(child.wait().unwrap().success());
}
