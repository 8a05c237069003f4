//! The gateway's side of a world: what decides on attempts, and what stands behind it.
//!
//! It knows nothing of what clients do next, and is told of attempts alone. What it does is told to the [outside](Outside).

use super::answer::{Answer, Outside, Service};
use super::backend::{Backend, Job, Load, Place, Work};
use super::calls::{Call, Calls, Sent, Served, Streaming, TooManyCalls};
use super::draws::Purpose;
use super::events::{Class, Event};
use super::scenario::{Happening, Scenario};
use super::who::Who;
use super::world::{Part, engine_capacity};
use anyhow::Context;
use std::iter;
use tidegate::config::GuardConfig;
use tidegate::guard::{Answer as GuardAnswer, Guard};
use tidegate::{Cost, Decision, Limiter, Nanos, Plan, PlanId, Reservation, Timestamp};

/// Gateways, the backend that they share, and the calls that are with them.
pub(super) struct Provider<'a> {
    scenario: &'a Scenario,
    gateways: Vec<Gateway>,
    backend: Option<Backend>,
    tenants: Vec<Tenant<'a>>,
    calls: Calls,
    /// Calls that the backend has served with success.
    successes: u64,
    /// The length of a fine interval of the counts over time, and the end of the one that is now.
    fine: Nanos,
    until: Nanos,
    /// How the backend was occupied in each interval that is over, and in all up to then.
    loads: Vec<Load>,
    load: Load,
}

/// What decides on calls.
#[derive(Debug)]
struct Gateway {
    limiter: Limiter,
    guard: Option<Guard>,
}

/// A crowd as the gateways know it.
struct Tenant<'a> {
    who: Who<'a>,
    /// The plan that its keys have now.
    plan: PlanId,
}

impl<'a> Provider<'a> {
    /// For these crowds, which live in these parts. An error if the engine would be too large.
    pub(super) fn new(
        scenario: &'a Scenario,
        parts: &[Part],
        crowds: impl Iterator<Item = Who<'a>>,
        fine: Nanos,
    ) -> anyhow::Result<Self> {
        let gateway = || Gateway::new(scenario, parts);
        let gateways =
            iter::repeat_with(gateway).take(scenario.gateways.count()).collect::<anyhow::Result<Vec<_>>>()?;
        let tenant = |who: Who<'a>| Tenant { who, plan: add_plan(&gateways, &who.population.plan, scenario) };
        let tenants = crowds.map(tenant).collect();
        Ok(Self {
            scenario,
            gateways,
            backend: scenario.backend.as_ref().map(Backend::new),
            tenants,
            calls: Calls::default(),
            successes: 0,
            fine,
            until: fine,
            loads: Vec::new(),
            load: Load::default(),
        })
    }

    /// Reads what an event will need, and gives what of it comes to hand.
    #[inline]
    pub(super) fn touch(&self, event: Event) -> u64 {
        self.calls.touch(event.class, event.target)
    }

    /// Whose call an event is about: its crowd, and which of its clients.
    #[inline]
    pub(super) fn whose(&self, event: Event) -> Option<(u16, u32)> {
        self.calls.whose(event.class, event.target)
    }

    /// Asks for the engine's record of a client's key.
    #[inline]
    pub(super) fn prefetch(&self, (crowd, client): (u16, u32)) {
        // Of several gateways, an attempt may go to any.
        if let [gateway] = &self.gateways[..] {
            gateway.limiter.prefetch(&self.tenants[usize::from(crowd)].who.key(client));
        }
    }

    /// The run is over: how the backend was occupied, in all and in each interval.
    pub(super) fn finish(&mut self) -> (Load, Vec<Load>) {
        let end = self.scenario.duration;
        self.pass_to(end);
        let load = self.backend.as_mut().map(|backend| backend.load(end));
        (load.unwrap_or_default(), std::mem::take(&mut self.loads))
    }

    /// Calls that were decided on records which other keys share.
    pub(super) fn overflowed(&self) -> u64 {
        self.gateways.iter().map(|gateway| gateway.limiter.overflowed()).sum()
    }

    /// One of its own events happens.
    pub(super) fn handle(&mut self, event: Event, outside: &mut impl Outside) -> Result<(), TooManyCalls> {
        let Event { time: now, class, target } = event;
        self.pass_to(now);
        match class {
            Class::Script => return self.happen(target, now, outside),
            Class::Settle => {
                if let Some(call) = self.calls.take_streaming(target) {
                    let wall = self.wall(now);
                    self.limiter(call.gateway).settle(call.reservation, u64::from(call.tokens), wall);
                    return outside.hear(Answer::Ended(call.crowd, call.client), now);
                }
            }
            Class::Served => {
                if let Some(served) = self.calls.served(target) {
                    return self.served(served, now, outside);
                }
            }
            Class::Refused => {
                let next = self.backend.as_mut().and_then(|backend| backend.refused(now));
                self.work(next, now, outside);
            }
            Class::Timeout => {
                if let Some(call) = self.calls.timed_out(target) {
                    return outside.hear(Answer::TimedOut(call), now);
                }
            }
            Class::Arrival | Class::Turn | Class::Retry => debug_assert!(false, "a client's doing"),
        }
        Ok(())
    }

