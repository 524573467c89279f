//! What an error says, in whichever of the shapes that servers use, and how it is counted: by its status, and by its
//! words where servers have one status for several things. The words are those of servers in the wild.

use serde_json::Value;

use super::http::one_line;
use crate::types::FailureKind;

/// Characters in which `model` and what is wrong with it belong together.
const CLOSE: usize = 80;

/// An error as far as it can be read.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// For people, on one line; empty where there is nothing.
    pub(super) message: String,
    /// Its `code` and `type`, for programs.
    code: String,
    /// The code, where it is an HTTP status.
    status: Option<u16>,
}

impl Said {
    /// What the body of a reply that is no answer says.
    pub(super) fn of_body(body: &[u8]) -> Self {
        let parsed: Option<Value> = serde_json::from_slice(body).ok();
        // Gemini's servers wrap their errors in a list.
        let parsed = parsed.as_ref().map(|body| body.get(0).unwrap_or(body));
        let error =
            parsed.and_then(|body| ["error", "detail", "message"].iter().find_map(|key| some(body, key)));
        let said = error.map(Self::of_error).filter(|said| !said.message.is_empty());
        // Mistral's have the code beside the message.
        let beside = || parsed.map(code_of).unwrap_or_default();
        match said {
            Some(said) if said.code.is_empty() => Self { code: beside(), ..said },
            Some(said) => said,
            None => Self { message: one_line(body), code: beside(), status: None },
        }
    }

    /// What the value of an `error` says.
    pub(super) fn of_error(error: &Value) -> Self {
        let message = one_line(text_of(error).as_bytes());
        Self { message, code: code_of(error), status: status_of(error) }
    }

    /// How a reply with this status other than 200 is counted.
    pub(super) fn kind(&self, status: u16) -> FailureKind {
        match status {
            // A key without credit is refused like a wrong one, and the rest of the run would meet it too.
            401 | 402 => FailureKind::Auth,
            403 if self.is_filtered() && !self.is_about_the_account() => FailureKind::Refused,
            403 => FailureKind::Auth,
            // A picture that the server looked for in vain is its sample's, whatever the status.
            404 if self.is_about_a_picture() => FailureKind::BadRequest,
            // Every other request would be redirected, sent with a wrong method, or told that the model is gone.
            300..=399 | 404 | 405 | 410 => FailureKind::NotFound,
            413 => FailureKind::TooLarge,
            429 if self.is_out_of_credit() => FailureKind::Auth,
            429 => FailureKind::RateLimited,
            500 if self.is_context_too_large() => FailureKind::TooLarge,
            408 | 409 | 500.. => FailureKind::ServerError,
            // Gateways that have one status for all say the true one in the code.
            400 if self.status == Some(429) => FailureKind::RateLimited,
            _ => self.kind_by_words().unwrap_or(FailureKind::BadRequest),
        }
    }

    /// How an error that came with status 200 is counted: by its code, where that is a status.
    pub(super) fn kind_without_status(&self) -> FailureKind {
        match self.status {
            Some(status) => self.kind(status),
            None => self.kind_by_words().unwrap_or(FailureKind::Malformed),
        }
    }

    /// Some gateways have no status but 400 for any of these, so only the words tell.
    fn kind_by_words(&self) -> Option<FailureKind> {
        if self.refuses_key() {
            Some(FailureKind::Auth)
        } else if self.is_too_large() {
            Some(FailureKind::TooLarge)
        } else if self.is_filtered() {
            Some(FailureKind::Refused)
        } else if self.lacks_model() {
            Some(FailureKind::NotFound)
        } else {
            None
        }
    }

    fn refuses_key(&self) -> bool {
        let refused = self.says(&["invalid", "not valid", "incorrect", "expired"]);
        self.is_coded(&["invalid_api_key"]) || refused && self.says(&["api key", "api_key"])
    }

    fn is_out_of_credit(&self) -> bool {
        // Not by words: Gemini has OpenAI's for a quota that a minute's wait renews.
        self.is_coded(&["insufficient_quota", "billing"])
    }

    fn is_filtered(&self) -> bool {
        const CODES: [&str; 5] = [
            "content_filter",
            "content_policy",
            "moderation",
            "prohibited_content",
            "data_inspection_failed",
        ];
        const WORDS: [&str; 6] = [
            "content management policy",
            "content policy",
            "content filter",
            "safety system",
            "inappropriate content",
            "flagged",
        ];
        self.is_coded(&CODES) || self.says(&WORDS)
    }

    fn is_about_the_account(&self) -> bool {
        self.says(&["your account", "api key", "organization"])
    }

    fn is_about_a_picture(&self) -> bool {
        self.says(&["image", "picture"]) && !self.lacks_model()
    }

    fn is_too_large(&self) -> bool {
        let picture = self.says(&["image", "picture"])
            && self.says(&["too large", "too big", "exceeds", "exceed max", "exceed the max"]);
        self.is_context_too_large() || picture
    }

