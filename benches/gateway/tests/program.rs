//! The program as it is run, in small; and that what it calls "without the layer" is that.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_gateway");

fn run(args: &[&str]) -> String {
    let output = Command::new(PROGRAM).args(args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// What is measured in so short a time is noise; that all of it is measured is not.
#[test]
fn every_part_measures_and_says_so() {
    let small = ["--quick", "--rounds", "1", "--turn", "50", "--rate", "200", "--connections", "4"];
    let said = run(&[&small[..], &["--streams", "20"]].concat());
    for line in [
        "\n200 calls a second that pass, over 4 connections: medians of 1 rounds of 0.05 s each\n",
        "\n200 calls a second that are refused with 429, ",
        "\nThe most calls: ",
        "\nDecisions for Envoy: ",
        "\n20 streams at a time, ",
        ": with the layer to without it, p50 at 200/s: × ",
        ": with the layer to without it, p99 at 200/s: × ",
        "\ntwo that are the same, p99: × ",
    ] {
        assert!(said.contains(line), "{line:?} is not in\n{said}");
    }
    for other in ["nginx", "Envoy"] {
        let skipped = said.lines().find(|line| line.starts_with(&format!("skipped: {other}")));
        match skipped {
            Some(skipped) => println!("{skipped}"),
            None => assert!(said.lines().any(|line| line.trim_start().starts_with(other)), "{other}: {said}"),
        }
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    let status = Command::new(PROGRAM).args(["--rate", "0"]).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(2));
}

/// Killed when dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(args: &[&str], listen: SocketAddr) -> Process {
    let process = Process(Command::new(PROGRAM).args(args).stdin(Stdio::piped()).spawn().unwrap());
    let begin = Instant::now();
    while TcpStream::connect(listen).is_err() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{args:?} does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    process
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The statuses of two calls in turn, with a key or without.
fn statuses(address: SocketAddr, key: &str) -> [u16; 2] {
    [(); 2].map(|()| {
        let mut stream = TcpStream::connect(address).unwrap();
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{key}content-length: 2\r\n\r\n{{}}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response.split(' ').nth(1).unwrap().parse().unwrap()
    })
}

#[test]
fn a_gateway_without_its_layer_limits_nobody_and_one_with_it_does() {
    let upstream = free();
    let _upstream = start(&["upstream", &upstream.to_string(), "1000"], upstream);
    let folder = tempfile::tempdir().unwrap();
    // The SHA-256 of `abc`.
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let found = ["with", "without"].map(|layer| {
        let listen = free();
        let config = format!(
            "listen = \"{listen}\"\n[plans.one]\nrequests_per_minute = 1\nburst = 0.0\n\
             [[keys]]\nname = \"k\"\nsha256 = \"{digest}\"\nplan = \"one\"\n\
             [upstreams.o]\nurl = \"http://{upstream}\"\napi = \"openai\"\n"
        );
        let file = folder.path().join(layer);
        fs::write(&file, config).unwrap();
        let _gateway = start(&["gateway", &file.to_string_lossy(), layer], listen);
        [statuses(listen, "authorization: Bearer abc\r\n"), statuses(listen, "")]
    });
    assert_eq!(found, [[[200, 429], [401, 401]], [[200, 200], [200, 200]]]);
}
