//! Erlang's loss formula, and windows as servers.
//!
//! A rolling window that admits N calls within W is a loss system: an admission holds one of N places for W.
//! Erlang's formula holds for any law of the time held (it is insensitive), so for a constant one too.

/// Erlang B: the share lost of Poisson arrivals that find all servers busy, for any law of service. `load` is
/// arrival rate times mean service time. `None` if it is negative or not finite.
///
/// By the recursion B(0) = 1, 1/B(n) = 1 + n/(a·B(n − 1)), which subtracts nothing and so loses no digits
/// (Jagerman, *Bell System Technical Journal* 53, 1974). O(`servers`).
///
/// ```
/// use tidegate_sim::statistics::queues::erlang_b;
///
/// assert!((erlang_b(10, 10.0).unwrap() - 0.2146).abs() < 5e-5);
/// ```
#[must_use]
pub fn erlang_b(servers: u32, load: f64) -> Option<f64> {
    if !(load >= 0.0 && load.is_finite()) {
        return None;
    }
    // Without load 0/0 would follow from servers beyond the first.
    let loss =
        |loss: f64, server| if loss > 0.0 { (1.0 + f64::from(server) / (load * loss)).recip() } else { 0.0 };
    Some((1..=servers).fold(1.0, loss))
}

/// The loss of a window of N places that forgets by segments, n of them a window: a place is held for W to W +
/// W/n, so for W(1 + 1/2n) in the mean, and Erlang's formula is taken at that load. An approximation: calls
/// admitted in one segment give their places back together. `load` is arrivals in one window. `None` if it is
/// negative or not finite, or without a segment. O(`places`).
///
/// ```
/// use tidegate_sim::statistics::queues::{erlang_b, segmented_window_loss};
///
/// assert_eq!(segmented_window_loss(100, 100.0, 10), erlang_b(100, 105.0));
/// ```
#[must_use]
pub fn segmented_window_loss(places: u32, load: f64, segments: u32) -> Option<f64> {
    if segments == 0 {
        return None;
    }
    erlang_b(places, load * (1.0 + 0.5 / f64::from(segments)))
}

#[cfg(test)]
mod tests {
    use super::super::assert_printed;
    use super::*;
    use quickcheck::quickcheck;

    #[test]
    fn losses_are_the_known_ones() {
        let known =
            [(10, 10.0, "0.2146"), (100, 100.0, "0.07570"), (5, 3.0, "0.1101"), (100, 120.0, "0.1963")];
        for (servers, load, printed) in known {
            assert_printed(erlang_b(servers, load).unwrap(), printed);
        }
    }

    #[test]
    fn extremes_have_their_limits() {
        assert_eq!((erlang_b(0, 5.0), erlang_b(0, 0.0), erlang_b(3, 0.0)), (Some(1.0), Some(1.0), Some(0.0)));
        assert_eq!(erlang_b(1_000, 1e-300), Some(0.0));
        assert_eq!(erlang_b(3, f64::MAX), Some(1.0));
        for unfit in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!((erlang_b(3, unfit), segmented_window_loss(3, unfit, 1)), (None, None));
        }
        assert_eq!((segmented_window_loss(3, 1.0, 0), segmented_window_loss(3, f64::MAX, 1)), (None, None));
        // Heavy traffic: what exceeds the servers is lost.
        assert!((erlang_b(1_000_000, 2e6).unwrap() - 0.5).abs() < 1e-5);
    }

    quickcheck! {
        fn more_segments_lose_less_and_more_servers_too(servers: u8, load: u8, segments: u8) -> bool {
            let (servers, load, segments) = (u32::from(servers), f64::from(load), u32::from(segments) + 1);
            let loss = |segments| segmented_window_loss(servers, load, segments).unwrap();
            erlang_b(servers, load).unwrap() <= loss(segments + 1)
                && loss(segments + 1) <= loss(segments)
                && erlang_b(servers + 1, load) <= erlang_b(servers, load)
        }
    }
}
