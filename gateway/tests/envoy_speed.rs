//! What a request of Envoy's costs: inside the service, and over gRPC on loopback. Not a test of anything: run it with
//!
//!     cargo test --release -p tidegate-gateway --test envoy_speed -- --ignored --nocapture --test-threads 1
#![cfg(feature = "serve")]

use arc_swap::ArcSwap;
use prost::Message;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidegate::SystemClock;
use tidegate_gateway::HeaderSet;
use tidegate_gateway::envoy::wire::{Code, Entry, RateLimitDescriptor, RateLimitRequest, RateLimitResponse};
use tidegate_gateway::envoy::{self, RateLimitService, Rules};
use tidegate_gateway::serve::config::Config;
use tidegate_gateway::serve::live::State;
use tidegate_gateway::serve::metrics::Metrics;
use tokio::net::TcpListener;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic_prost::ProstCodec;

const METHOD: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

fn service() -> RateLimitService {
    let config = "listen = \"127.0.0.1:1\"\ncapacity = 1000000\n\
        [plans.big]\nrequests_per_minute = 10000000\ntokens_per_minute = 1000000000\n\
        [upstreams.o]\nurl = \"http://h\"\napi = \"openai\"\n";
    let config = Config::parse("t.toml", config).unwrap();
    let state = Arc::new(State::new(&config).unwrap());
    let rule = "[[rules]]\ndomain = \"edge\"\nmatch = [{ key = \"user\" }]\nplan = \"big\"\n";
    let section = toml::from_str(&format!("listen = \"127.0.0.1:1\"\n{rule}")).unwrap();
    let rules = Rules::new(&section, &config.plans, HeaderSet::default(), &state.limiter).unwrap();
    let clock = Arc::new(SystemClock::new());
    let metrics = Arc::new(Metrics::new(state.clone(), Arc::new(|| None), clock.clone()));
    RateLimitService::new(state, Arc::new(ArcSwap::from_pointee(rules)), clock, metrics)
}

/// A request with so many descriptors, of users of its own.
fn request(number: u64, descriptors: usize) -> RateLimitRequest {
    let descriptor = |place| {
        let entry = Entry { key: "user".into(), value: format!("user-{number}-{place}").into() };
        RateLimitDescriptor { entries: vec![entry], ..RateLimitDescriptor::default() }
    };
    let descriptors = (0..descriptors).map(descriptor).collect();
    RateLimitRequest { domain: "edge".into(), descriptors, hits_addend: 0 }
}

#[test]
#[ignore = "measures"]
fn inside_the_service() {
    let service = service();
    for descriptors in [1, 2, 4] {
        let requests: Vec<_> =
            (0..100_000).map(|number| request(number, descriptors).encode_to_vec()).collect();
        let mut nanos = Vec::new();
        // The first round makes the keys known.
        for _ in 0..5 {
            let begin = Instant::now();
            for request in &requests {
                let request = RateLimitRequest::decode(&request[..]).unwrap();
                let response = service.should_rate_limit(&request).unwrap();
                assert!(!std::hint::black_box(response.encode_to_vec()).is_empty());
            }
            nanos.push(begin.elapsed().as_nanos() / requests.len() as u128);
        }
        println!("{descriptors} descriptors: {nanos:?} ns a request to read, decide and write");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
async fn over_grpc() {
    const IN_FLIGHT: u64 = 64;
    const SECONDS: u64 = 5;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(envoy::serve(listener, service(), std::future::pending()));
    let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let end = Instant::now() + Duration::from_secs(SECONDS);
    let ask = |task: u64| {
        let channel = channel.clone();
        async move {
            let mut waits = Vec::new();
            while Instant::now() < end {
                let mut grpc = Grpc::new(channel.clone());
                grpc.ready().await.unwrap();
                let codec = ProstCodec::<RateLimitRequest, RateLimitResponse>::default();
                let request = tonic::Request::new(request(task * 1_000 + waits.len() as u64 % 1_000, 1));
                let begin = Instant::now();
                let response = grpc.unary(request, METHOD.parse().unwrap(), codec).await.unwrap();
                waits.push(begin.elapsed());
                assert_eq!(response.get_ref().overall_code, i32::from(Code::Ok));
            }
            waits
        }
    };
    let tasks: Vec<_> = (0..IN_FLIGHT).map(|task| tokio::spawn(ask(task))).collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.unwrap());
    }
    waits.sort_unstable();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
    println!(
        "{} requests a second, {IN_FLIGHT} in flight on one connection, client included; p50 {:?}, p99 {:?}",
        waits.len() as u64 / SECONDS,
        at(0.5),
        at(0.99)
    );
}
