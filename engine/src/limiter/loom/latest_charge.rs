//! Two threads that charge on the word that those beyond the first ones share: the later time stays.

use crate::limiter::latest_charge::{LatestCharge, OWNED};
use crate::nanos::Nanos;
use crate::sync::model::{Arc, check, thread};

#[test]
fn of_two_threads_on_one_word_the_later_time_stays() {
    for [left, right] in [[5, 8], [8, 5]] {
        check(move || {
            let latest = Arc::new(LatestCharge::new());
            let theirs = latest.clone();
            let thread = thread::spawn(move || theirs.note_by(OWNED, Nanos::new(left)));
            latest.note_by(OWNED + 1, Nanos::new(right));
            thread.join().unwrap();
            assert_eq!(latest.get(), Nanos::new(8));
        });
    }
}
