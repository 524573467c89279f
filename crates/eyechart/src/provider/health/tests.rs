//! Who is at fault, by what was answered when.

use super::*;

fn failure(kind: FailureKind) -> Failure {
    Failure::new(kind, "as told")
}

/// An attempt beside which nothing was under way.
fn alone(sent: Instant, now: Instant) -> Ended {
    Ended { sent, now, earlier: 0, oldest: None, latest: 0, is_paced: false }
}

fn health() -> Health {
    Health::new(Duration::from_secs(300))
}

#[test]
fn a_refused_key_stops_the_run_whenever_it_comes() {
    let mut health = health();
    let mut failures = health.ask();
    health.hear(Ok(()), &mut failures, alone(Instant::now(), Instant::now())).unwrap();
    let heard =
        health.hear(Err(&failure(FailureKind::Auth)), &mut failures, alone(Instant::now(), Instant::now()));
    assert!(matches!(heard, Err(Halt::Refused { .. })));
}

#[test]
fn an_endpoint_that_answers_nobody_is_given_up_after_the_time_set_and_not_before() {
    let (mut health, start) = (health(), Instant::now());
    let failing = failure(FailureKind::ServerError);
    let mut at = |seconds, outcome| {
        let mut failures = health.ask();
        let now = start + Duration::from_secs(seconds);
        health.hear(outcome, &mut failures, alone(now, now))
    };
    assert_eq!(at(0, Err(&failing)), Ok(()));
    assert_eq!(at(299, Err(&failing)), Ok(()));
    assert!(matches!(at(300, Err(&failing)), Err(Halt::Silent { .. })));
    at(301, Ok(())).unwrap();
    assert_eq!(at(302, Err(&failing)), Ok(()));
    assert_eq!(at(601, Err(&failing)), Ok(()));
}

#[test]
fn one_sample_that_fails_for_long_after_others_were_answered_is_no_silent_endpoint() {
    let (mut health, start) = (health(), Instant::now());
    let mut failures = health.ask();
    let mut other = health.ask();
    health.hear(Ok(()), &mut other, alone(start, start)).unwrap();
    for seconds in [60, 400] {
        let now = start + Duration::from_secs(seconds);
        health.hear(Err(&failure(FailureKind::Timeout)), &mut failures, alone(now, now)).unwrap();
    }
    let now = start + Duration::from_secs(401);
    let heard = health.hear(Err(&failure(FailureKind::Connection)), &mut failures, alone(now, now));
    assert!(matches!(heard, Err(Halt::Silent { .. })), "nobody is there any more");
}

#[test]
fn a_sample_has_failed_where_it_did_so_between_answers_to_others_and_before_one() {
    let (mut health, start) = (health(), Instant::now());
    let failing = failure(FailureKind::Timeout);
    let (mut sample, mut other) = (health.ask(), health.ask());
    for round in 0_u64..3 {
        let at = |seconds: u64| start + Duration::from_secs(10 * round + seconds);
        // An outage between two answers counts once, however often it was asked meanwhile.
        for seconds in 2..6 {
            health.hear(Err(&failing), &mut sample, alone(at(1), at(seconds))).unwrap();
            assert_eq!(health.judge(&failing, &sample, 3, Others::Asked), Ok(Verdict::Open));
            // So it does where requests are still answered that had been sent before.
            health.hear(Ok(()), &mut other, alone(at(0), at(seconds))).unwrap();
        }
        health.hear(Ok(()), &mut other, alone(at(6), at(7))).unwrap();
        let verdict = if round < 2 { Verdict::Endpoint } else { Verdict::Sample };
        assert_eq!(health.judge(&failing, &sample, 3, Others::Asked), Ok(verdict), "{round}");
    }
}

#[test]
fn where_nobody_is_left_to_be_answered_the_likelier_is_believed() {
    use FailureKind::{Connection, ServerError, Timeout};
    let (mut health, now) = (health(), Instant::now());
    let later = now + Duration::from_secs(1);
    let [mut early, mut reset, mut slow, mut other] = [(); 4].map(|()| health.ask());
    health.hear(Err(&failure(ServerError)), &mut early, alone(now, later)).unwrap();
    health.hear(Err(&failure(Connection)), &mut reset, alone(now, later)).unwrap();
    health.hear(Ok(()), &mut other, alone(now, later)).unwrap();
    let mut late = health.ask();
    health.hear(Err(&failure(ServerError)), &mut late, alone(later, later)).unwrap();
    health.hear(Err(&failure(Timeout)), &mut slow, alone(now, later)).unwrap();
    let verdict = |kind, sample, others| health.judge(&failure(kind), sample, 3, others);
    assert_eq!(verdict(ServerError, &early, Others::Waiting), Ok(Verdict::Sample));
    assert_eq!(verdict(ServerError, &early, Others::Asked), Ok(Verdict::Open));
    assert_eq!(verdict(ServerError, &late, Others::Waiting), Ok(Verdict::Open));
    assert_eq!(verdict(ServerError, &late, Others::Gone), Ok(Verdict::Sample));
    assert_eq!(verdict(Timeout, &slow, Others::Waiting), Ok(Verdict::Sample));
    assert_eq!(verdict(Connection, &reset, Others::Waiting), Ok(Verdict::Open));
    assert_eq!(verdict(Connection, &reset, Others::Gone), Ok(Verdict::Sample));
    assert_eq!(verdict(Connection, &late, Others::Gone), Ok(Verdict::Open));
}

#[test]
fn an_endpoint_that_may_still_answer_what_it_has_is_not_given_up() {
    let (mut health, start) = (health(), Instant::now());
    let failing = failure(FailureKind::ServerError);
    let mut at = |seconds, oldest| {
        let (mut failures, now) = (health.ask(), start + Duration::from_secs(seconds));
        health.hear(
            Err(&failing),
            &mut failures,
            Ended { sent: now, now, earlier: 1, oldest, latest: 8, is_paced: false },
        )
    };
    assert_eq!(at(0, Some(3)), Ok(()));
    assert_eq!(at(400, Some(8)), Ok(()));
    assert!(matches!(at(401, Some(9)), Err(Halt::Silent { .. })));
}

#[test]
fn waits_that_an_endpoint_asks_for_that_may_be_down_are_believed_for_so_long() {
    let (mut health, start) = (health(), Instant::now());
    let failing = failure(FailureKind::ServerError);
    let mut at = |seconds| {
        let (mut failures, now) = (health.ask(), start + Duration::from_secs(seconds));
        let heard = health.hear(Err(&failing), &mut failures, alone(now, now));
        health.excuse_once(Duration::from_secs(200));
        heard
    };
    assert_eq!(at(0), Ok(()));
    assert_eq!(at(200), Ok(()));
    assert_eq!(at(599), Ok(()));
    assert!(matches!(at(600), Err(Halt::Silent { .. })));
}

#[test]
fn a_connection_that_is_not_secure_halts_at_once_unless_another_was() {
    let (mut health, start) = (health(), Instant::now());
    let (failing, mut failures) = (failure(FailureKind::Tls), health.ask());
    assert!(matches!(
        health.hear(Err(&failing), &mut failures, alone(start, start)),
        Err(Halt::Insecure { .. })
    ));
    health.reached();
    assert_eq!(health.hear(Err(&failing), &mut failures, alone(start, start)), Ok(()));
}

#[test]
fn an_address_where_nobody_ever_was_halts_at_the_first_sample() {
    let health = health();
    let verdict = health.judge(&failure(FailureKind::Connection), &health.ask(), 3, Others::Asked);
    assert!(matches!(verdict, Err(Halt::Unreachable { .. })));
}
