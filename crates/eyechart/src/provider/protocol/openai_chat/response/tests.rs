//! Responses as servers send them, whole and streamed, read as answers.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::provider::OPENAI_CHAT;
use crate::provider::reading::read_answer;
use crate::types::ModelOutput;

/// The answer, or the failure with the part of an answer that came before it.
fn parse(body: &[u8]) -> Result<ModelOutput, (Failure, Option<Box<ModelOutput>>)> {
    let read = read_answer(OPENAI_CHAT, body, false);
    read.outcome.map_err(|failure| (failure, read.unusable.map(Box::new)))
}

#[test]
fn reasoning_is_kept_apart_from_the_answer() {
    let reply = json!({"model": "m-1", "choices": [{"finish_reason": "stop", "message":
        {"content": "B", "reasoning_content": "Hm."}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 3}}});
    let output = parse(reply.to_string().as_bytes()).unwrap();
    assert_eq!((output.text.as_str(), output.reasoning.as_deref()), ("B", Some("Hm.")));
    assert_eq!(output.usage.unwrap().reasoning_tokens, Some(3));

    let parts = json!({"choices": [{"message": {"content": [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "B"}]}}]});
    let output = parse(parts.to_string().as_bytes()).unwrap();
    assert_eq!((output.text.as_str(), output.reasoning.as_deref()), ("B", Some("Hm.")));
}

#[test]
fn an_answer_that_is_none_says_why() {
    let reply = |message: Value, finish: &str| {
        let reply = json!({"choices": [{"message": message, "finish_reason": finish}]});
        parse(reply.to_string().as_bytes()).unwrap_err().0
    };
    assert_eq!(reply(json!({"content": " \n"}), "stop").kind, FailureKind::Empty);
    assert_eq!(reply(json!({"content": null}), "length").kind, FailureKind::Truncated);
    assert_eq!(reply(json!({"content": ""}), "content_filter").kind, FailureKind::Refused);
    assert_eq!(reply(json!({"refusal": "I can't."}), "stop").kind, FailureKind::Refused);
    for broken in ["", "<html>", "{}", "[]", "{\"choices\": [{}]}", "{\"error\": {\"message\": \"busy\"}}"] {
        assert_eq!(parse(broken.as_bytes()).unwrap_err().0.kind, FailureKind::Malformed, "{broken}");
    }
    let upstream = json!({"choices": [{"finish_reason": "error", "message": {"content": "The"},
        "error": {"code": 502, "message": "upstream failed"}}]});
    assert_eq!(parse(upstream.to_string().as_bytes()).unwrap_err().0.kind, FailureKind::ServerError);
}

#[test]
fn odd_fields_beside_an_answer_leave_it_an_answer() {
    let answer = |field: &str, value: Value| {
        let mut reply = json!({"choices": [{"message": {"content": "B"}, "finish_reason": "stop"}]});
        reply[field] = value;
        parse(reply.to_string().as_bytes()).unwrap()
    };
    for (count, read) in [(json!(10.0), Some(10)), (json!(-1), None), (json!(1.5), None), (json!("9"), None)]
    {
        let output = answer("usage", json!({"prompt_tokens": count, "completion_tokens": 4}));
        assert_eq!(output.text, "B");
        let usage = output.usage.unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (read, Some(4)), "{count}");
    }
    assert_eq!(answer("usage", json!([1])).usage, None);
    for nothing in [json!(null), json!({}), json!("")] {
        assert_eq!(answer("error", nothing).text, "B");
    }
}

#[test]
fn an_answer_that_broke_off_is_a_failure_of_the_server_with_what_was_paid_for() {
    let reply = json!({"choices": [{"message": {"content": "The left"}, "finish_reason": "error"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2}});
    let (failure, unusable) = parse(reply.to_string().as_bytes()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::ServerError);
    assert_eq!(unusable.unwrap().usage.unwrap().total(), 11);
}

const BEGINS: &str = ": a comment\n\ndata: {\"model\":\"m-1\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"A ri\"}}]}\n\ndata:{\"choices\":[{\"delta\":{\"content\":\"se.\",\"reasoning_content\":\"Hm.\"}}]}\n\n";
const ENDS: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}\n\n";

