//! Any JSON beside a good answer, in a field that eyechart reads or does not know: the answer stays an answer.
#![no_main]

use eyechart::provider::{OPENAI_CHAT, read_reply};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

/// Fields of a reply, of its choice and of its message.
const FIELDS: [&str; 6] = ["error", "model", "usage", "object", "id", "x"];
const OF_CHOICE: [&str; 6] = ["index", "native_finish_reason", "delta", "error", "logprobs", "x"];
const OF_MESSAGE: [&str; 4] = ["refusal", "reasoning_content", "reasoning", "x"];

// The first byte chooses the fields; the rest is their value.
fuzz_target!(|bytes: &[u8]| {
    let Some((choice, value)) = bytes.split_first() else { return };
    let is_json = serde_json::from_slice::<serde_json::Value>(value).is_ok();
    let value = if is_json { String::from_utf8_lossy(value) } else { "NaN".into() };
    let at = |fields: &[&'static str]| fields[usize::from(*choice) % fields.len()];
    let (field, of_choice, of_message) = (at(&FIELDS), at(&OF_CHOICE), at(&OF_MESSAGE));
    let body = format!(
        r#"{{"{field}":{value},"choices":[{{"{of_choice}":{value},"message":{{"{of_message}":{value},"content":"B"}},"finish_reason":"stop"}}]}}"#
    );
    let Some(reading) = read_reply(OPENAI_CHAT, 200, &[], body.as_bytes(), Timestamp::UNIX_EPOCH) else { return };
    match reading.outcome {
        Ok(output) => assert_eq!(output.text, "B"),
        // Text beyond what is repaired is not read.
        Err(failure) => assert!(body.len() > 1 << 20, "{failure:?}"),
    }
});
