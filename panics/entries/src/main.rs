//! Every way into a decision as a function of its own, to be read as machine code by `cargo x panics`. Running this
//! program does nothing.
#![forbid(unsafe_code)]

mod decisions;
mod planted;

/// Keeps functions in the program although nobody calls them: their addresses are asked for.
macro_rules! keep {
    ($($module:ident: $($function:ident)*;)*) => {
        $($(std::hint::black_box($module::$function as *const ());)*)*
    };
}

fn main() {
    keep! {
        decisions: check check_text batch standing header_fields peek settle settle_by_estimate cancel
            held_by_the_clock change_plan set_own_plan clear_own_plan record_usage give_back reset plan_of guard_check
            guard_denied guard_observe guard_strike guard_lift now;
        planted: an_index a_slice an_unwrap an_expect a_division an_allocation a_lock an_end_of_the_process a_call_away
            an_unknown_function an_unknown_object a_thread_local a_system_call;
    }
}
