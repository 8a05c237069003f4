//! Runs models: small programs of a few threads, under all orders of their steps that loom can go through, or under as
//! many as shuttle is let draw.

#[cfg(tidegate_loom)]
pub(crate) use ::loom::{sync::Arc, thread};
#[cfg(tidegate_shuttle)]
pub(crate) use ::shuttle::{sync::Arc, thread};

/// Checks a model.
pub(crate) fn check(model: impl Fn() + Send + Sync + 'static) {
    check_with(None, model);
}

/// The same; loom changes threads at most so often, where that is given, or the model would not end.
#[cfg(tidegate_loom)]
pub(crate) fn check_with(preemptions: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = ::loom::model::Builder::new();
    // A model that begins with a full table takes more steps than loom allows for.
    builder.max_branches = 20_000;
    builder.preemption_bound = preemptions.or(builder.preemption_bound);
    builder.check(model);
}

/// The same under shuttle, which needs no bound. `TIDEGATE_SCHEDULES` sets how many orders are drawn, `TIDEGATE_SEED` the
/// first seed; a failure names its own.
#[cfg(tidegate_shuttle)]
pub(crate) fn check_with(_preemptions: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    draw(std::sync::Arc::new(model));
}

/// Lets the words of this model be read and written in more steps than one. Under shuttle they always are.
pub(crate) fn let_words_tear() {
    #[cfg(tidegate_loom)]
    super::imp::let_words_tear();
}

/// Orders drawn from one seed.
#[cfg(tidegate_shuttle)]
const OF_A_SEED: usize = 50;

/// Runs a model under orders drawn at random, and under some with few changes of thread at places drawn at random
/// (PCT), in turn.
#[cfg(tidegate_shuttle)]
fn draw(model: std::sync::Arc<impl Fn() + Send + Sync + 'static>) {
    use ::shuttle::scheduler::{PctScheduler, RandomScheduler};
    use ::shuttle::{Config, Runner};
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let (schedules, first) =
        (number("TIDEGATE_SCHEDULES").unwrap_or(1_000), number("TIDEGATE_SEED").unwrap_or(1));
    for seed in first..first + schedules.div_ceil(OF_A_SEED as u64) {
        let mut config = Config::new();
        (config.silence_warnings, config.stack_size) = (true, 1 << 18);
        let seed_told = Told(seed);
        let model = model.clone();
        let run = move || model();
        if seed % 2 == 0 {
            Runner::new(RandomScheduler::new_from_seed(seed, OF_A_SEED), config).run(run);
        } else {
            Runner::new(PctScheduler::new_from_seed(seed, 3, OF_A_SEED), config).run(run);
        }
        std::mem::forget(seed_told);
    }
}

/// Tells the seed when a model fails.
#[cfg(tidegate_shuttle)]
struct Told(u64);

#[cfg(tidegate_shuttle)]
impl Drop for Told {
    fn drop(&mut self) {
        eprintln!("again with TIDEGATE_SEED={} TIDEGATE_SCHEDULES={OF_A_SEED}", self.0);
    }
}
