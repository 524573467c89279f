//! Runs against endpoints that break down, in paused time.

use std::ops::Range;
use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::provider::GateSettings;
use crate::provider::flow::simulation::{ask_all, finished, print_figures};
use crate::types::{Connections, FailureKind};

/// An endpoint, and the run that asks it.
#[derive(Clone)]
struct World {
    samples: usize,
    connections: usize,
    max_retries: u32,
    /// Seconds until it answers.
    latency: f64,
    /// The samples that it fails on.
    bad: Vec<usize>,
    /// When it fails every request, in seconds.
    outage: Range<f64>,
    /// How it fails.
    kind: FailureKind,
}

impl Default for World {
    fn default() -> Self {
        Self {
            samples: 100,
            connections: 8,
            max_retries: 5,
            latency: 0.2,
            bad: Vec::new(),
            outage: 0.0..0.0,
            kind: FailureKind::ServerError,
        }
    }
}

/// How a run ended.
#[derive(Debug, Default)]
struct Outcome {
    answered: usize,
    /// The samples that failed, and how often each was asked.
    failed: Vec<(usize, usize)>,
    halt: Option<Halt>,
    seconds: f64,
}

impl World {
    async fn run(self) -> Outcome {
        let gate = Gate::new(GateSettings {
            connections: Connections::Fixed(self.connections),
            ..GateSettings::default()
        });
        let (began, policy) = (Instant::now(), RetryPolicy { max_retries: self.max_retries });
        let (samples, connections) = (self.samples, self.connections);
        let mut asked = ask_all(&gate, samples, policy, move |sample| self.clone().attempt(sample, began));
        let mut outcome = Outcome::default();
        while let Some(ended) = asked.join_next().await {
            match ended.unwrap() {
                (_, Ok(Some(Asked { outcome: Ok(()), .. }))) => outcome.answered += 1,
                (sample, Ok(Some(asked))) => outcome.failed.push((sample, asked.attempts.len())),
                (_, Ok(None)) => unreachable!("the run is not stopped"),
                (_, Err(halt)) => {
                    outcome.halt = Some(halt);
                    break;
                }
            }
        }
        outcome.failed.sort_unstable();
        outcome.seconds = began.elapsed().as_secs_f64();
        let Outcome { answered, failed, halt, seconds } = &outcome;
        print_figures(format_args!(
            "{connections} connections: {answered} answered, {} failed after {} attempts, halted: {}, {seconds:.1} s",
            failed.len(),
            failed.iter().map(|(_, attempts)| attempts).sum::<usize>(),
            halt.is_some()
        ));
        outcome
    }

    async fn attempt(self, sample: usize, began: Instant) -> FinishedAttempt<()> {
        let is_bad = self.bad.contains(&sample);
        tokio::time::sleep(Duration::from_secs_f64(if is_bad { 0.01 } else { self.latency })).await;
        let is_out = self.outage.contains(&began.elapsed().as_secs_f64());
        finished(self.latency, (is_bad || is_out).then_some(self.kind))
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_ends_fails_nobody() {
    use FailureKind::{Connection, RateLimited, ServerError, Timeout};
    for (connections, max_retries) in [(1, 5), (2, 1), (8, 2), (8, 5), (64, 5)] {
        for kind in [Connection, RateLimited, ServerError, Timeout] {
            for outage in [0.5..61.0, 1.1..200.0] {
                let world = World { connections, max_retries, kind, outage, ..World::default() };
                let outcome = World { samples: 200, ..world }.run().await;
                assert_eq!(outcome.answered, 200, "{connections}, {max_retries}, {kind:?}: {outcome:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_does_not_end_stops_the_run_and_fails_nobody() {
    for (connections, max_retries) in [(1, 5), (2, 1), (8, 0), (8, 2), (8, 5), (64, 5)] {
        let outage = 1.1..1e9;
        let outcome =
            World { connections, max_retries, outage, samples: 1_000, ..World::default() }.run().await;
        assert!(matches!(outcome.halt, Some(Halt::Silent { .. })), "{connections}: {outcome:?}");
        assert_eq!(outcome.failed, [], "{connections}, {max_retries}");
        assert!((300.0..420.0).contains(&outcome.seconds), "{connections}, {max_retries}: {outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_at_the_end_of_a_run_is_waited_out_or_stops_it_and_fails_hardly_anybody() {
    use FailureKind::{Connection, RateLimited, ServerError, Timeout};
    for connections in [2, 8, 32] {
        for kind in [ServerError, Connection, RateLimited, Timeout] {
            let world = World { connections, kind, ..World::default() };
            // The last samples are in flight when it begins.
            let began = 0.2 * (100 / connections) as f64 - 0.1;
            let passing = World { outage: began..began + 60.0, ..world.clone() }.run().await;
            assert_eq!(passing.answered, 100, "{connections}, {kind:?}: {passing:?}");
            let lasting = World { outage: began..1e9, ..world }.run().await;
            assert!(
                matches!(lasting.halt, Some(Halt::Silent { .. })),
                "{connections}, {kind:?}: {lasting:?}"
            );
            assert_eq!(lasting.failed, [], "{connections}, {kind:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn many_bad_samples_in_a_row_do_not_look_like_an_outage() {
    for connections in [1, 8] {
        for bad in [0..40, 40..80] {
            let bad: Vec<usize> = bad.collect();
            let outcome = World { connections, bad: bad.clone(), ..World::default() }.run().await;
            let failed: Vec<usize> = outcome.failed.iter().map(|(sample, _)| *sample).collect();
            assert_eq!((outcome.answered, failed), (60, bad), "{connections}: {outcome:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_few_samples_asked_all_at_once_fail_alone() {
    for kind in [FailureKind::ServerError, FailureKind::Malformed] {
        let world = World { samples: 20, connections: 32, bad: vec![3, 7, 11], kind, ..World::default() };
        let outcome = world.run().await;
        assert_eq!(outcome.failed, [(3, 6), (7, 6), (11, 6)], "{kind:?}: {outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_was_never_up_fails_nobody_either() {
    for connections in [1, 8] {
        let outcome = World { connections, outage: 0.0..1e9, ..World::default() }.run().await;
        assert!(matches!(outcome.halt, Some(Halt::Silent { .. })), "{outcome:?}");
        assert_eq!(outcome.failed, []);
    }
}

#[tokio::test(start_paused = true)]
async fn bad_samples_fail_after_their_retries_wherever_they_are_and_hold_up_nobody() {
    for connections in [1, 2, 8, 64] {
        for bad in [vec![0], (0..5).collect(), vec![50, 70], (81..100).step_by(2).collect(), vec![99]] {
            let outcome = World { connections, bad: bad.clone(), ..World::default() }.run().await;
            let failed: Vec<usize> = outcome.failed.iter().map(|(sample, _)| *sample).collect();
            assert_eq!((outcome.answered, failed), (100 - bad.len(), bad), "{connections}: {outcome:?}");
            let most = outcome.failed.iter().map(|(_, attempts)| *attempts).max();
            assert_eq!(most, Some(6), "{connections}: {outcome:?}");
            assert!(outcome.seconds < 80.0, "{connections}: {outcome:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_sample_asked_alone_fails_after_its_retries() {
    for max_retries in [0, 2, 5] {
        let world = World { samples: 1, bad: vec![0], max_retries, ..World::default() };
        let outcome = world.run().await;
        assert_eq!(outcome.failed, [(0, max_retries as usize + 1)]);
    }
}
