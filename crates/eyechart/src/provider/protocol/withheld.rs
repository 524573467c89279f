//! Answers that a content filter or the model withheld, in the words of servers in the wild.

use serde_json::Value;

/// Reasons why a model stopped, in small letters and without other characters.
const REASONS: [&str; 21] = [
    "blocked",
    "blocklist",
    "censored",
    "contentfilter",
    "contentfiltered",
    "contentpolicyviolation",
    "errortoxic",
    "flagged",
    "guardrailintervened",
    "imageprohibitedcontent",
    "imagesafety",
    "language",
    "modelarmor",
    "moderation",
    "prohibitedcontent",
    "recitation",
    "refusal",
    "refused",
    "safety",
    "sensitive",
    "spii",
];

/// Parts of the codes of errors, in small letters and without other characters.
const CODES: [&str; 14] = [
    "contentfilter",
    "contentpolicy",
    "contentviolation",
    "datainspectionfailed",
    "guardrail",
    "jailbreak",
    "moderation",
    "prohibitedcontent",
    "responsibleai",
    "safetyblock",
    "safetycheck",
    "sensitivecontent",
    "sensitivewords",
    "unsafecontent",
];

/// The fields with the reason why a model stopped or a request was blocked.
const REASON_FIELDS: [&str; 7] = [
    "blockReason",
    "block_reason",
    "finishReason",
    "finish_reason",
    "native_finish_reason",
    "stopReason",
    "stop_reason",
];

/// The fields with the code of an error.
const CODE_FIELDS: [&str; 4] = ["code", "type", "status", "reason"];

/// The fields that are true if something was withheld.
const FLAGS: [&str; 3] = ["filtered", "input_sensitive", "output_sensitive"];

/// Whether the reason why the model stopped is that the answer is withheld.
pub(super) fn is_reason(reason: &str) -> bool {
    let plain = plain(reason);
    let plain = plain.strip_prefix("finishreason").unwrap_or(&plain);
    // Gemini's servers append their own word.
    REASONS.contains(&plain) || plain.starts_with("contentfilter")
}

/// Whether the code is that of an answer or a prompt that is withheld.
fn is_code(code: &str) -> bool {
    let plain = plain(code);
    CODES.iter().any(|part| plain.contains(part))
}

/// Whether a reply, or a part of one, reports that the prompt or the answer is withheld.
pub(super) fn is_withheld(reply: &Value) -> bool {
    match reply {
        Value::Array(items) => items.iter().any(is_withheld),
        Value::Object(fields) => fields.iter().any(|(name, value)| match value {
            Value::Bool(is_set) => *is_set && FLAGS.contains(&name.as_str()),
            Value::String(text) if REASON_FIELDS.contains(&name.as_str()) => is_reason(text),
            Value::String(text) if CODE_FIELDS.contains(&name.as_str()) => is_code(text),
            // OpenRouter has the error of the provider as text.
            Value::String(text) if name == "raw" => {
                serde_json::from_str(text).is_ok_and(|raw: Value| is_withheld(&raw))
            }
            // MiniMax: the prompt, and the answer.
            Value::Number(code) if name == "status_code" => matches!(code.as_u64(), Some(1026 | 1027)),
            value => is_withheld(value),
        }),
        _ => false,
    }
}

fn plain(word: &str) -> String {
    word.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}