    fn is_context_too_large(&self) -> bool {
        const CODES: [&str; 3] = ["context_length", "exceed_context_size", "request_too_large"];
        const CONTEXT: [&str; 9] = [
            "context length",
            "context size",
            "context window",
            "maximum model length",
            "number of tokens allowed",
            "prompt is too long",
            "payload size exceeds",
            "request too large",
            "request entity too large",
        ];
        self.is_coded(&CODES) || self.says(&CONTEXT)
    }

    fn lacks_model(&self) -> bool {
        let message = self.message.to_lowercase();
        let behind =
            message.split_once("model").map(|(_, behind)| behind.chars().take(CLOSE).collect::<String>());
        let missing = ["not exist", "not found"].map(|words| behind.as_ref()?.find(words));
        // What is missing may also be something that was to be given to the model.
        let others = ["image", "picture", "file", "url", "http"];
        let is_the_model = |at: usize| {
            behind.as_ref().is_some_and(|behind| !others.iter().any(|other| behind[..at].contains(other)))
        };
        self.is_coded(&["model_not_found", "invalid_model"])
            || self.says(&["unknown model"])
            || missing.into_iter().flatten().any(is_the_model)
    }

    fn says(&self, words: &[&str]) -> bool {
        let message = self.message.to_lowercase();
        words.iter().any(|words| message.contains(words))
    }

    fn is_coded(&self, codes: &[&str]) -> bool {
        let own = self.code.to_lowercase();
        codes.iter().any(|code| own.contains(code))
    }
}

fn some<'a>(body: &'a Value, key: &str) -> Option<&'a Value> {
    body.get(key).filter(|value| !value.is_null())
}

fn text_of(error: &Value) -> String {
    match error {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join("; "),
        Value::Object(fields) => match fields.get("message").or_else(|| fields.get("msg")) {
            Some(Value::String(text)) => text.clone(),
            _ => error.to_string(),
        },
        other => other.to_string(),
    }
}

/// Codes and types that are texts, with those of an inner error, where Azure's servers have them.
fn code_of(error: &Value) -> String {
    let own = ["code", "type"].iter().filter_map(|key| error.get(key)?.as_str());
    let inner = error.get("innererror").and_then(|inner| inner.get("code")?.as_str());
    own.chain(inner).collect::<Vec<_>>().join(" ")
}

/// The code, where it is an HTTP status, as a number or as a text.
fn status_of(error: &Value) -> Option<u16> {
    let code = ["code", "status"].iter().find_map(|key| match error.get(key)? {
        Value::Number(code) => code.as_u64(),
        Value::String(code) => code.parse().ok(),
        _ => None,
    });
    code.and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code))
}

#[cfg(test)]
mod tests {
    use FailureKind::{Auth, BadRequest, NotFound, RateLimited, Refused, ServerError, TooLarge};

    use super::*;

