//! Whether the sample or the endpoint is at fault, by which requests were answered and which failed.

use super::*;
use crate::provider::flow::limits::SentRequest;

const POLICY: RetryPolicy = RetryPolicy { max_retries: 5 };
const GIVE_UP_AFTER: Duration = Duration::from_secs(300);
const FIRST_REPLY_WITHIN: Duration = Duration::from_secs(30);

fn failure(kind: FailureKind) -> Failure {
    Failure::new(kind, "as told")
}

fn transient(kind: FailureKind) -> AttemptOutcome {
    AttemptOutcome::TransientFailure { wait: None, failure: failure(kind) }
}

fn answered() -> AttemptOutcome {
    AttemptOutcome::Answered { seconds: 0.1 }
}

fn rate_limited() -> AttemptOutcome {
    let failure = failure(FailureKind::RateLimited);
    AttemptOutcome::TurnedAway { may_be_down: false, wait: None, failure }
}

/// The end of the request with this number, with no other request in flight.
fn ended(number: u64, now: Instant) -> EndedAttempt<'static> {
    EndedAttempt {
        request: SentRequest { number, at: now, tokens: 0.0 },
        now,
        outcome: None,
        tokens: None,
        allowances: &[],
        usual_tokens: 0.0,
        latest: number,
        oldest: None,
    }
}

/// An endpoint, and the time.
struct World {
    health: EndpointHealth,
    start: Instant,
    now: Instant,
}

impl World {
    fn new() -> Self {
        let start = Instant::now();
        Self { health: EndpointHealth::new(GIVE_UP_AFTER, FIRST_REPLY_WITHIN), start, now: start }
    }

    fn sample(&self) -> FailureHistory {
        self.health.begin_sample(POLICY)
    }

    fn at(&mut self, seconds: u64) -> &mut Self {
        self.now = self.start + Duration::from_secs(seconds);
        self
    }

    /// The request with this number, of the sample with this history, ends.
    fn ends(
        &mut self,
        number: u64,
        history: &mut FailureHistory,
        outcome: &AttemptOutcome,
    ) -> Result<(), Halt> {
        self.health.record_outcome(outcome, history, &ended(number, self.now))
    }

    fn fails(&mut self, number: u64, history: &mut FailureHistory, kind: FailureKind) {
        self.ends(number, history, &transient(kind)).unwrap();
    }

    /// The request with this number, of some other sample, is answered.
    fn answers(&mut self, number: u64) {
        let mut other = self.sample();
        self.ends(number, &mut other, &answered()).unwrap();
    }

    fn verdict(
        &self,
        kind: FailureKind,
        history: &FailureHistory,
        others: OtherSamples,
    ) -> Result<SampleVerdict, Halt> {
        self.health.assess(&failure(kind), history, others, self.now)
    }
}

#[test]
fn a_refused_key_stops_the_run_whenever_it_comes() {
    let mut world = World::new();
    world.answers(1);
    let mut sample = world.sample();
    let refused = AttemptOutcome::FinalFailure { failure: failure(FailureKind::Auth) };
    assert!(matches!(world.ends(2, &mut sample, &refused), Err(Halt::Refused { .. })));
}

#[test]
fn an_endpoint_that_answers_nobody_is_given_up_after_the_time_set_and_not_before() {
    let mut world = World::new();
    let failing = transient(FailureKind::ServerError);
    let mut at = |seconds, outcome: &AttemptOutcome| {
        let mut sample = world.sample();
        world.at(seconds).ends(seconds + 1, &mut sample, outcome)
    };
    assert_eq!(at(0, &failing), Ok(()));
    assert_eq!(at(299, &failing), Ok(()));
    assert!(matches!(at(300, &failing), Err(Halt::Silent { .. })));
    at(301, &answered()).unwrap();
    assert_eq!(at(302, &failing), Ok(()));
    assert_eq!(at(601, &failing), Ok(()));
}

#[test]
fn one_sample_that_fails_for_long_after_others_were_answered_is_no_silent_endpoint() {
    let mut world = World::new();
    world.answers(1);
    let mut sample = world.sample();
    for seconds in [60, 400] {
        world.at(seconds).fails(seconds, &mut sample, FailureKind::Timeout);
    }
    let ended = world.at(401).ends(401, &mut sample, &transient(FailureKind::Connection));
    assert!(matches!(ended, Err(Halt::Silent { .. })), "nobody is there any more");
}

#[test]
fn samples_that_may_be_at_fault_themselves_do_not_show_a_silent_endpoint() {
    let mut world = World::new();
    let mut samples = [(); 2].map(|()| world.sample());
    world.answers(100);
    for round in 0..3 {
        for (number, sample) in (1..).zip(&mut samples) {
            // Two requests that the endpoint hangs on, while it answers others that were sent later.
            world.at(120 + 200 * round).fails(number + round * 100, sample, FailureKind::Timeout);
        }
    }
    let verdict = world.verdict(FailureKind::Timeout, &samples[0], OtherSamples::AllFailing);
    assert_eq!(verdict, Ok(SampleVerdict::Failed));
}

