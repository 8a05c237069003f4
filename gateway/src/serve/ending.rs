//! That the gateway is to end: said once, heard by every task.

use tokio::sync::watch;

/// Says that it is to end; so does dropping it.
#[derive(Debug)]
pub struct End(watch::Sender<bool>);

/// Hears that it is to end.
#[derive(Clone, Debug)]
pub struct Ending(watch::Receiver<bool>);

impl End {
    /// One who says it, and one who hears it.
    pub fn pair() -> (Self, Ending) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Ending(receiver))
    }

    /// Says it.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }
}

impl Ending {
    /// Waits until it is said.
    pub async fn begun(&mut self) {
        // An error: whoever was to say it is gone, and it is as if it had been said.
        let _ = self.0.wait_for(|begun| *begun).await;
    }
}
