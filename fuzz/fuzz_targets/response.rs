//! Any bytes as a reply's body, under the statuses that servers send: an answer or why it is none, never a panic, and
//! nothing that a record could not bear.
#![no_main]

use eyechart::provider::{OPENAI_CHAT, read_reply};
use eyechart::types::FailureKind;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

const STATUSES: [u16; 12] = [200, 200, 200, 308, 400, 401, 403, 404, 413, 422, 429, 500];

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, body)) = bytes.split_first() else { return };
    let status = STATUSES[usize::from(*choice) % STATUSES.len()];
    let Some(reading) = read_reply(OPENAI_CHAT, status, &[], body, Timestamp::UNIX_EPOCH) else { return };
    match reading.outcome {
        Ok(output) => {
            assert_eq!(status, 200);
            assert!(!output.text.trim().is_empty(), "an empty answer is a failure");
            assert!(serde_json::to_string(&output).is_ok());
        }
        Err(failure) => {
            assert!(FailureKind::ALL.contains(&failure.kind));
            assert!(!failure.message.is_empty());
        }
    }
});
