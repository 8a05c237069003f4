//! Wakes the loop when a call is due. What epoll and its like wait in is milliseconds, which is longer than a call takes.

use mio::{Registry, Token};
use std::io;
use std::time::Duration;

#[cfg(target_os = "linux")]
mod imp {
    use super::{Duration, Registry, Token, io};
    use mio::Interest;
    use mio::unix::SourceFd;
    use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
    use std::os::fd::{AsRawFd, OwnedFd};

    /// A timer that the system rings at equal distances.
    #[derive(Debug)]
    pub(crate) struct Alarm(OwnedFd);

    impl Alarm {
        pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?;
            registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
            Ok(Self(timer))
        }

        /// Rings after `first`, and then at every `interval`, if each ring is heard.
        pub(crate) fn set(&self, first: Duration, interval: Duration) -> io::Result<()> {
            let spec = Itimerspec { it_interval: timespec(interval), it_value: timespec(first) };
            rustix::time::timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &spec)?;
            Ok(())
        }

        /// Hears a ring: until it is read, the system does not let the timer go on.
        pub(crate) fn hear(&self) {
            // Nothing to read: it was stopped.
            let _ = rustix::io::read(&self.0, &mut [0; 8]);
        }

        pub(crate) fn stop(&self) -> io::Result<()> {
            self.set(Duration::ZERO, Duration::ZERO)
        }

        /// How long the loop may sleep at most.
        pub(crate) fn timeout(&self) -> Option<Duration> {
            Some(Duration::from_secs(1))
        }
    }

    fn timespec(time: Duration) -> Timespec {
        Timespec { tv_sec: time.as_secs() as i64, tv_nsec: i64::from(time.subsec_nanos()) }
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use super::{Duration, Registry, Token, io};

    /// No timer: the loop looks again and again.
    #[derive(Debug)]
    pub(crate) struct Alarm;

    impl Alarm {
        pub(crate) fn new(_registry: &Registry, _token: Token) -> io::Result<Self> {
            Ok(Self)
        }

        pub(crate) fn set(&self, _first: Duration, _interval: Duration) -> io::Result<()> {
            Ok(())
        }

        pub(crate) fn hear(&self) {}

        pub(crate) fn stop(&self) -> io::Result<()> {
            Ok(())
        }

        pub(crate) fn timeout(&self) -> Option<Duration> {
            Some(Duration::ZERO)
        }
    }
}

pub(super) use imp::Alarm;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use mio::{Events, Poll};

    #[test]
    fn it_rings_again_and_again() {
        const LONG: Duration = Duration::from_secs(60);
        let (mut poll, mut events) = (Poll::new().unwrap(), Events::with_capacity(8));
        let alarm = Alarm::new(poll.registry(), Token(7)).unwrap();
        alarm.set(Duration::from_millis(1), Duration::from_millis(1)).unwrap();
        for _ in 0..20 {
            poll.poll(&mut events, Some(LONG)).unwrap();
            assert!(events.iter().any(|event| event.token() == Token(7)), "no ring in {LONG:?}");
            alarm.hear();
        }
    }
}
