//! The faults that the endpoint can be told to have, a closed list, and which request meets which.
//!
//! Each was seen on the wire of some server. What a fault is stands here as data; `reply` and `wire` carry it out.

use std::fmt;
use std::str::FromStr;

/// Requests in a row that meet one `429-storm`.
const STORM: u64 = 20;

/// One fault of the closed list.
#[derive(Clone, Copy)]
pub struct Fault(&'static Entry);

struct Entry {
    name: &'static str,
    about: &'static str,
    act: Act,
}

/// What happens to a request that meets a fault.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    /// Status 429 with this hint of when to come back.
    Limit(Hint),
    /// This reply instead of the answer.
    Instead(Instead),
    /// Nothing ever comes.
    Hang,
    /// The connection ends without a reply.
    Drop,
    /// The answer, but its bytes are damaged.
    Damage(Damage),
    /// The answer, sent as no HTTP library would.
    Spoil(Spoil),
}

/// How a 429 says when to come back.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hint {
    Nothing,
    Seconds,
    Date,
    OtherHeader,
}

/// A whole reply that is no answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instead {
    pub(super) status: u16,
    pub(super) media_type: &'static str,
    pub(super) body: &'static str,
}

/// What is done to the answer's bytes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Damage {
    Truncate,
    InvalidUtf8,
}

/// What is done to the way in which the answer is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoil {
    Reset,
    Stall,
    Drip,
    LengthTooLong,
    LengthTooShort,
    Huge,
}

const fn fault(name: &'static str, about: &'static str, act: Act) -> Entry {
    Entry { name, about, act }
}

const fn instead(status: u16, media_type: &'static str, body: &'static str) -> Act {
    Act::Instead(Instead { status, media_type, body })
}

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

static FAULTS: [Entry; 27] = [
    fault("429", "too many requests, without a hint when to come back", Act::Limit(Hint::Nothing)),
    fault("429-seconds", "… with `Retry-After: 1`", Act::Limit(Hint::Seconds)),
    fault("429-date", "… with a date in `Retry-After`", Act::Limit(Hint::Date)),
    fault("429-llm", "… with `llm_provider-retry-after: 1` alone", Act::Limit(Hint::OtherHeader)),
    fault(
        "429-code",
        "… whose body has the code as a text",
        instead(429, JSON, r#"{"error":{"code":"429","message":"Too many requests"}}"#),
    ),
    fault(
        "429-storm",
        "429 for 20 requests in a row; the share is that of the storms",
        Act::Limit(Hint::Nothing),
    ),
    fault(
        "400-key",
        "a wrong key, answered with 400 as some gateways do",
        instead(
            400,
            JSON,
            r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}"#,
        ),
    ),
    fault(
        "401",
        "a wrong key",
        instead(
            401,
            JSON,
            r#"{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","code":"invalid_api_key"}}"#,
        ),
    ),
    fault("404", "no such model", instead(404, JSON, r#"{"error":"model not found"}"#)),
    fault(
        "413-html",
        "too large, as a proxy's HTML page",
        instead(
            413,
            HTML,
            "<html><head><title>413 Request Entity Too Large</title></head><body></body></html>",
        ),
    ),
    fault(
        "422-detail",
        "a refusal whose body is `{\"detail\":[…]}`",
        instead(
            422,
            JSON,
            r#"{"detail":[{"loc":["body","messages"],"msg":"field not understood","type":"value_error"}]}"#,
        ),
    ),
    fault("500", "a server error in plain text", instead(500, TEXT, "Internal Server Error")),
    fault(
        "500-error",
        "a server error whose body is `{\"error\":\"text\"}`",
        instead(500, JSON, r#"{"error":"out of memory"}"#),
    ),
    fault(
        "502-html",
        "a bad gateway, as a proxy's HTML page",
        instead(502, HTML, "<html><head><title>502 Bad Gateway</title></head><body></body></html>"),
    ),
    fault("503", "service unavailable, with an empty body", instead(503, TEXT, "")),
    fault(
        "error-200",
        "an error with status 200",
        instead(200, JSON, r#"{"error":{"message":"upstream failed","code":502}}"#),
    ),
    fault(
        "html-200",
        "an HTML page with status 200",
        instead(200, HTML, "<!doctype html><html><body>Please sign in</body></html>"),
    ),
    fault("hang", "no reply, ever", Act::Hang),
    fault("drop", "the connection ends without a reply", Act::Drop),
    fault("reset", "the connection is reset in the middle of the reply", Act::Spoil(Spoil::Reset)),
    fault("stall", "half of the reply, and then nothing, ever", Act::Spoil(Spoil::Stall)),
    fault("drip", "the reply in 64 pieces, 25 ms apart", Act::Spoil(Spoil::Drip)),
    fault("truncated", "half of the JSON, as if it were the whole", Act::Damage(Damage::Truncate)),
    fault("length-long", "a `Content-Length` above what is sent", Act::Spoil(Spoil::LengthTooLong)),
    fault("length-short", "a `Content-Length` below what is sent", Act::Spoil(Spoil::LengthTooShort)),
    fault("huge", "an answer of 1 GiB", Act::Spoil(Spoil::Huge)),
    fault("utf8", "bytes in the answer that are no UTF-8", Act::Damage(Damage::InvalidUtf8)),
];

impl Fault {
    /// Every fault there is.
    pub fn all() -> impl Iterator<Item = Self> {
        FAULTS.iter().map(Self)
    }

    /// By what name it is asked for.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// What it is, in a few words.
    #[must_use]
    pub fn about(self) -> &'static str {
        self.0.about
    }

    pub(super) fn act(self) -> Act {
        self.0.act
    }

    fn is_storm(self) -> bool {
        self.0.name == "429-storm"
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fault({})", self.0.name)
    }
}

impl PartialEq for Fault {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Fault {}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(name: &str) -> Result<Self, FaultError> {
        Self::all().find(|fault| fault.name() == name).ok_or_else(|| FaultError::Unknown(name.to_owned()))
    }
}

/// Why faults cannot be had as they were asked for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// No fault has this name.
    #[error("unknown fault {0:?}: expected one of {names}", names = names())]
    Unknown(String),
    /// The share is none.
    #[error("the share of {name} is {share:?}: expected a number above 0 and at most 1, such as {name}:0.1")]
    Share {
        /// The fault.
        name: String,
        /// What was given.
        share: String,
    },
    /// All shares together are more than all requests.
    #[error("the shares of all faults add up to {0}: expected at most 1")]
    Sum(f64),
}

fn names() -> String {
    Fault::all().map(Fault::name).collect::<Vec<_>>().join(", ")
}

/// A fault and the share of requests that meet it, written `NAME:SHARE`; `NAME` alone means all of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Odds {
    /// Which one.
    pub fault: Fault,
    /// Above 0, at most 1.
    pub share: f64,
}

impl FromStr for Odds {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (name, share) = text.split_once(':').unwrap_or((text, "1"));
        let fault: Fault = name.parse()?;
        let valid = share.parse().ok().filter(|share| *share > 0.0 && *share <= 1.0);
        let share =
            valid.ok_or_else(|| FaultError::Share { name: name.to_owned(), share: share.to_owned() })?;
        Ok(Self { fault, share })
    }
}