#[test]
fn a_stream_is_the_reply_that_its_pieces_are_of_also_without_its_last_line() {
    for end in ["", "data: [DONE]\n\n", "data: [DONE]"] {
        let output = parse(format!("{BEGINS}{ENDS}{end}").as_bytes()).unwrap();
        assert_eq!((output.text.as_str(), output.reasoning.as_deref()), ("A rise.", Some("Hm.")));
        assert_eq!((output.model.as_deref(), output.stop_reason), (Some("m-1"), Some(StopReason::Stop)));
        assert_eq!(output.usage.unwrap().total(), 11);
    }
}

#[test]
fn a_stream_that_breaks_off_or_carries_an_error_is_no_answer() {
    let kind = |end: &str| {
        let (failure, received) = parse(format!("{BEGINS}{end}").as_bytes()).unwrap_err();
        assert_eq!(received.unwrap().text, "A rise.");
        failure.kind
    };
    assert_eq!(kind(""), FailureKind::Malformed);
    assert_eq!(kind("data: {\"choi"), FailureKind::Malformed);
    assert_eq!(kind("data: <html>\n\n"), FailureKind::Malformed);
    let error = "data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\ndata: [DONE]\n\n";
    assert_eq!(kind(error), FailureKind::ServerError);
}

#[test]
fn an_event_may_have_several_data_lines_and_events_may_lack_the_empty_line_between_them() {
    let over_lines = "data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"A\"},\ndata: \"finish_reason\":\"stop\"}]}\n\n";
    assert_eq!(parse(over_lines.as_bytes()).unwrap().text, "A");
    let chunk = |text: &str| format!("data: {}\n", json!({"choices": [{"delta": {"content": text}}]}));
    let without_empty_lines = format!("{}{}data: [DONE]\n{}", chunk("A "), chunk("rise."), chunk("Ignored."));
    assert_eq!(parse(without_empty_lines.as_bytes()).unwrap().text, "A rise.");
}

#[test]
fn what_comes_after_the_model_has_stopped_does_not_spoil_the_answer() {
    for end in ["data: {\"choices\":[],\"usa", "data: null\n\n", "data: {\"choices\":[],\"usage\":{}}\n\n"] {
        let output = parse(format!("{BEGINS}{ENDS}{end}").as_bytes()).unwrap();
        assert_eq!((output.text.as_str(), output.usage.unwrap().total()), ("A rise.", 11), "{end}");
    }
}

#[test]
fn an_empty_finish_reason_does_not_end_an_answer() {
    let unfinished = "data: {\"choices\":[{\"delta\":{\"content\":\"A ri\"},\"finish_reason\":\"\"}]}\n\n";
    assert_eq!(parse(unfinished.as_bytes()).unwrap_err().0.kind, FailureKind::Malformed);
}

#[test]
fn only_the_first_choice_of_a_stream_is_read() {
    let chunk = |index: u8, text: &str| {
        format!("data: {}\n\n", json!({"choices": [{"index": index, "delta": {"content": text}}]}))
    };
    let stream = [chunk(1, "B"), chunk(0, "A"), chunk(1, "B"), "data: [DONE]".to_owned()].concat();
    assert_eq!(parse(stream.as_bytes()).unwrap().text, "A");
}

#[test]
fn white_space_and_a_byte_order_mark_before_a_response_do_not_count() {
    assert_eq!(
        parse(format!(" \n {}{ENDS}", BEGINS.trim_start_matches(": a comment\n\n")).as_bytes()).unwrap().text,
        "A rise."
    );
    let whole = json!({"choices": [{"message": {"content": "B"}}]});
    assert_eq!(parse(format!("\u{feff}{whole}").as_bytes()).unwrap().text, "B");
}

#[test]
fn an_event_that_is_an_error_itself_keeps_its_message() {
    let event = "event: error\ndata: {\"message\":\"mid error\",\"type\":\"server_error\"}\n\n";
    let (failure, received) = parse(format!("{BEGINS}{event}").as_bytes()).unwrap_err();
    assert!(failure.message.contains("mid error"), "{failure:?}");
    assert_eq!(received.unwrap().text, "A rise.");
}

#[test]
fn a_content_of_another_type_is_malformed_and_not_empty() {
    for content in [json!(12), json!({"a": 1}), json!(true)] {
        let reply = json!({"choices": [{"message": {"content": content}}]});
        assert_eq!(parse(reply.to_string().as_bytes()).unwrap_err().0.kind, FailureKind::Malformed);
    }
}

