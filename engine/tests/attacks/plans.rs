//! Custom plans until there is room for no more.

use crate::{Scale, attack, figure, moment, rate};
use std::collections::HashSet;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;
use tidegate::{Builder, Cost, Limiter, Plan, PlanId, PlansFull};

fn custom(requests: u64) -> Plan {
    Plan::builder(format!("custom {requests}")).requests_per_minute(requests).build().unwrap()
}

attack!(more_plans_than_there_is_room_for);
/// Four threads add plans, some of them the same, while keys are decided under plans that are known.
fn more_plans_than_there_is_room_for(scale: Scale) {
    const THREADS: u64 = 4;
    let room = scale.of(1_000, Builder::MAX_PLANS as u64) as usize;
    let limiter = Limiter::builder().capacity(1_000).max_plans(room).build().unwrap();
    let (free, own) = (limiter.add_plan(&Plan::free()).unwrap(), limiter.add_plan(&custom(7)).unwrap());
    assert!(limiter.set_own_plan("customer", own, moment(0)));
    let admitted = |key: &str| {
        (0..30).filter(|_| limiter.check(key, free, Cost::REQUEST, moment(0)).is_admitted()).count()
    };
    let (added, refused) = (Mutex::new(HashSet::<PlanId>::new()), Mutex::new(0));
    let tried = room as u64 + room as u64 / 4;
    let start = Instant::now();
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for thread in 0..THREADS {
            let (limiter, added, refused) = (&limiter, &added, &refused);
            threads.push(scope.spawn(move || {
                // Each plan comes from two threads.
                for number in (thread / 2..tried).step_by(THREADS as usize / 2) {
                    match limiter.add_plan(&custom(100 + number)) {
                        Ok(plan) => _ = added.lock().unwrap().insert(plan),
                        Err(full) => {
                            assert_eq!(full, PlansFull { max_plans: room });
                            *refused.lock().unwrap() += 1;
                        }
                    }
                }
            }));
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!((admitted("meanwhile"), admitted("customer")), (24, 8));
    });
    rate("plans offered", 2 * tried, start);
    let (added, refused) = (added.into_inner().unwrap(), refused.into_inner().unwrap());
    figure("room for plans, added by the attacker", format!("{room}, {}", added.len()));
    figure("refused", refused);
    assert_eq!(added.len(), room - 4, "all but `free`, `pro`, `enterprise` and the customer's own");
    assert_eq!(refused, 2 * (tried - added.len() as u64));

    let full = limiter.add_plan(&custom(99)).unwrap_err().to_string();
    assert!(full.contains(&room.to_string()), "{full}");
    assert_eq!((limiter.add_plan(&Plan::free()), limiter.add_plan(&custom(7))), (Ok(free), Ok(own)));
    assert_eq!((admitted("afterwards"), admitted("customer")), (24, 0), "plans decide as before");
    assert_eq!(limiter.plan(own), Some(&custom(7)));
}
