//! The layer in tonic: three calls a minute for each key. The server, and a client that calls five times.
//!
//! ```console
//! $ cargo run -p tidegate-gateway --example tonic
//! 1: The tide comes in.
//! 2: The tide comes in.
//! 3: The tide comes in.
//! 4: ResourceExhausted: Rate limit reached (requests_per_minute). Please try again in 66.9s.
//! 5: ResourceExhausted: Rate limit reached (requests_per_minute). Please try again in 66.9s.
//! ```
//!
//! The service is written by hand, so that no compiler of protocol buffers is needed; one that is generated is used in the same way.

use bytes::{Buf, BufMut};
use http::uri::PathAndQuery;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tidegate::{Burst, Limit, Limiter, Plan, Unit};
use tidegate_gateway::identity::{BearerToken, OnePlan};
use tidegate_gateway::{RateLimitLayer, Shape};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::{Channel, Server, server::TcpIncoming};
use tonic::{Request, Response, Status};
use tower::Service;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let limiter = Arc::new(Limiter::builder().capacity(100_000).build()?);
    let limit = Limit::per_minute(Unit::Requests, 3).with_burst(Burst::NONE);
    let plan = limiter.add_plan(&Plan::builder("three").limit(limit).build()?)?;
    // A refusal is told as gRPC tells it, with a status of its own.
    let layer = RateLimitLayer::builder(limiter, BearerToken, OnePlan(plan)).answers(Shape::Grpc).build();

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = Server::builder().layer(layer).add_service(Tide);
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));

    let channel = Channel::from_shared(format!("http://{address}"))?.connect().await?;
    for call in 1..=5 {
        match ask(channel.clone()).await {
            Ok(answer) => println!("{call}: {}", String::from_utf8_lossy(&answer)),
            Err(status) => println!("{call}: {:?}: {}", status.code(), status.message()),
        }
    }
    Ok(())
}

async fn ask(channel: Channel) -> Result<Vec<u8>, Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let mut request = Request::new(Vec::new());
    request
        .metadata_mut()
        .insert("authorization", "Bearer any".parse().map_err(|_| Status::internal("key"))?);
    let path = PathAndQuery::from_static("/tide.Tide/Say");
    Ok(client.unary(request, path, Plain).await?.into_inner())
}

/// The service.
#[derive(Clone)]
struct Tide;

impl NamedService for Tide {
    const NAME: &'static str = "tide.Tide";
}

impl Service<http::Request<Body>> for Tide {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move { Ok(Grpc::new(Plain).unary(Say, request).await) })
    }
}

/// Its one method.
struct Say;

impl UnaryService<Vec<u8>> for Say {
    type Response = Vec<u8>;
    type Future = Ready<Result<Response<Vec<u8>>, Status>>;

    fn call(&mut self, _request: Request<Vec<u8>>) -> Self::Future {
        ready(Ok(Response::new(b"The tide comes in.".to_vec())))
    }
}

/// Messages as they are.
#[derive(Clone, Copy, Default)]
struct Plain;

impl Codec for Plain {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}
