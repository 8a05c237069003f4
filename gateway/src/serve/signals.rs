//! Signals of the system's, heard from the moment on at which somebody begins to listen, and not from when he waits.
//!
//! What nobody listens for ends the program at once, so that listening begins before anything that takes a while.

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Hears SIGINT and SIGTERM from now on, within a runtime; ends with the first of them.
pub(crate) fn asked_to_end() -> impl Future<Output = ()> {
    #[cfg(unix)]
    {
        let mut interrupt = Heard::new(SignalKind::interrupt());
        let mut terminate = Heard::new(SignalKind::terminate());
        async move {
            tokio::select! {
                () = interrupt.next() => {}
                () = terminate.next() => {}
            }
        }
    }
    #[cfg(not(unix))]
    async {
        // An error: nobody can ask.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

/// SIGHUP, where there is one.
pub(crate) fn hangup() -> Heard {
    #[cfg(unix)]
    return Heard::new(SignalKind::hangup());
    #[cfg(not(unix))]
    Heard {}
}

/// A signal that is listened for.
#[derive(Debug)]
pub(crate) struct Heard {
    /// `None` if the system does not let it be heard.
    #[cfg(unix)]
    signal: Option<Signal>,
}

impl Heard {
    #[cfg(unix)]
    fn new(kind: SignalKind) -> Self {
        Self { signal: signal(kind).ok() }
    }

    /// Waits for the next, or for ever if none can come.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}