    /// Asks the guard and the engine about an attempt, and goes on as they say.
    #[inline]
    pub(super) fn decide(
        &mut self,
        call: Call,
        now: Nanos,
        outside: &mut impl Outside,
    ) -> Result<(), TooManyCalls> {
        self.pass_to(now);
        let Tenant { who, plan } = &self.tenants[usize::from(call.crowd)];
        let at = self.wall(now);
        let number = who.gateway(&call, &self.scenario.gateways);
        let Gateway { limiter, guard } = &self.gateways[usize::from(number)];
        if let Some(GuardAnswer::Blocked(block)) =
            guard.as_ref().map(|guard| guard.check(who.address(call.client), at))
        {
            return outside.hear(Answer::Blocked(call, block.status, block.remaining), now);
        }
        let cost = Cost::tokens(u64::from(call.charge.reserved));
        let key = who.key(call.client);
        match limiter.check(&key, *plan, cost, at) {
            Decision::Admitted(admission) => {
                self.admitted(call, (admission.reservation, number), now, outside)
            }
            Decision::Denied(denial) => {
                if let Some(guard) = guard {
                    let _ = guard.denied(who.address(call.client), &key, denial.retry_after, at);
                }
                self.pay_for_refusal(now, outside);
                outside.hear(Answer::Denied(call, denial.limit, denial.retry_after), now)
            }
            Decision::Never(limit) => {
                self.pay_for_refusal(now, outside);
                outside.hear(Answer::Never(call, limit), now)
            }
        }
    }

    fn admitted(
        &mut self,
        call: Call,
        (reservation, gateway): (Reservation, u8),
        now: Nanos,
        outside: &mut impl Outside,
    ) -> Result<(), TooManyCalls> {
        outside.hear(Answer::Admitted(call), now)?;
        if self.backend.is_some() {
            return self.send(call, (reservation, gateway), now, outside);
        }
        let who = &self.tenants[usize::from(call.crowd)].who;
        // Nothing waits for the end of a response that was charged exactly, unless its client does.
        let is_exact = who.population.reserve.is_none() && call.charge.reserved == call.charge.used;
        if is_exact && !who.population.is_closed() {
            return Ok(());
        }
        let end = now + who.response_time(&call);
        if end < self.scenario.duration {
            let Call { crowd, client, charge, .. } = call;
            let streaming = Streaming { crowd, client, tokens: charge.used, gateway, reservation };
            let number = self.calls.stream(streaming)?;
            self.plan(end, Class::Settle, number, outside);
        }
        Ok(())
    }

    /// Hands an admitted call to the backend.
    fn send(
        &mut self,
        call: Call,
        (reservation, gateway): (Reservation, u8),
        now: Nanos,
        outside: &mut impl Outside,
    ) -> Result<(), TooManyCalls> {
        let (Some(backend), Some(rules)) = (&mut self.backend, &self.scenario.backend) else { return Ok(()) };
        let who = &self.tenants[usize::from(call.crowd)].who;
        let service = rules.service_time(call.charge.used, || who.draw_of(&call, Purpose::Service));
        let timeout = who.population.timeout;
        let sent = Sent { call, reservation, gateway, arrived: now, service, seen: self.successes };
        let number = self.calls.send(sent, timeout.is_some())?;
        match backend.arrive(Job { call: number, service }, now) {
            Place::Served => self.plan(now + service, Class::Served, number, outside),
            Place::Queued => {}
            Place::Refused => {
                if let Some(sent) = self.calls.take_back(number) {
                    // The upstream never saw it.
                    self.limiter(sent.gateway).cancel(sent.reservation, self.wall(now));
                }
                self.pay_for_refusal(now, outside);
                return outside.hear(Answer::TurnedAway(call), now);
            }
        }
        if let Some(timeout) = timeout {
            self.plan(now + timeout, Class::Timeout, number, outside);
        }
        Ok(())
    }

    /// A server has served a call: its client has an answer, if it still waits for one, and the engine learns what it really
    /// cost.
    fn served(
        &mut self,
        Served { sent, in_time }: Served,
        now: Nanos,
        outside: &mut impl Outside,
    ) -> Result<(), TooManyCalls> {
        self.prefetch((sent.call.crowd, sent.call.client));
        let next = self.backend.as_mut().and_then(|backend| backend.served(now));
        self.work(next, now, outside);
        let fails = self.fails(&sent);
        self.successes += u64::from(!fails);
        let Sent { call, reservation, gateway, arrived, service, .. } = sent;
        let how = Service { sojourn: now - arrived, time: service, in_time, fails };
        // Before the engine is asked, which does not wait for it: 3% of the time at ten thousand pending.
        let heard = outside.hear(Answer::Served(call, how), now);
        self.limiter(gateway).settle(reservation, u64::from(call.charge.used), self.wall(now));
        heard
    }

