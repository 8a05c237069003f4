//! `tidegate-gateway demo`, and calls of its keys.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// A demonstration that runs until it is dropped.
pub(crate) struct Demo {
    child: Child,
    address: String,
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Demo {
    /// On a port that is free.
    pub(crate) fn new() -> Self {
        Self::on("127.0.0.1:0").expect("the demonstration begins")
    }

    /// On an address; nothing if it ends instead.
    pub(crate) fn on(address: &str) -> Option<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate-gateway"));
        command.args(["demo", "--listen", address]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let first = lines.next();
        // All of it, so that it never writes to a closed pipe.
        lines.take_while(|line| !line.starts_with("Ctrl-C")).for_each(drop);
        match first {
            Some(first) => {
                let address = first.rsplit_once("http://").unwrap().1.trim_end_matches('/').to_owned();
                Some(Self { child, address })
            }
            None => {
                child.wait().unwrap();
                None
            }
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Its page.
    pub(crate) fn page(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// A call; its status.
    pub(crate) fn call(&self, key: &str) -> u16 {
        let body = r#"{"max_tokens":24,"messages":[]}"#;
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let text = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(text.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response.split(' ').nth(1).and_then(|status| status.parse().ok()).expect(&response)
    }
}