    #[test]
    fn error_bodies_are_read_in_every_shape_that_servers_send() {
        for (body, text) in [
            (r#"{"error": {"message": "too\nbig", "code": "429"}}"#, "too big"),
            (r#"{"error": "too big"}"#, "too big"),
            (r#"[{"error": {"message": "too big"}}]"#, "too big"),
            (r#"{"detail": [{"msg": "too big", "loc": ["body"]}]}"#, "too big"),
            (r#"{"detail": "too big"}"#, "too big"),
            (r#"{"message": "too big"}"#, "too big"),
            (r#"{"error": null, "message": "too big"}"#, "too big"),
            (r#"{"error": null}"#, r#"{"error": null}"#),
            ("<html>\n  <b>502</b></html>", "<html> <b>502</b></html>"),
            ("", ""),
        ] {
            assert_eq!(Said::of_body(body.as_bytes()).message, text);
        }
    }

    /// As the servers named beside them word it.
    const IN_THE_WILD: [(u16, &str, FailureKind); 34] = [
        // OpenAI, vLLM, SGLang, Mistral, Gemini, llama.cpp, Anthropic, a proxy.
        (
            400,
            r#"{"error":{"message":"This model's maximum context length is 128000 tokens. However, your messages resulted in 140000 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            TooLarge,
        ),
        (
            400,
            r#"{"object":"error","message":"The decoder prompt (length 5004) is longer than the maximum model length of 4096.","type":"BadRequestError","code":400}"#,
            TooLarge,
        ),
        (
            400,
            r#"{"object":"error","message":"The input (5004 tokens) is longer than the model's context length (4096 tokens).","type":"BadRequest","code":400}"#,
            TooLarge,
        ),
        (
            400,
            r#"{"object":"error","message":"Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length","type":"invalid_request_error","code":"3051"}"#,
            TooLarge,
        ),
        (
            400,
            r#"[{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}]"#,
            TooLarge,
        ),
        (
            500,
            r#"{"error":{"code":500,"message":"the request exceeds the available context size. try increasing it","type":"server_error"}}"#,
            TooLarge,
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"messages.0.content.1.image.source.base64: image exceeds 5 MB maximum: 6291456 bytes > 5242880 bytes"}}"#,
            TooLarge,
        ),
        (413, "<html><head><title>413 Request Entity Too Large</title></head></html>", TooLarge),
        // Azure, OpenAI, OpenRouter, DashScope.
        (
            400,
            r#"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            Refused,
        ),
        (
            400,
            r#"{"error":{"message":"Your request was rejected as a result of our safety system.","code":"content_policy_violation"}}"#,
            Refused,
        ),
        (
            403,
            r#"{"error":{"code":403,"message":"Input was flagged by moderation","metadata":{"reasons":["violence"]}}}"#,
            Refused,
        ),
        (
            400,
            r#"{"error":{"code":"data_inspection_failed","message":"Input data may contain inappropriate content."}}"#,
            Refused,
        ),
        // OpenAI, a Gemini gateway, xAI, OpenRouter and DeepSeek without credit, OpenAI without quota.
        (401, r#"{"error":{"message":"Incorrect API key provided: sk-1.","code":"invalid_api_key"}}"#, Auth),
        (
            400,
            r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]"#,
            Auth,
        ),
        (
            400,
            r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***1."}"#,
            Auth,
        ),
        (
            402,
            r#"{"error":{"message":"Insufficient credits. Add more using https://openrouter.ai/settings/credits","code":402}}"#,
            Auth,
        ),
        (
            429,
            r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","code":"insufficient_quota"}}"#,
            Auth,
        ),
        (403, "<html>Attention required</html>", Auth),
        // vLLM, Mistral, DeepSeek, a redirect to another address, an address without /v1.
        (
            404,
            r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","code":404}"#,
            NotFound,
        ),
        (
            400,
            r#"{"object":"error","message":"Invalid model: pixtral-13b","type":"invalid_model","code":"1500"}"#,
            NotFound,
        ),
        (400, r#"{"error":{"message":"Model Not Exist","type":"invalid_request_error"}}"#, NotFound),
        (308, "", NotFound),
        (405, r#"{"detail":"Method Not Allowed"}"#, NotFound),
        // What says nothing of the above stays what its status is.
        (
            429,
            r#"{"error":{"code":"429","message":"Rate limit reached for model x: 0 of 3 requests left"}}"#,
            RateLimited,
        ),
        (
            400,
            r#"{"error":{"message":"max_tokens is too large: 5000. This model supports at most 4096 completion tokens.","param":"max_tokens"}}"#,
            BadRequest,
        ),
        (
            400,
            r#"{"object":"error","message":"At most 1 image(s) may be provided in one prompt.","code":400}"#,
            BadRequest,
        ),
        (500, r#"{"error":"out of memory"}"#, ServerError),
        // Gemini's limit of a minute, in OpenAI's words for an account without credit.
        (
            429,
            r#"[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details. Quota exceeded for metric: generate_content_free_tier_requests, limit: 10. Please retry in 15.002899939s.","status":"RESOURCE_EXHAUSTED"}}]"#,
            RateLimited,
        ),
        // Pictures that the server could not get or use.
        (
            400,
            r#"{"error":{"message":"Error while preparing inputs for model llava-1.6: image http://x/y.png: 404 Not Found"}}"#,
            BadRequest,
        ),
        (400, r#"{"error":{"message":"invalid model input image"}}"#, BadRequest),
        (404, r#"{"error":{"message":"image at https://x/y.png not found"}}"#, BadRequest),
        (500, r#"{"error":{"message":"image processing exceeds time budget"}}"#, ServerError),
        // An account, and a gateway with one status for all.
        (403, r#"{"error":{"message":"Your account has been flagged for potential abuse"}}"#, Auth),
        (400, r#"{"error":{"message":"slow down","code":"429"}}"#, RateLimited),
    ];

    #[test]
    fn each_error_in_the_wild_is_counted_as_what_it_is() {
        for (status, body, kind) in IN_THE_WILD {
            assert_eq!(Said::of_body(body.as_bytes()).kind(status), kind, "{status} {body}");
        }
    }

    #[test]
    fn an_error_with_status_200_is_counted_by_its_code_as_number_or_text_else_by_its_words() {
        let kind = |error: Value| Said::of_error(&error).kind_without_status();
        assert_eq!(kind(serde_json::json!({"message": "slow down", "code": "429"})), RateLimited);
        assert_eq!(kind(serde_json::json!({"message": "upstream failed", "code": 502})), ServerError);
        assert_eq!(kind(serde_json::json!({"message": "no such key", "code": "401"})), Auth);
        assert_eq!(kind(serde_json::json!({"code": "content_filter", "message": "no"})), Refused);
        assert_eq!(kind(serde_json::json!("busy")), FailureKind::Malformed);
    }
}
