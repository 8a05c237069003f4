//! One connection, and the call that is under way on it.

use super::answer::Answer;
use anyhow::{Context, ensure};
use mio::net::TcpStream;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

/// More than any response here has.
const PART: usize = 16 << 10;

/// A connection that is kept alive.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    answer: Answer,
    /// When the call under way was due.
    pub(super) due: Option<Instant>,
}

impl Connection {
    pub(crate) fn new(address: SocketAddr) -> anyhow::Result<Self> {
        // Connecting is not measured: it may wait.
        let stream = std::net::TcpStream::connect(address).with_context(|| format!("no way to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream: TcpStream::from_std(stream), answer: Answer::default(), due: None })
    }

    /// Sends a request, which is shorter than what the system buffers.
    pub(crate) fn send(&mut self, request: &[u8]) -> anyhow::Result<()> {
        let sent = self.stream.write(request).context("a request could not be sent")?;
        ensure!(sent == request.len(), "a request of {} bytes was not taken at once", request.len());
        Ok(())
    }

    /// Reads what has come; gives the status when the response has come to its end.
    pub(crate) fn receive(&mut self) -> anyhow::Result<Option<u16>> {
        let mut part = [0; PART];
        loop {
            match self.stream.read(&mut part) {
                Ok(0) => anyhow::bail!("a connection was closed"),
                Ok(bytes) => {
                    let ended = self.answer.take(&part[..bytes])?;
                    // Less than was asked for is all there is; more wakes the loop again.
                    if ended.is_some() || bytes < PART {
                        return Ok(ended);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What has come of a response that has not ended.
    pub(crate) fn so_far(&self) -> &[u8] {
        self.answer.so_far()
    }
}
