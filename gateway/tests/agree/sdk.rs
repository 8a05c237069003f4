//! The client that is an SDK: OpenAI's for Python, many keys in one process.

// It also finds those for Node.
#[path = "../sdks/install.rs"]
#[expect(dead_code, reason = "another test has more of it")]
mod install;

use crate::clients::Counts;
use crate::http;
use crate::scenario::{Arrivals, Population, Think};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// To begin, and to end: it takes a second or two.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where it is.
pub(crate) struct Sdk {
    python: PathBuf,
}

/// Clients that run.
pub(crate) struct Started {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Sdk {
    /// What the simulator calls its policy.
    pub(crate) const POLICY: &str = "openai-python";

    /// The key of a call before the scenario begins.
    pub(crate) const WARM_UP: &str = "warm-up";

    /// Finds it, or installs it where the test of the SDKs does.
    pub(crate) async fn find() -> Result<Self, String> {
        install::python().await?;
        let own = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdks-python");
        Ok(Self { python: own.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" }) })
    }

    /// Starts clients, which wait for the word to begin.
    pub(crate) async fn start(
        &self,
        gateway: SocketAddr,
        population: &Population,
        time: Duration,
    ) -> Started {
        let Arrivals::Closed { think: Think::Exponential(think) } = population.arrivals else {
            panic!("the script knows closed loops alone")
        };
        let keys = (0..population.clients).map(|client| population.key(client));
        let keys = std::iter::once(Self::WARM_UP.to_owned()).chain(keys).map(|key| http::secret(&key));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agree/openai_clients.py");
        let mut command = Command::new(&self.python);
        command.arg(script).args([format!("http://{gateway}/v1"), think.as_secs_f64().to_string()]);
        command.arg(time.as_secs_f64().to_string()).args(keys).kill_on_drop(true);
        // Loopback is reached without a proxy, whatever is set here.
        for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut started = Started { child, input, output };
        eprintln!("calls with {}", started.line().await);
        started
    }
}

impl Started {
    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(PATIENCE, self.output.next_line()).await;
        line.expect("the SDK's clients say nothing").unwrap().expect("the SDK's clients ended")
    }

    pub(crate) async fn begin(&mut self) {
        self.input.write_all(b"begin\n").await.unwrap();
        self.input.flush().await.unwrap();
    }

    /// What they counted until their end.
    pub(crate) async fn end(mut self) -> Counts {
        let counts = serde_json::from_str(&self.line().await).unwrap();
        assert!(self.child.wait().await.unwrap().success());
        counts
    }
}