/// Which request meets which fault: decided by a seed and the request's number alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Faults {
    seed: u64,
    odds: Vec<Odds>,
}

impl Faults {
    /// Faults with these odds. The same seed has the same request numbers meet the same faults.
    ///
    /// # Errors
    /// [`FaultError::Sum`] where the shares add up to more than 1.
    pub fn new(seed: u64, odds: impl IntoIterator<Item = Odds>) -> Result<Self, FaultError> {
        let odds: Vec<Odds> = odds.into_iter().collect();
        let sum: f64 = odds.iter().map(|odds| odds.share).sum();
        // Ten shares of 0.1 add up to a little more than 1.
        if sum > 1.0 + 1e-9 { Err(FaultError::Sum(sum)) } else { Ok(Self { seed, odds }) }
    }

    /// The fault that the `number`-th request meets, if any.
    pub(super) fn of(&self, number: u64) -> Option<Fault> {
        let (storms, others): (Vec<Odds>, Vec<Odds>) =
            self.odds.iter().partition(|odds| odds.fault.is_storm());
        let storm = drawn(&storms, fraction(self.seed ^ 0x5707_1157, number / STORM));
        storm.or_else(|| drawn(&others, fraction(self.seed, number)))
    }
}

/// The fault in whose part of [0, 1) the fraction lies.
fn drawn(odds: &[Odds], mut fraction: f64) -> Option<Fault> {
    odds.iter().find_map(|odds| {
        let hit = fraction < odds.share;
        fraction -= odds.share;
        hit.then_some(odds.fault)
    })
}

/// In [0, 1): SplitMix64's output function (Steele, Lea and Flood, 2014) over seed and number.
fn fraction(seed: u64, number: u64) -> f64 {
    let mut bits = seed.wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(seed: u64, odds: &[&str]) -> Faults {
        Faults::new(seed, odds.iter().map(|odds| odds.parse().unwrap())).unwrap()
    }

    #[test]
    fn the_same_seed_has_the_same_requests_meet_the_same_faults_in_about_their_share() {
        let odds = ["503:0.1", "reset:0.02"];
        let drawn = |seed| (1..=10_000).map(|number| faults(seed, &odds).of(number)).collect::<Vec<_>>();
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        let count = |name| drawn(7).iter().flatten().filter(|fault| fault.name() == name).count();
        assert!((900..1100).contains(&count("503")), "{}", count("503"));
        assert!((150..250).contains(&count("reset")), "{}", count("reset"));
    }

    #[test]
    fn a_storm_meets_requests_in_a_row() {
        let faults = faults(0, &["429-storm:0.2"]);
        let stormy = |number| faults.of(number).is_some();
        let storms = (0..100).filter(|block| stormy(block * STORM)).count();
        assert!((10..30).contains(&storms), "{storms}");
        assert!((0..100 * STORM).all(|number| stormy(number) == stormy(number / STORM * STORM)));
    }

    #[test]
    fn a_fault_or_share_that_is_none_says_what_was_expected() {
        let error = |text: &str| text.parse::<Odds>().unwrap_err().to_string();
        assert!(error("504:0.1").starts_with("unknown fault \"504\": expected one of 429, 429-seconds, "));
        for share in ["0", "1.5", "-1", "NaN", "", "x"] {
            assert!(error(&format!("503:{share}")).contains("such as 503:0.1"), "{share}");
        }
        let odds = ["503:0.6", "reset:0.6"].map(|odds| odds.parse::<Odds>().unwrap());
        assert_eq!(Faults::new(0, odds), Err(FaultError::Sum(1.2)));
        let tenths = Fault::all().take(10).map(|fault| Odds { fault, share: 0.1 });
        assert!(Faults::new(0, tenths).is_ok());
    }
}