    /// Whether a call's service ends in a failure.
    fn fails(&self, sent: &Sent) -> bool {
        let Some(rules) = &self.scenario.backend else { return false };
        let who = &self.tenants[usize::from(sent.call.crowd)].who;
        rules.optimistic && sent.seen != self.successes
            || rules.failure > 0.0 && who.draw_of(&sent.call, Purpose::Failure).unit() < rules.failure
    }

    /// A server turns to something, if there is anything.
    fn work(&mut self, work: Option<(Work, Nanos)>, now: Nanos, outside: &mut impl Outside) {
        match work {
            Some((Work::Job(job), time)) => self.plan(now + time, Class::Served, job.call, outside),
            Some((Work::Refusal, time)) => self.plan(now + time, Class::Refused, 0, outside),
            None => {}
        }
    }

    /// A refusal may cost the backend work.
    fn pay_for_refusal(&mut self, now: Nanos, outside: &mut impl Outside) {
        if let Some(time) = self.backend.as_mut().and_then(|backend| backend.refuse(now)) {
            self.plan(now + time, Class::Refused, 0, outside);
        }
    }

    /// A line of the script comes true.
    fn happen(&mut self, line: u32, now: Nanos, outside: &mut impl Outside) -> Result<(), TooManyCalls> {
        match &self.scenario.script[line as usize].what {
            Happening::WarmedUp => {
                if let Some(backend) = &mut self.backend {
                    backend.count_from(now);
                    self.load = Load::default();
                }
                return outside.hear(Answer::WarmedUp, now);
            }
            Happening::Outage => {
                if let Some(backend) = &mut self.backend {
                    backend.stop(now);
                }
            }
            Happening::Recovery => {
                let begun = self.backend.as_mut().map(|backend| backend.start(now)).unwrap_or_default();
                begun.into_iter().for_each(|work| self.work(Some(work), now, outside));
            }
            Happening::PlanChange { population, plan } => {
                let plan = add_plan(&self.gateways, plan, self.scenario);
                let population = &self.scenario.populations[*population].name;
                self.tenants
                    .iter_mut()
                    .filter(|tenant| tenant.who.population.name == *population)
                    .for_each(|tenant| tenant.plan = plan);
            }
        }
        Ok(())
    }

    /// Intervals that have passed are over.
    #[inline]
    fn pass_to(&mut self, now: Nanos) {
        if now >= self.until {
            self.turn(now);
        }
    }

    #[cold]
    fn turn(&mut self, now: Nanos) {
        let Some(backend) = &mut self.backend else {
            self.until = Nanos::MAX;
            return;
        };
        while self.until <= now {
            let load = backend.load(self.until);
            self.loads.push(load - self.load);
            self.load = load;
            self.until = self.until + self.fine;
        }
    }

    /// Adds an event, unless it lies beyond the end.
    #[inline]
    fn plan(&self, time: Nanos, class: Class, target: u32, outside: &mut impl Outside) {
        if time < self.scenario.duration {
            outside.plan(time, class, target);
        }
    }

    fn limiter(&self, gateway: u8) -> &Limiter {
        &self.gateways[usize::from(gateway)].limiter
    }

    fn wall(&self, now: Nanos) -> Timestamp {
        Timestamp::both(self.scenario.start + now)
    }
}

impl Gateway {
    fn new(scenario: &Scenario, parts: &[Part]) -> anyhow::Result<Self> {
        // Any fixed seed, as for the engine's.
        let guard = |rules: &GuardConfig| {
            rules.builder().seed(0).build().expect("the rules were tried when the scenario was read")
        };
        Ok(Self { limiter: engine(scenario, parts)?, guard: scenario.guard.as_ref().map(guard) })
    }
}

/// Adds a plan to each gateway, by the same name in all: they are given the same plans in the same order.
fn add_plan(gateways: &[Gateway], plan: &Plan, scenario: &Scenario) -> PlanId {
    let add = |(number, gateway): (usize, &Gateway)| {
        let part = scenario.gateways.part_of(plan, number).expect("it was tried when the scenario was read");
        gateway.limiter.add_plan(&part).expect("there is room for every plan")
    };
    let mut names = gateways.iter().enumerate().map(add);
    let name = names.next().expect("there is a gateway");
    let are_alike = names.all(|other| other == name);
    debug_assert!(are_alike, "the same plans in the same order");
    name
}

/// An engine with room for the keys of these clients, and for every plan that they may have.
fn engine(scenario: &Scenario, parts: &[Part]) -> anyhow::Result<Limiter> {
    let keys = engine_capacity(scenario, parts);
    Limiter::builder()
        .capacity(keys)
        .max_plans(3 + parts.len() + scenario.script.len())
        .max_threads(1)
        // Any fixed seed: no caller of a simulation makes keys collide on purpose.
        .seed(0)
        .build()
        .with_context(|| format!("an engine for {keys} keys cannot be made"))
}
