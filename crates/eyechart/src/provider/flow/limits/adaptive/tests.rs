//! The limit against simulated endpoints, in simulated time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::*;
use crate::provider::flow::simulation::print_figures;

/// An endpoint that answers `capacity` requests at once; what comes beyond is refused or queued.
#[derive(Clone, Copy)]
struct Endpoint {
    capacity: fn(f64) -> usize,
    beyond: Beyond,
    latency: f64,
    /// The largest deviation of a latency, as a share of it.
    spread: f64,
    /// The share of requests that it refuses whatever is under way.
    fails: f64,
}

#[derive(Clone, Copy, PartialEq)]
enum Beyond {
    Refuse,
    Queue,
}

/// Either the limit follows, or it is fixed.
enum Client {
    Adaptive(Box<AdaptiveConcurrency>),
    Fixed(usize),
}

impl Client {
    fn limit(&self) -> usize {
        match self {
            Self::Adaptive(adaptive) => adaptive.limit,
            Self::Fixed(limit) => *limit,
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
struct Time(f64);

impl Eq for Time {}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Answered { began: Time, attempt: u64 },
    Refused { attempt: u64, retries: u32 },
    Retry { retries: u32 },
}

/// What a simulation saw in each second.
#[derive(Clone, Copy, Default, Debug)]
struct Second {
    answered: usize,
    refused: usize,
    limit: usize,
}

struct Simulation {
    endpoint: Endpoint,
    client: Client,
    now: f64,
    random: u64,
    events: BinaryHeap<Reverse<(Time, u64, Event)>>,
    /// Samples that hold a slot: under way, or waiting to be asked again.
    slots: usize,
    served: usize,
    queue: std::collections::VecDeque<(Time, u64)>,
    /// Samples that have waited long enough and are asked again as soon as the limit allows.
    again: std::collections::VecDeque<u32>,
    in_flight: usize,
    seconds: Vec<Second>,
    sent: u64,
}

impl Simulation {
    fn new(endpoint: Endpoint, client: Client) -> Self {
        Self {
            endpoint,
            client,
            now: 0.0,
            random: 1,
            events: BinaryHeap::new(),
            slots: 0,
            served: 0,
            queue: std::collections::VecDeque::new(),
            again: std::collections::VecDeque::new(),
            in_flight: 0,
            seconds: Vec::new(),
            sent: 0,
        }
    }

    fn run(mut self, seconds: f64) -> Vec<Second> {
        self.fill();
        while let Some(Reverse((Time(at), _, event))) = self.events.pop() {
            if at > seconds {
                break;
            }
            self.now = at;
            self.handle(event);
            self.fill();
        }
        self.seconds
    }

    fn second(&mut self) -> &mut Second {
        let at = self.now as usize;
        if self.seconds.len() <= at {
            self.seconds.resize(at + 1, Second::default());
        }
        let limit = self.client.limit();
        let second = &mut self.seconds[at];
        second.limit = limit;
        second
    }

    fn fill(&mut self) {
        while self.in_flight < self.client.limit() {
            if let Some(retries) = self.again.pop_front() {
                self.send(retries);
            } else if self.slots < self.client.limit() + self.waiting().min(16) {
                self.slots += 1;
                self.send(0);
            } else {
                break;
            }
        }
    }

    /// Samples that wait to be asked again make room for others, as in the gate.
    fn waiting(&self) -> usize {
        self.slots - self.in_flight
    }

    fn send(&mut self, retries: u32) {
        self.sent += 1;
        self.in_flight += 1;
        let attempt = self.sent;
        if let Client::Adaptive(adaptive) = &mut self.client {
            adaptive.start(attempt);
        }
        if self.endpoint.fails > 0.0 && self.fraction() < self.endpoint.fails {
            self.later(0.01, Event::Refused { attempt, retries });
            return;
        }
        let has_room = self.served < (self.endpoint.capacity)(self.now);
        match self.endpoint.beyond {
            _ if has_room => self.serve(Time(self.now), attempt),
            Beyond::Queue => self.queue.push_back((Time(self.now), attempt)),
            Beyond::Refuse => self.later(0.01, Event::Refused { attempt, retries }),
        }
    }

    fn serve(&mut self, began: Time, attempt: u64) {
        self.served += 1;
        let deviation = (self.fraction() * 2.0 - 1.0) * self.endpoint.spread;
        self.later(self.endpoint.latency * (1.0 + deviation), Event::Answered { began, attempt });
    }

    fn later(&mut self, wait: f64, event: Event) {
        let order = self.events.len() as u64 + self.sent;
        self.events.push(Reverse((Time(self.now + wait), order, event)));
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Answered { began, attempt } => {
                self.served -= 1;
                self.slots -= 1;
                self.second().answered += 1;
                self.end(attempt, Signal::Answered(self.now - began.0));
                while self.served < (self.endpoint.capacity)(self.now)
                    && let Some((began, attempt)) = self.queue.pop_front()
                {
                    self.serve(began, attempt);
                }
            }
            Event::Refused { attempt, retries } => {
                self.second().refused += 1;
                self.end(attempt, Signal::Refused);
                let wait = 0.5 * 2_f64.powi(retries.min(6) as i32) * (0.5 + self.fraction() / 2.0);
                self.later(wait, Event::Retry { retries: retries + 1 });
            }
            Event::Retry { retries } => self.again.push_back(retries),
        }
    }

    fn end(&mut self, attempt: u64, signal: Signal) {
        self.in_flight -= 1;
        if let Client::Adaptive(adaptive) = &mut self.client {
            adaptive.end(attempt, signal);
        }
    }

    /// In [0, 1), the same in each simulation.
    fn fraction(&mut self) -> f64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn adaptive(endpoint: Endpoint, seconds: f64) -> Vec<Second> {
    seeded(endpoint, 1, seconds)
}

/// The same with its own random numbers.
fn seeded(endpoint: Endpoint, random: u64, seconds: f64) -> Vec<Second> {
    let client = Client::Adaptive(Box::new(AdaptiveConcurrency::new(512)));
    let ran = Simulation { random, ..Simulation::new(endpoint, client) }.run(seconds);
    print_figures(format_args!("{} answered, {:.4} refused", answered(&ran), refused_share(&ran)));
    ran
}

fn fixed(endpoint: Endpoint, limit: usize, seconds: f64) -> Vec<Second> {
    Simulation::new(endpoint, Client::Fixed(limit)).run(seconds)
}

fn answered(seconds: &[Second]) -> f64 {
    seconds.iter().map(|second| second.answered).sum::<usize>() as f64
}

fn refused_share(seconds: &[Second]) -> f64 {
    let refused = seconds.iter().map(|second| second.refused).sum::<usize>() as f64;
    refused / (refused + answered(seconds))
}

const REFUSING: Endpoint =
    Endpoint { capacity: |_| 40, beyond: Beyond::Refuse, latency: 0.2, spread: 0.5, fails: 0.0 };

#[test]
fn an_endpoint_that_refuses_beyond_its_capacity_is_used_almost_fully_and_seldom_refuses() {
    for latency in [0.05, 0.2, 1.0] {
        let endpoint = Endpoint { latency, ..REFUSING };
        let seconds = 300.0 * latency;
        let (ours, best) = (adaptive(endpoint, seconds), fixed(endpoint, 40, seconds));
        let share = answered(&ours) / answered(&best);
        assert!(share > 0.9, "{share} of the best fixed limit at {latency} s");
        let settled = refused_share(&ours[ours.len() / 6..]);
        assert!(settled < 0.02, "{settled} refused at {latency} s");
    }
}

#[test]
fn a_capacity_that_drops_and_comes_back_is_followed() {
    let capacity = |at: f64| if (40.0..80.0).contains(&at) { 10 } else { 40 };
    let seconds = adaptive(Endpoint { capacity, ..REFUSING }, 140.0);
    let rate = |range: std::ops::Range<usize>| answered(&seconds[range.clone()]) / range.len() as f64;
    // 200 a second, then 50, then 200 again: within 30 s each way.
    assert!(rate(30..40) > 180.0, "{}", rate(30..40));
    assert!(rate(60..80) > 45.0, "{}", rate(60..80));
    assert!(refused_share(&seconds[60..80]) < 0.05, "{}", refused_share(&seconds[60..80]));
    assert!(rate(110..140) > 180.0, "{}", rate(110..140));
}

#[test]
fn a_capacity_that_comes_back_is_followed_within_half_a_minute_by_a_slow_model_too() {
    let capacity = |at: f64| if (60.0..120.0).contains(&at) { 10 } else { 40 };
    let seconds = adaptive(Endpoint { capacity, latency: 2.0, ..REFUSING }, 180.0);
    let rate = |range: std::ops::Range<usize>| answered(&seconds[range.clone()]) / range.len() as f64;
    // 20 a second, then 5, then 20 again.
    assert!(rate(90..120) > 4.0, "{}", rate(90..120));
    assert!(refused_share(&seconds[90..120]) < 0.05, "{}", refused_share(&seconds[90..120]));
    assert!(rate(150..180) > 17.0, "{}", rate(150..180));
}

#[test]
fn refusals_that_do_not_depend_on_the_load_do_not_keep_the_limit_down() {
    for random in 1..=20 {
        for fails in [0.02, 0.1, 0.2] {
            let endpoint = Endpoint { capacity: |_| 10_000, fails, ..REFUSING };
            let ours = seeded(endpoint, random, 60.0);
            let best = answered(&fixed(endpoint, 64, 60.0));
            assert!(answered(&ours) > 2.0 / 3.0 * best, "{} of {best} at {fails}, {random}", answered(&ours));
        }
    }
}

#[test]
fn a_capacity_is_found_beside_refusals_that_do_not_depend_on_the_load() {
    let endpoint = Endpoint { fails: 0.1, ..REFUSING };
    let best = answered(&fixed(endpoint, 40, 120.0));
    for random in 1..=20 {
        let ours = seeded(endpoint, random, 120.0);
        assert!(answered(&ours) > 2.0 / 3.0 * best, "{} of {best}, {random}", answered(&ours));
        let settled = refused_share(&ours[20..]);
        assert!(settled < 0.25, "{settled} refused, {random}");
    }
}

#[test]
fn an_endpoint_that_queues_is_used_fully_without_a_long_queue() {
    let endpoint = Endpoint { beyond: Beyond::Queue, ..REFUSING };
    let (ours, best) = (adaptive(endpoint, 60.0), fixed(endpoint, 40, 60.0));
    assert!(answered(&ours) > 0.95 * answered(&best), "{} of {}", answered(&ours), answered(&best));
    let limit = ours[50].limit;
    assert!((40..=100).contains(&limit), "{limit} under way where 40 are served at once");
}

#[test]
fn an_endpoint_that_bears_everything_is_soon_asked_as_much_as_is_allowed() {
    let endpoint = Endpoint { capacity: |_| 10_000, ..REFUSING };
    assert_eq!(adaptive(endpoint, 8.0)[5].limit, 512);
}

#[test]
fn a_limit_that_is_not_used_does_not_grow() {
    let mut limit = AdaptiveConcurrency::new(512);
    for number in 0..100 {
        limit.start(number);
        limit.end(number, Signal::Answered(0.2));
    }
    assert_eq!(limit.limit, FIRST_LIMIT);
}

#[test]
fn refusals_of_requests_sent_together_cut_once_and_never_below_one() {
    let mut limit = AdaptiveConcurrency::new(512);
    (0..4).for_each(|number| limit.start(number));
    (0..4).for_each(|number| limit.end(number, Signal::Refused));
    assert_eq!(limit.limit, 2);
    for number in 4..14 {
        limit.start(number);
        limit.end(number, Signal::Refused);
    }
    assert_eq!(limit.limit, 1);
}
