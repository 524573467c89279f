//! Time, and medians of what is measured by it.

use std::time::{Duration, Instant};

/// How long `work` ran on the calling thread. Where the system does not tell, by the clock.
pub fn own_time(work: impl FnOnce()) -> Duration {
    let (clock, before) = (Instant::now(), thread_time());
    work();
    match (before, thread_time()) {
        (Some(before), Some(after)) => after - before,
        _ => clock.elapsed(),
    }
}

/// How long `work` took by the clock.
pub fn wall_time(work: impl FnOnce()) -> Duration {
    let clock = Instant::now();
    work();
    clock.elapsed()
}

/// The middle one of some figures.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// The processor time of the calling thread.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn thread_time() -> Option<Duration> {
    #[repr(C)]
    struct Time {
        seconds: i64,
        nanoseconds: i64,
    }
    unsafe extern "C" {
        fn clock_gettime(clock: i32, time: *mut Time) -> i32;
    }
    const THREAD: i32 = 3;
    let mut time = Time { seconds: 0, nanoseconds: 0 };
    // SAFETY: `time` has the layout of a timespec on 64-bit Linux and lives through the call.
    let failed = unsafe { clock_gettime(THREAD, &raw mut time) } != 0;
    let (seconds, rest) = (u64::try_from(time.seconds).ok()?, u64::try_from(time.nanoseconds).ok()?);
    (!failed).then(|| Duration::from_secs(seconds) + Duration::from_nanos(rest))
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn thread_time() -> Option<Duration> {
    None
}
