//! Decisions for Envoy: its rate limit service, over gRPC.

use crate::child::{Child, free_address};
use crate::cli::Args;
use crate::contender::tidegate_config;
use crate::cores::{Cores, Side};
use crate::load::histogram;
use crate::role::this_program;
use crate::say;
use crate::statistics::Median;
use crate::tables::grouped;
use crate::tables::{micros, or_dash, row, table};
use hdrhistogram::Histogram;
use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tidegate_gateway::envoy::wire::{Code, Entry, RateLimitDescriptor, RateLimitRequest, RateLimitResponse};
use tokio::task::LocalSet;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic_prost::ProstCodec;

const METHOD: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

/// As many as one worker of Envoy may have under way on its one connection.
const IN_FLIGHT: u64 = 64;

/// Users that are counted.
const USERS: u64 = 64_000;

pub(super) fn measure(args: &Args, upstream: SocketAddr, cores: Cores) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (listen, service) = (free_address()?, free_address()?);
    let file = folder.path().join("gateway.toml");
    let section = format!(
        "[envoy]\nlisten = \"{service}\"\n[[envoy.rules]]\ndomain = \"edge\"\nmatch = [{{ key = \"user\" }}]\nplan = \"open\"\n"
    );
    fs::write(&file, format!("capacity = 1_000_000\n{}{section}", tidegate_config(listen, upstream)))?;
    let mut command = this_program()?;
    command.arg("gateway").arg(file).arg("with");
    let mut child = Child::start(&mut command, cores, Side::Gateway)?;
    child.until_listens(service)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut table =
        table(&["descriptors a request", "requests a second", "p50", "p99", "its processor, a request"]);
    for descriptors in [1, 4] {
        let mut turns = Vec::new();
        for _ in 0..args.rounds() {
            let before = child.processor_time();
            let turn = LocalSet::new().block_on(&runtime, ask(service, descriptors, args.turn()))?;
            let spent =
                child.processor_time().zip(before).map(|(after, before)| after.saturating_sub(before));
            turns.push((turn, spent));
        }
        let median = |of: &dyn Fn(&Asked) -> f64| {
            Median::of(turns.iter().map(|(turn, _)| of(turn))).map_or(f64::NAN, |median| median.middle)
        };
        let processor: Option<Vec<f64>> = turns
            .iter()
            .map(|(turn, spent)| spent.map(|spent| spent.as_nanos() as f64 / turn.waits.len() as f64))
            .collect();
        let processor = processor.and_then(Median::of).map(|median| median.middle);
        table.add_row(row(
            descriptors.to_string(),
            [
                grouped(median(&|turn| turn.waits.len() as f64 / turn.elapsed.as_secs_f64()).round() as u64),
                micros(median(&|turn| turn.waits.value_at_quantile(0.5) as f64)),
                micros(median(&|turn| turn.waits.value_at_quantile(0.99) as f64)),
                or_dash(processor, micros),
            ],
        ));
    }
    say!(
        "\nDecisions for Envoy: {IN_FLIGHT} requests in flight on one connection of gRPC, {} users\n{table}",
        grouped(USERS)
    );
    say!(
        "a second over the service's processor time is what one core of it can decide: where the rate is well below that, it is the \
         client, on the other core, that is at its end"
    );
    Ok(())
}

/// What came of asking.
struct Asked {
    /// Nanoseconds from a request to its response.
    waits: Histogram<u64>,
    elapsed: Duration,
}

/// Asks for a time, each task the next when it has its answer.
async fn ask(service: SocketAddr, descriptors: u64, time: Duration) -> anyhow::Result<Asked> {
    let channel = Channel::from_shared(format!("http://{service}"))?.connect().await?;
    let begin = Instant::now();
    let tasks: Vec<_> = (0..IN_FLIGHT)
        .map(|task| tokio::task::spawn_local(ask_in_turn(channel.clone(), task, descriptors, begin + time)))
        .collect();
    let mut waits = histogram();
    for task in tasks {
        waits.add(task.await??)?;
    }
    Ok(Asked { waits, elapsed: begin.elapsed() })
}

async fn ask_in_turn(
    channel: Channel,
    task: u64,
    descriptors: u64,
    end: Instant,
) -> anyhow::Result<Histogram<u64>> {
    let mut waits = histogram();
    let mut number = task;
    while Instant::now() < end {
        let mut grpc = Grpc::new(channel.clone());
        grpc.ready().await?;
        let codec = ProstCodec::<RateLimitRequest, RateLimitResponse>::default();
        let request = tonic::Request::new(request(number, descriptors));
        number = (number + IN_FLIGHT) % USERS;
        let begin = Instant::now();
        let response = grpc.unary(request, http::uri::PathAndQuery::from_static(METHOD), codec).await?;
        waits.saturating_record(u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX));
        let code = response.get_ref().overall_code;
        anyhow::ensure!(code == i32::from(Code::Ok), "the service answers {code}");
    }
    Ok(waits)
}

/// A request with so many descriptors, of users of its own.
fn request(number: u64, descriptors: u64) -> RateLimitRequest {
    let descriptor = |place| {
        let entry = Entry { key: "user".into(), value: format!("user-{number}-{place}").into() };
        RateLimitDescriptor { entries: vec![entry], ..RateLimitDescriptor::default() }
    };
    RateLimitRequest {
        domain: "edge".into(),
        descriptors: (0..descriptors).map(descriptor).collect(),
        hits_addend: 0,
    }
}
