//! Errors in the shapes and words of servers in the wild, each as the kind that it is.

use FailureKind::{Auth, BadRequest, NotFound, RateLimited, Refused, ServerError, TooLarge};
use serde_json::json;

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
        assert_eq!(ErrorBody::of_body(body.as_bytes()).message, text);
    }
}

/// As the servers named beside them word it.
const IN_THE_WILD: [(u16, &str, FailureKind); 42] = [
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
    (500, r#"{"error":"image processing exceeds time budget"}"#, ServerError),
    // Gemini's limit of a minute; a gateway that has no status but 400.
    (429, GEMINI_MINUTE, RateLimited),
    (400, r#"{"error":{"message":"slow down","code":"429"}}"#, RateLimited),
    (400, r#"{"object":"error","message":"slow down","code":429}"#, RateLimited),
    (429, r#"{"error":{"message":"Billing limit reached","code":"billing_hard_limit_reached"}}"#, Auth),
    // An account that is shut, and a request that is not liked.
    (403, r#"{"error":{"message":"Your account has been flagged for potential abuse."}}"#, Auth),
    (403, r#"{"error":{"message":"Your API key was flagged and disabled."}}"#, Auth),
    (
        403,
        r#"{"error":{"message":"Your prompt was flagged as potentially violating our usage policy."}}"#,
        Refused,
    ),
    // One sample's picture, not everybody's model; Ollama's, and a model named like a picture.
    (
        400,
        r#"{"error":{"message":"Error while preparing inputs for model llava-1.6: image http://x/y.png: 404 Not Found"}}"#,
        BadRequest,
    ),
    (400, r#"{"error":{"message":"Bad request: invalid model input image"}}"#, BadRequest),
    (404, r#"{"error":{"message":"image at https://x/model/y.png not found"}}"#, BadRequest),
    (404, r#"{"error":{"message":"model \"llava:7b\" not found, try pulling it first"}}"#, NotFound),
    (
        400,
        r#"{"error":{"message":"The model `gpt-image-1` does not exist or you do not have access to it."}}"#,
        NotFound,
    ),
    // OpenRouter of a model that takes no pictures: every sample would meet it.
    (404, r#"{"error":{"message":"No endpoints found that support image input","code":404}}"#, NotFound),
    (404, r#"{"detail":"Not Found"}"#, NotFound),
];

/// As Gemini's OpenAI-compatible address sends it, with links left out.
const GEMINI_MINUTE: &str = r#"[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.\n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 10\nPlease retry in 15.002899939s.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"generativelanguage.googleapis.com/generate_content_free_tier_requests","quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier","quotaValue":"10"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"15s"}]}}]"#;

#[test]
fn a_wait_is_read_from_the_details_else_from_the_words() {
    let wait = |body: &str| ErrorBody::of_body(body.as_bytes()).wait;
    assert_eq!(wait(GEMINI_MINUTE), Some(Duration::from_secs(15)));
    let words = |words: &str| wait(&json!({"error": {"message": words}}).to_string());
    assert_eq!(words("Please retry in 15.002899939s."), Some(Duration::from_nanos(15_002_899_939)));
    assert_eq!(words("Please retry in 1h2m3.5s."), Some(Duration::from_millis(3_723_500)));
    for none in ["Please retry in a while.", "Please retry in -3s", "Please retry in ", "slow down"] {
        assert_eq!(words(none), None, "{none}");
    }
}

#[test]
fn an_error_with_status_200_is_found_wherever_it_is_and_one_that_says_nothing_is_none() {
    let kind = |reply: Value| ErrorBody::in_reply(&reply).map(|error| error.kind_without_status());
    for (reply, expected) in [
        (json!({"choices": null, "error": {"code": 429}}), Some(RateLimited)),
        (json!({"object": "error", "message": "overloaded", "code": 503}), Some(ServerError)),
        (json!({"error": "overloaded", "code": 503}), Some(ServerError)),
        (json!([{"error": {"code": 503, "message": "overloaded"}}]), Some(ServerError)),
        (json!({"choices": [{"error": {"code": 502}}], "error": {}}), Some(ServerError)),
        (json!({"choices": [], "error": {"message": "busy"}}), Some(FailureKind::Malformed)),
    ] {
        assert_eq!(kind(reply.clone()), expected, "{reply}");
    }
    for nothing in [json!(null), json!({}), json!(""), json!([]), json!({"message": "", "code": null})] {
        assert_eq!(kind(json!({"object": "chat.completion", "error": nothing})), None, "{nothing}");
    }
}

#[test]
fn each_error_in_the_wild_is_counted_as_what_it_is() {
    for (status, body, kind) in IN_THE_WILD {
        assert_eq!(ErrorBody::of_body(body.as_bytes()).kind(status), kind, "{status} {body}");
    }
}

#[test]
fn an_error_with_status_200_is_counted_by_its_code_as_number_or_text_else_by_its_words() {
    let kind = |error: Value| ErrorBody::of_error(&error).kind_without_status();
    assert_eq!(kind(serde_json::json!({"message": "slow down", "code": "429"})), RateLimited);
    assert_eq!(kind(serde_json::json!({"message": "upstream failed", "code": 502})), ServerError);
    assert_eq!(kind(serde_json::json!({"message": "no such key", "code": "401"})), Auth);
    assert_eq!(kind(serde_json::json!({"code": "content_filter", "message": "no"})), Refused);
    assert_eq!(kind(serde_json::json!("busy")), FailureKind::Malformed);
}

#[test]
fn a_withheld_answer_is_refused_by_its_code_whatever_the_status_and_the_message() {
    for (status, body) in [
        // Azure, with a message that sounds like another failure.
        (
            400,
            r#"{"error":{"message":"Invalid API key or image too large","code":null,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true}}}}}"#,
        ),
        (
            400,
            r#"{"error":{"message":"model not found","innererror":{"content_filter_result":{"jailbreak":{"filtered":true}}}}}"#,
        ),
        // DashScope in both of its shapes, Moonshot, DeepSeek, Zhipu, Volcengine, MiniMax.
        (
            400,
            r#"{"code":"DataInspectionFailed","message":"Input data may contain inappropriate content.","request_id":"1"}"#,
        ),
        (500, r#"{"error":{"code":"data_inspection_failed","message":"internal","type":"x"}}"#),
        (
            400,
            r#"{"error":{"message":"The request was rejected because it was considered high risk","type":"content_filter"}}"#,
        ),
        (400, r#"{"error":{"message":"Content Exists Risk","type":"invalid_request_error"}}"#),
        (400, r#"{"error":{"code":"1301","message":"系统检测到输入或生成内容可能包含不安全或敏感内容"}}"#),
        (400, r#"{"error":{"code":"InputImageSensitiveContentDetected","message":"no"}}"#),
        (400, r#"{"base_resp":{"status_code":1026,"status_msg":"input new_sensitive"}}"#),
        // Gemini, LiteLLM, xAI, OpenRouter with the error of its provider as text.
        (400, r#"[{"error":{"code":400,"message":"blocked","status":"PROHIBITED_CONTENT"}}]"#),
        (
            500,
            r#"{"error":{"message":"litellm.ContentPolicyViolationError: no","type":"ContentPolicyViolationError","code":"500"}}"#,
        ),
        (
            403,
            r#"{"code":"permission-denied","error":"Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_CSAM"}"#,
        ),
        (
            502,
            r#"{"error":{"code":502,"message":"Provider returned error","metadata":{"raw":"{\"error\":{\"code\":\"content_filter\"}}"}}}"#,
        ),
        // A number that strict parsers refuse.
        (400, r#"{"error":{"message":"no","code":"content_filter","score":NaN}}"#),
    ] {
        let error = ErrorBody::of_body(body.as_bytes());
        assert_eq!(error.kind(status), Refused, "{status} {body}");
        assert_eq!(error.kind_without_status(), Refused, "200 {body}");
    }
    for message in [
        "'response_format' is flagged as deprecated",
        "Unsupported parameter: 'safety_settings'; the content filter is always on",
    ] {
        let body = serde_json::json!({"error": {"message": message}}).to_string();
        assert_eq!(ErrorBody::of_body(body.as_bytes()).kind(400), BadRequest, "{message}");
    }
    let unharmed =
        r#"{"error":{"message":"no","innererror":{"content_filter_result":{"hate":{"filtered":false}}}}}"#;
    assert_eq!(ErrorBody::of_body(unharmed.as_bytes()).kind(400), BadRequest);
}