#[test]
fn a_sample_has_failed_where_it_did_so_between_answers_to_others_and_before_one() {
    let mut world = World::new();
    let mut sample = world.sample();
    let verdict = |world: &World, sample: &FailureHistory| {
        world.verdict(FailureKind::Timeout, sample, OtherSamples::Running)
    };
    for round in 0_u64..3 {
        let at = |seconds: u64| 10 * round + seconds;
        // An outage between two answers counts once, however often it was asked meanwhile.
        for seconds in 2..6 {
            world.at(at(seconds)).fails(at(1), &mut sample, FailureKind::Timeout);
            assert_eq!(verdict(&world, &sample), Ok(SampleVerdict::Undecided));
            // So it does where requests are still answered that had been sent before.
            world.answers(at(0));
        }
        world.at(at(7)).answers(at(6));
        let expected = if round < 2 { SampleVerdict::AskAgain } else { SampleVerdict::Failed };
        assert_eq!(verdict(&world, &sample), Ok(expected), "{round}");
    }
}

#[test]
fn an_answer_from_before_a_failure_does_not_show_that_the_endpoint_works() {
    use FailureKind::{ServerError, Timeout};
    let mut world = World::new();
    let (mut broken, mut hanging) = (world.sample(), world.sample());
    world.answers(3);
    world.fails(1, &mut broken, ServerError);
    world.fails(2, &mut hanging, Timeout);
    let verdict = |kind, sample| world.verdict(kind, sample, OtherSamples::Running);
    assert_eq!(verdict(ServerError, &broken), Ok(SampleVerdict::Undecided));
    // A request that hangs has failed before anybody knows.
    assert_eq!(verdict(Timeout, &hanging), Ok(SampleVerdict::AskAgain));
}

#[test]
fn where_only_failing_samples_are_left_one_failure_after_an_answer_is_enough() {
    use FailureKind::{Connection, ServerError};
    use OtherSamples::{AllFailing, None, Running};
    use SampleVerdict::{AskAgain, Failed, Undecided};
    let mut world = World::new();
    let [mut early, mut late] = [(); 2].map(|()| world.sample());
    world.fails(1, &mut early, ServerError);
    world.answers(2);
    let verdict = |world: &World, kind, sample: &FailureHistory, others| world.verdict(kind, sample, others);
    // The endpoint has just shown that it works: the next attempt will tell.
    assert_eq!(verdict(&world, ServerError, &early, AllFailing), Ok(AskAgain));
    world.fails(3, &mut early, ServerError);
    world.fails(4, &mut late, ServerError);
    assert_eq!(verdict(&world, ServerError, &early, Running), Ok(Undecided));
    assert_eq!(verdict(&world, ServerError, &early, AllFailing), Ok(Failed));
    assert_eq!(verdict(&world, Connection, &early, AllFailing), Ok(Failed));
    assert_eq!(verdict(&world, Connection, &early, None), Ok(Failed));
    assert_eq!(verdict(&world, ServerError, &late, AllFailing), Ok(Undecided));
    assert_eq!(verdict(&world, ServerError, &late, None), Ok(Failed));
    assert_eq!(verdict(&world, Connection, &late, None), Ok(Undecided));
}

#[test]
fn a_request_that_is_turned_away_uses_up_a_retry_only_if_no_other_is() {
    let mut world = World::new();
    let [mut first, mut second] = [(); 2].map(|()| world.sample());
    let mut uses_retry = |number, sample: &mut FailureHistory| {
        world.ends(number, sample, &rate_limited()).unwrap();
        sample.last_used_retry()
    };
    assert!(uses_retry(1, &mut first));
    assert!(uses_retry(2, &mut first));
    assert!(!uses_retry(3, &mut second));
    assert!(!uses_retry(4, &mut first));
    assert!(!uses_retry(5, &mut second));
    assert!(uses_retry(6, &mut second));
}

#[test]
fn a_sample_that_is_turned_away_for_long_fails_if_others_are_answered() {
    let mut world = World::new();
    let [mut first, mut second] = [(); 2].map(|()| world.sample());
    let mut number = 0;
    for seconds in (0..=300).step_by(50) {
        for sample in [&mut first, &mut second] {
            number += 1;
            world.at(seconds).ends(number, sample, &rate_limited()).unwrap();
            if seconds < 300 {
                assert!(!world.health.is_used_up(sample, world.now), "{seconds}");
            }
            if seconds == 250 {
                number += 1;
                world.answers(number);
            }
        }
    }
    assert!(world.health.is_used_up(&second, world.now));
    let verdict = world.verdict(FailureKind::RateLimited, &second, OtherSamples::Running);
    assert_eq!(verdict, Ok(SampleVerdict::Failed));
}