#[test]
fn odd_values_beside_a_good_answer_leave_it_an_answer() {
    for beside in [
        r#""model":5"#,
        r#""object":7,"usage":{"total_time":1e999}"#,
        r#""logprobs":{"x":NaN}"#,
        r#""usage":{"prompt_tokens":1},"usage":{"prompt_tokens":2}"#,
        r#""note":"\ud83d""#,
    ] {
        for message in [r#"{"content":"B","refusal":{}}"#, r#"{"content":"B","refusal":7,"content":"B"}"#] {
            let choice = format!(r#"{{"message":{message},"delta":{message},"finish_reason":3,"index":0}}"#);
            let reply = format!(r#"{{"choices":[{choice}],{beside}}}"#);
            assert_eq!(parse(reply.as_bytes()).unwrap().text, "B", "{reply}");
            let stream = format!("data: {reply}\n\ndata: [DONE]\n\n");
            assert_eq!(parse(stream.as_bytes()).unwrap().text, "B", "{stream}");
        }
    }
}

#[test]
fn fields_of_other_types_leave_an_answer_an_answer() {
    let deep = format!("{}1{}", "[".repeat(2_000), "]".repeat(2_000));
    for beside in [
        r#""error":0"#,
        r#""error":{"code":0,"message":""}"#,
        r#""error":{"code":"x","message":"an error of something else"}"#,
        r#""object":"error""#,
        r#""id":-1e-999999,"created":123456789012345678901234567890"#,
        r#""system_fingerprint":{"a":[{}]},"service_tier":1e400"#,
        &format!(r#""trace":{deep}"#),
        r#""prompt_filter_results":[{"content_filter_results":{"hate":{"filtered":false}}}]"#,
    ] {
        for choice in [
            r#"{"message":{"content":"B","tool_calls":"none"},"delta":"","finish_reason":"stop","index":"0"}"#,
            r#"{"message":{"content":["B"]},"delta":[],"finish_reason":"stop","index":0.0,"error":{}}"#,
            r#"{"message":{"content":{"type":"text","text":"B"}},"finish_reason":"length"},7,null,{"message":7}"#,
        ] {
            let reply = format!(r#"{{{beside},"choices":[{choice}]}}"#);
            assert_eq!(parse(reply.as_bytes()).unwrap().text, "B", "{reply}");
        }
    }
    let stream = [
        r#"{"model":{},"choices":[{"index":"0","delta":{"content":"B"},"message":""},null],"x":NaN}"#,
        r#"{"choices":[{"delta":null,"finish_reason":{"type":"stop"}}],"usage":-Infinity}"#,
        r#"{"error":{"message":"no usage"}}"#,
    ];
    let stream: String = stream.map(|event| format!("data: {event}\n\n")).concat();
    assert_eq!(parse(stream.as_bytes()).unwrap().text, "B");
}

#[test]
fn a_withheld_answer_is_refused_in_the_words_of_every_provider() {
    for reply in [
        json!({"choices": [{"finish_reason": "content_filter", "index": 0}]}),
        json!({"choices": [{"finish_reason": "SAFETY", "message": {"content": ""}}]}),
        json!({"choices": [{"finish_reason": "PROHIBITED_CONTENT", "message": null}]}),
        json!({"choices": [{"finish_reason": "content_filter: RECITATION", "message": {}}]}),
        json!({"choices": [{"finish_reason": "refusal", "message": {"content": null}}]}),
        json!({"choices": [{"finish_reason": "sensitive", "message": {"content": ""}}]}),
        json!({"choices": [{"finish_reason": "guardrail_intervened", "message": {"content": " "}}]}),
        json!({"choices": [{"finish_reason": "stop", "native_finish_reason": "SAFETY", "message": {"content": ""}}]}),
        json!({"choices": [{"finish_reason": "stop", "message": {"content": ""},
            "content_filter_results": {"violence": {"filtered": true, "severity": "high"}}}]}),
        json!({"choices": [{"finish_reason": "stop", "message": {"content": [{"type": "refusal", "refusal": "No."}]}}]}),
        json!({"choices": [], "promptFeedback": {"blockReason": "SAFETY"}}),
        json!({"choices": null, "output_sensitive": true, "base_resp": {"status_code": 1027}}),
        json!({"type": "message", "content": [], "stop_reason": "refusal"}),
        json!({"choices": [{"finish_reason": "error", "message": {"content": ""},
            "error": {"code": 502, "metadata": {"raw": r#"{"error":{"code":"content_filter"}}"#}}}]}),
    ] {
        let failure = parse(reply.to_string().as_bytes()).unwrap_err().0;
        assert_eq!(failure.kind, FailureKind::Refused, "{reply}: {failure:?}");
        let chunk = reply.to_string().replace("\"message\":", "\"delta\":");
        for end in ["", "data: [DONE]\n\n"] {
            let failure = parse(format!("data: {chunk}\n\n{end}").as_bytes()).unwrap_err().0;
            assert_eq!(failure.kind, FailureKind::Refused, "{chunk}: {failure:?}");
        }
    }
    let unharmed = json!({"choices": [{"finish_reason": "stop", "message": {"content": "B"},
        "content_filter_results": {"violence": {"filtered": false}}}]});
    assert_eq!(parse(unharmed.to_string().as_bytes()).unwrap().stop_reason, Some(StopReason::Stop));
}

#[test]
fn a_usage_of_zeros_beside_an_answer_is_unknown() {
    let reply = |content: &str| {
        let message = json!({"message": {"content": content}, "finish_reason": "length"});
        json!({"choices": [message], "usage": {"prompt_tokens": 0, "completion_tokens": 0}}).to_string()
    };
    assert_eq!(parse(reply("B").as_bytes()).unwrap().usage, None);
}

#[test]
fn thinking_within_a_streamed_content_is_reasoning() {
    let thinking = json!({"choices": [{"finish_reason": "stop", "delta": {"content": [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "B"}]}}]});
    let output = parse(format!("data: {thinking}\n\n").as_bytes()).unwrap();
    assert_eq!((output.text.as_str(), output.reasoning.as_deref()), ("B", Some("Hm.")));
}

fn decode(pieces: impl Iterator<Item = impl AsRef<[u8]>>) -> Vec<Event> {
    let (mut decoder, mut events) = (ResponseDecoder::default(), Vec::new());
    pieces.for_each(|piece| decoder.push(piece.as_ref(), &mut events));
    decoder.finish(&mut events);
    events
}

proptest! {
    #[test]
    fn the_events_do_not_depend_on_how_the_network_splits_the_bytes(
        size in 1_usize..40,
        ends_with_done in any::<bool>(),
        is_crlf in any::<bool>(),
        is_whole in any::<bool>(),
    ) {
        let whole = json!({"model": "m", "choices": [{"message": {"content": "Grüße, 猫!"}, "finish_reason": "stop"}]});
        let done = if ends_with_done { "data: [DONE]" } else { "" };
        let stream = format!("{BEGINS}data: {}\n\n{ENDS}{done}", json!({"choices": [{"delta": {"content": "猫"}}]}));
        let text = if is_whole { whole.to_string() } else { stream };
        let text = if is_crlf { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text };
        let expected = decode([&text].into_iter());
        prop_assert_eq!(decode(text.as_bytes().chunks(size)), expected);
    }

    #[test]
    fn any_value_in_another_field_leaves_an_answer_an_answer(
        value in any_json(),
        field in prop::sample::select(vec!["error", "model", "usage", "object", "id", "x"]),
        of_choice in prop::sample::select(vec!["index", "native_finish_reason", "delta", "error", "x"]),
        of_message in prop::sample::select(vec!["refusal", "reasoning_content", "reasoning", "x"]),
    ) {
        let reply = json!({field: value, "choices": [
            {of_choice: value, "finish_reason": "stop", "message": {of_message: value, "content": "B"}}]});
        prop_assert_eq!(parse(reply.to_string().as_bytes()).unwrap().text, "B", "{}", reply);
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let word = || {
        prop_oneof![
            "[a-z_]{0,12}",
            Just("error".to_owned()),
            Just("SAFETY".to_owned()),
            Just("code".to_owned())
        ]
    };
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(word(), inner, 0..4).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

#[test]
fn events_with_a_message_in_place_of_a_delta_are_read_and_repeat_nothing() {
    let event = |name: &str, text: &str, finish: Option<&str>| {
        let choice =
            json!({"index": 0, name: {"role": "assistant", "content": text}, "finish_reason": finish});
        format!("data: {}\n\n", json!({"choices": [choice]}))
    };
    let whole = event("message", "A rise.", Some("stop"));
    let pieces = [event("message", "A ", None), event("message", "rise.", Some("stop"))].concat();
    let growing = [event("message", "A ", None), event("message", "A rise.", Some("stop"))].concat();
    let repeated = [event("delta", "A rise.", None), event("message", "A rise.", Some("stop"))].concat();
    for events in [whole, pieces, growing, repeated] {
        assert_eq!(
            parse(format!("{events}data: [DONE]\n\n").as_bytes()).unwrap().text,
            "A rise.",
            "{events}"
        );
    }
}
