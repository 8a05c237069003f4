//! Clients' connections: as many as there is room for, each for itself, and to the end of their last response when the gateway ends.

use super::config::Bounds;
use super::ending::Ending;
use super::front::FrontBody;
use super::gateway::{Gateway, time};
use super::patient::Patient;
use super::server::Pages;
use super::waiting::Intake;
use http::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::{debug, warn};

/// After an error of the system's, which is often that it has no more descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// Connections that wait to be accepted; the system may allow fewer.
const QUEUE: u32 = 4_096;

/// Listens on an address.
pub(crate) fn listener(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // So that a gateway can be started again while connections of the one before die away.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(QUEUE)
}

/// Serves until the end begins, then lets what is under way end. Gives how many connections had to be cut off.
pub(crate) async fn serve(
    listener: TcpListener,
    gateway: Arc<Gateway>,
    pages: Option<Arc<dyn Pages>>,
    mut ending: Ending,
) -> usize {
    let room = Arc::new(Semaphore::new(gateway.bounds().connections));
    let mut connections = JoinSet::new();
    loop {
        // Who finds no room waits in the system's queue, before anything is read of him.
        let accepted = tokio::select! {
            biased;
            () = ending.begun() => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &room) => accepted,
        };
        let Some((stream, peer, permit)) = accepted else { continue };
        let (gateway, pages, ending) = (gateway.clone(), pages.clone(), ending.clone());
        connections.spawn(async move {
            converse(stream, peer, gateway, pages, ending).await;
            drop(permit);
        });
    }
    drop(listener);
    let patience = time(gateway.bounds().shutdown_time);
    let _ = tokio::time::timeout(patience, async { while connections.join_next().await.is_some() {} }).await;
    let cut_off = connections.len();
    connections.shutdown().await;
    cut_off
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> Option<Accepted> {
    // The semaphore is never closed.
    let permit = room.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, permit)),
        Err(error) => {
            warn!("a connection was not accepted: {error}");
            tokio::time::sleep(BREATH).await;
            None
        }
    }
}

/// One connection, from its begin to its end.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    gateway: Arc<Gateway>,
    pages: Option<Arc<dyn Pages>>,
    mut ending: Ending,
) {
    let _ = stream.set_nodelay(true);
    let bounds = gateway.bounds();
    let intake = Intake::default();
    let io = TokioIo::new(Patient::new(stream, time(bounds.idle_time), intake.clone()));
    let service = service_fn(|request| {
        let page = pages.as_ref().and_then(|pages| pages.page(&gateway, request.method(), request.uri()));
        let (gateway, intake) = (&gateway, &intake);
        async move {
            Ok::<Response<FrontBody>, Infallible>(match page {
                Some(page) => page.map(super::front::own),
                None => gateway.answer(request, peer, intake).await,
            })
        }
    });
    let mut connection = pin!(http(&bounds).serve_connection(io, service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = ending.begun() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%peer, "{:#}", anyhow::Error::from(error));
    }
}

fn http(bounds: &Bounds) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(time(bounds.header_time))
        .max_buf_size(bounds.header_bytes)
        // Whoever has closed its half is gone: its call is dropped, and its upstream's with it.
        .half_close(false);
    http
}