#[test]
fn an_endpoint_that_may_still_answer_what_it_has_is_not_given_up() {
    let mut world = World::new();
    let failing = transient(FailureKind::ServerError);
    let mut at = |seconds, oldest| {
        let (mut sample, now) = (world.sample(), world.start + Duration::from_secs(seconds));
        let ended = EndedAttempt { oldest, latest: 8, ..ended(8, now) };
        world.health.record_outcome(&failing, &mut sample, &ended)
    };
    assert_eq!(at(0, Some(3)), Ok(()));
    assert_eq!(at(400, Some(8)), Ok(()));
    assert!(matches!(at(401, Some(9)), Err(Halt::Silent { .. })));
}

/// The endpoint fails and asks for a pause of 200 s, again and again.
fn silent_after(seconds: &[u64], may_be_down: bool) -> Result<(), Halt> {
    let mut world = World::new();
    seconds.iter().try_for_each(|&seconds| {
        let mut sample = world.sample();
        world.at(seconds).ends(seconds + 1, &mut sample, &transient(FailureKind::ServerError))?;
        let until = world.now + Duration::from_secs(200);
        world.health.excuse(Pause { until, may_be_down }, world.now);
        Ok(())
    })
}

#[test]
fn waits_that_an_endpoint_asks_for_that_may_be_down_are_believed_for_so_long() {
    assert_eq!(silent_after(&[0, 200, 599], true), Ok(()));
    assert!(matches!(silent_after(&[0, 200, 599, 600], true), Err(Halt::Silent { .. })));
}

#[test]
fn waits_that_a_rate_limit_asks_for_are_believed_for_an_hour() {
    let every_200_s: Vec<u64> = (0..=3_800).step_by(200).collect();
    assert_eq!(silent_after(&every_200_s, false), Ok(()));
    let longer: Vec<u64> = (0..=4_000).step_by(200).collect();
    assert!(matches!(silent_after(&longer, false), Err(Halt::Silent { .. })));
}

#[test]
fn a_connection_that_is_not_secure_halts_at_once_unless_another_was() {
    let mut world = World::new();
    let mut sample = world.sample();
    let failing = transient(FailureKind::Tls);
    assert!(matches!(world.ends(1, &mut sample, &failing), Err(Halt::Insecure { .. })));
    world.health.record_reply(ReplyOrigin::Api);
    assert_eq!(world.ends(2, &mut sample, &failing), Ok(()));
}

#[test]
fn an_address_where_nobody_ever_was_halts_at_the_first_sample() {
    let world = World::new();
    let verdict = world.verdict(FailureKind::Connection, &world.sample(), OtherSamples::Running);
    assert!(matches!(verdict, Err(Halt::Unreachable { .. })));
}

#[test]
fn an_endpoint_that_only_a_proxy_has_answered_for_is_given_up_after_half_a_minute() {
    let failing = transient(FailureKind::ServerError);
    let silent_at = |origin: ReplyOrigin, seconds: u64| {
        let mut world = World::new();
        let mut sample = world.sample();
        world.health.record_reply(origin);
        world.ends(1, &mut sample, &failing).unwrap();
        world.at(seconds).ends(2, &mut sample, &failing)
    };
    assert_eq!(silent_at(ReplyOrigin::Gateway, 29), Ok(()));
    assert!(matches!(silent_at(ReplyOrigin::Gateway, 30), Err(Halt::NoReplyOfApi { .. })));
    assert_eq!(silent_at(ReplyOrigin::Api, 299), Ok(()), "a rate limit, for example");
    assert!(matches!(silent_at(ReplyOrigin::Api, 300), Err(Halt::Silent { .. })));
    assert_eq!(silent_at(ReplyOrigin::NoReply, 299), Ok(()), "timeouts of a server that loads its model");
}

#[test]
fn a_pause_that_only_a_proxy_asks_for_does_not_make_that_longer() {
    let mut world = World::new();
    let mut sample = world.sample();
    world.health.record_reply(ReplyOrigin::Gateway);
    let failing = transient(FailureKind::ServerError);
    let mut fails_at = |seconds: u64| {
        world.at(seconds).ends(seconds, &mut sample, &failing)?;
        let until = world.now + Duration::from_secs(10);
        world.health.excuse(Pause { until, may_be_down: true }, world.now);
        Ok(())
    };
    assert_eq!([10, 20, 30].map(&mut fails_at), [Ok(()), Ok(()), Ok(())]);
    assert!(matches!(fails_at(40), Err(Halt::NoReplyOfApi { .. })));
    let limited = |seconds: u64, wait: u64| {
        let mut world = World::new();
        world.health.record_reply(ReplyOrigin::Gateway);
        world.ends(1, &mut world.sample(), &failing).unwrap();
        let failure = Failure::new(FailureKind::ServerError, "status 503");
        let wait = Some(Duration::from_secs(wait));
        let asks = AttemptOutcome::TurnedAway { may_be_down: true, wait, failure };
        let now = world.at(seconds).now;
        world.health.with_limited_wait(asks, now).wait().unwrap().as_secs()
    };
    assert_eq!([limited(0, 60), limited(20, 60), limited(20, 5), limited(40, 5)], [30, 10, 5, 0]);
    assert_eq!(limited(0, 7_200), 7_200, "which stops the run");
}
