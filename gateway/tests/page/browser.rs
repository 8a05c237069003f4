//! A headless Chromium, spoken to in its DevTools protocol over a pipe: no port, no socket, and it ends when the pipe does.

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The names that it goes by.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// For one answer, and for what is waited for: far more than it takes, since machines may be slow and loaded.
const PATIENCE: Duration = Duration::from_secs(120);

/// One browser at a time: each is several processes, and a page that waits for a core is late with what it shows.
static TURN: Mutex<()> = Mutex::new(());

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    says: Option<ChildStdin>,
    heard: Receiver<Value>,
    asked: u64,
    session: Option<String>,
    troubles: VecDeque<String>,
    folder: tempfile::TempDir,
    // Last: the next one begins when this one has ended.
    _turn: MutexGuard<'static, ()>,
}

impl Browser {
    /// Starts one. An error says why there is none.
    pub(crate) fn start() -> Result<Self, String> {
        let answers = |name: &&&str| {
            let version = Command::new(name).arg("--version").stdin(Stdio::null()).output();
            version.is_ok_and(|output| output.status.success())
        };
        let Some(name) = NAMES.iter().find(answers) else {
            return Err(format!("there is no Chromium: none of {} is found", NAMES.join(", ")));
        };
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        // It reads from file 3 and writes to file 4; standard output it may fill with anything.
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>&2"#, name]);
        command.args(["--headless", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu"]);
        // Root may not use the sandbox, and /dev/shm is small in containers.
        command.args(["--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"]);
        // Nothing but the page: neither updates nor a proxy of the environment.
        command.args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-extensions",
            "--no-proxy-server",
        ]);
        command.arg(format!("--user-data-dir={}", folder.path().display()));
        let log = File::create(folder.path().join("log")).unwrap();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().unwrap();
        let (says, hears) = (child.stdin.take(), child.stdout.take().unwrap());
        let (tells, heard) = channel();
        std::thread::spawn(move || {
            // Ends with the browser, or with whoever would hear it.
            for message in BufReader::new(hears).split(0) {
                let Ok(message) = message else { break };
                if tells.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    break;
                }
            }
        });
        let troubles = VecDeque::new();
        let mut browser = Self { child, says, heard, asked: 0, session: None, troubles, folder, _turn: turn };
        let target = browser.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.ask("Target.attachToTarget", attach);
        browser.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Runtime.enable", "Log.enable", "Page.enable"] {
            browser.ask(domain, json!({}));
        }
        Ok(browser)
    }

    /// Opens an address in its page.
    pub(crate) fn open(&mut self, address: &str) {
        let opened = self.ask("Page.navigate", json!({ "url": address }));
        assert!(opened["errorText"].is_null(), "{address}: {opened}");
    }

    /// The value of an expression in the page; that of a promise if it is one.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.ask("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression in the page is true.
    #[track_caller]
    pub(crate) fn until(&mut self, expression: &str) {
        self.until_with(expression, || ());
    }

    /// The same, and does something before each look.
    #[track_caller]
    pub(crate) fn until_with(&mut self, expression: &str, mut before: impl FnMut()) {
        let begun = Instant::now();
        loop {
            before();
            if self.value(expression) == Value::Bool(true) {
                return;
            }
            if begun.elapsed() > PATIENCE {
                let shown = self.value("document.body.innerText");
                panic!("not so in {PATIENCE:?}: {expression}\n{}", shown.as_str().unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The width of its window in pixels, and whether its person prefers `light` or `dark`.
    pub(crate) fn look(&mut self, width: u32, scheme: &str) {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", size);
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask("Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    /// Keeps a picture of the whole page in the folder that `TIDEGATE_SCREENSHOTS` names, if it names one.
    pub(crate) fn picture(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("TIDEGATE_SCREENSHOTS") else { return };
        let taken = self.ask("Page.captureScreenshot", json!({ "captureBeyondViewport": true }));
        let bytes = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            taken["data"].as_str().unwrap(),
        );
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), bytes.unwrap()).unwrap();
    }

    /// What its console has told since it was asked last: errors and warnings, of scripts and of the browser itself.
    pub(crate) fn troubles(&mut self) -> Vec<String> {
        // What was sent before the answer is heard before it.
        self.value("0");
        self.troubles.drain(..).collect()
    }

    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let bytes = [message.to_string().as_bytes(), b"\0"].concat();
        let written = self.says.as_mut().unwrap().write_all(&bytes);
        written.unwrap_or_else(|error| panic!("{method}: {error}\n{}", self.log()));
        loop {
            let message = self.hear(method);
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            self.troubles.extend(trouble(&message));
        }
    }

    fn hear(&self, method: &str) -> Value {
        match self.heard.recv_timeout(PATIENCE) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => panic!("{method}: no answer in {PATIENCE:?}\n{}", self.log()),
            Err(RecvTimeoutError::Disconnected) => panic!("{method}: it has ended\n{}", self.log()),
        }
    }

    /// What the browser says of itself.
    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// What a message tells of trouble on the page.
fn trouble(message: &Value) -> Option<String> {
    let told = &message["params"];
    let is_trouble = match message["method"].as_str()? {
        "Runtime.exceptionThrown" | "Inspector.targetCrashed" => true,
        "Runtime.consoleAPICalled" => matches!(told["type"].as_str(), Some("error" | "warning" | "assert")),
        "Log.entryAdded" => matches!(told["entry"]["level"].as_str(), Some("error" | "warning")),
        _ => false,
    };
    is_trouble.then(|| told.to_string())
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its processes end with the pipe; the folder can go once they have.
        self.says = None;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
