//! Any values of the headers that ask for a wait: a wait within bounds or none, never a panic.
#![no_main]

use std::time::Duration;

use eyechart::provider::{OPENAI_CHAT, RetryPolicy, read_reply};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 18] = [
    "retry-after",
    "retry-after-ms",
    "llm_provider-retry-after",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "ratelimit-remaining",
    "ratelimit-reset",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
    "anthropic-ratelimit-tokens-remaining",
    "anthropic-ratelimit-tokens-reset",
    "x-ratelimit-limit-requests",
    "x-ratelimit-limit",
    "location",
];
/// No reset is believed beyond this.
const LONGEST: Duration = Duration::from_secs(600);

// Each line is a value; its first byte chooses the header.
fuzz_target!(|bytes: &[u8]| {
    let header = |line: &'_ [u8]| line.split_first().map(|(name, _)| NAMES[usize::from(*name) % NAMES.len()]);
    let lines = bytes.split(|byte| *byte == b'\n');
    let headers: Vec<(&str, &[u8])> = lines.filter_map(|line| Some((header(line)?, &line[1..]))).collect();
    let now: Timestamp = Timestamp::from_second(1_795_514_400).unwrap_or(Timestamp::UNIX_EPOCH);
    for status in [200, 307, 429] {
        let Some(reading) = read_reply(OPENAI_CHAT, status, &headers, b"", now) else { return };
        assert!(
            reading
                .allowances
                .iter()
                .all(|allowance| allowance.reset <= LONGEST && allowance.remaining >= 0.0)
        );
        for retry in [0, 5, u32::MAX] {
            let _ = RetryPolicy { max_retries: 5 }.delay(retry, reading.retry_after);
        }
    }
});
