//! A response of the protocol: a whole JSON object, or a stream of events. Some gateways stream even if nobody asks for it.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Deserializer, Value};

use super::super::error_body::{ErrorBody, one_line};
use super::super::event_stream::{EventStream, is_event_stream, without_blanks, without_mark};
use super::super::{Decoder, Event};
use crate::text::repaired_json;
use crate::types::{Failure, FailureKind, StopReason, Usage};

/// The data of the event that ends a stream.
const DONE: &[u8] = b"[DONE]";

/// Decodes one response.
#[derive(Debug)]
pub(super) struct ResponseDecoder {
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// The first bytes, too few to know the form.
    Unknown(Vec<u8>),
    /// A JSON object as far as it was received.
    Whole(Vec<u8>),
    Stream(EventStream, Progress),
}

/// How far a stream has come.
#[derive(Debug, Default)]
struct Progress {
    /// Whether the model has stopped: a stream may end without `[DONE]` then.
    has_stopped: bool,
    /// Whether `[DONE]` or a failure came: what comes after it does not count.
    has_ended: bool,
}

impl Default for ResponseDecoder {
    fn default() -> Self {
        Self { form: Form::Unknown(Vec::new()) }
    }
}

impl Decoder for ResponseDecoder {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        match &mut self.form {
            Form::Whole(body) => body.extend_from_slice(bytes),
            Form::Stream(stream, progress) => stream.push(bytes, |data| progress.read(data, events)),
            Form::Unknown(start) => {
                start.extend_from_slice(bytes);
                let start = std::mem::take(start);
                self.form = match is_event_stream(&start) {
                    None => Form::Unknown(start),
                    Some(false) => Form::Whole(start),
                    Some(true) => {
                        self.form = Form::Stream(EventStream::default(), Progress::default());
                        return self.push(without_blanks(&start), events);
                    }
                };
            }
        }
    }

    fn is_complete(&self) -> bool {
        matches!(&self.form, Form::Stream(_, progress) if progress.has_ended)
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        match &mut self.form {
            Form::Unknown(body) | Form::Whole(body) => read_whole(without_mark(body), events),
            Form::Stream(stream, progress) => {
                stream.finish(|data| progress.read(data, events));
                if !progress.has_ended && !progress.has_stopped {
                    let message = "the reply is a stream that breaks off: expected a finish_reason or [DONE]";
                    events.push(malformed(message.to_owned()));
                }
            }
        }
    }
}

/// The fields of a response, or of one chunk of a stream.
#[derive(Deserialize)]
struct Reply {
    choices: Option<Vec<Choice>>,
    // A value of another type than the protocol's is no reason to lose the answer beside it.
    model: Option<Value>,
    usage: Option<Value>,
    object: Option<Value>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    index: Option<Value>,
    /// In a whole response.
    message: Option<Message>,
    /// In a chunk.
    delta: Option<Message>,
    finish_reason: Option<Value>,
    error: Option<Value>,
}

/// A message, or the next piece of one.
#[derive(Default, Deserialize)]
struct Message {
    content: Option<Value>,
    refusal: Option<Value>,
    reasoning_content: Option<Value>,
    reasoning: Option<Value>,
}

fn read_whole(body: &[u8], events: &mut Vec<Event>) {
    let reply = match whole_reply(body) {
        Ok(Ok(reply)) => reply,
        Ok(Err(failure)) => return events.push(Event::Failed(failure)),
        Err(error) => {
            let message = format!("expected a chat completion ({error}), got {:?}", one_line(body));
            return events.push(malformed(message));
        }
    };
    push_model_and_usage(reply.model, reply.usage, events);
    let choice = reply.choices.into_iter().flatten().next();
    let Some(Choice { message: Some(message), finish_reason, .. }) = choice else {
        return events.push(malformed("expected choices[0].message in the reply, found none".to_owned()));
    };
    if let Some(content @ (Value::Number(_) | Value::Bool(_) | Value::Object(_))) = &message.content {
        let expected = "expected a text or a list in choices[0].message.content";
        return events
            .push(malformed(format!("{expected}, got {:?}", one_line(content.to_string().as_bytes()))));
    }
    push_message(message, events);
    push_finish_reason(finish_reason.as_ref().and_then(Value::as_str), events);
}

/// The fields of a whole response. Most responses are answers and are read at once; only what may be an error is read as a
/// tree of values.
fn whole_reply(body: &[u8]) -> Result<Result<Reply, Failure>, serde_json::Error> {
    match serde_json::from_slice::<Reply>(body) {
        Ok(reply) if !reply.may_be_error() => Ok(Ok(reply)),
        _ => match serde_json::from_slice(body) {
            Ok(value) => reply_of(value),
            Err(error) => {
                let repaired = repaired_json(body).and_then(|text| serde_json::from_str(&text).ok());
                repaired.ok_or(error).and_then(reply_of)
            }
        },
    }
}

impl Reply {
    fn may_be_error(&self) -> bool {
        let mut choices = self.choices.iter().flatten();
        self.error.is_some()
            || self.object.as_ref().is_some_and(|object| object == "error")
            || choices.any(|choice| choice.error.is_some())
    }
}

impl Progress {
    /// Reads the data of one event: usually one chunk. Servers that send no empty lines put several into one event.
    fn read(&mut self, data: &[u8], events: &mut Vec<Event>) {
        if self.has_ended {
            return;
        }
        let chunks = before_done(data);
        for chunk in values_of(chunks) {
            // Some gateways send `null` to keep the connection alive.
            if matches!(chunk, Ok(Value::Null)) {
                continue;
            }
            match chunk.and_then(reply_of) {
                // The answer is complete: only what comes after it broke off.
                Err(_) if self.has_stopped => break,
                Ok(Ok(chunk)) => self.read_chunk(chunk, events),
                Ok(Err(failure)) => return self.fail(Event::Failed(failure), events),
                Err(error) => {
                    let expected = format!("expected events of a chat completion ({error})");
                    return self.fail(malformed(format!("{expected}, got {:?}", one_line(data))), events);
                }
            }
        }
        self.has_ended = chunks.len() < data.len();
    }

    fn read_chunk(&mut self, chunk: Reply, events: &mut Vec<Event>) {
        push_model_and_usage(chunk.model, chunk.usage, events);
        // The last chunk may have the usage only. Other choices than the first are not asked for.
        let mut choices = chunk.choices.into_iter().flatten();
        let Some(choice) = choices.find(|choice| choice.index.as_ref().is_none_or(|index| index == 0)) else {
            return;
        };
        push_message(choice.delta.unwrap_or_default(), events);
        let reason =
            choice.finish_reason.as_ref().and_then(Value::as_str).filter(|reason| !reason.is_empty());
        self.has_stopped |= reason.is_some();
        push_finish_reason(reason, events);
    }

    fn fail(&mut self, failure: Event, events: &mut Vec<Event>) {
        self.has_ended = true;
        events.push(failure);
    }
}

/// The JSON values of an event, up to the first that cannot be read.
fn values_of(data: &[u8]) -> Vec<Result<Value, serde_json::Error>> {
    let parse = |data: &[u8]| Deserializer::from_slice(data).into_iter::<Value>().collect::<Vec<_>>();
    let values = parse(data);
    if values.iter().all(Result::is_ok) {
        return values;
    }
    let repaired = repaired_json(data).map(|text| parse(text.as_bytes()));
    repaired.filter(|repaired| repaired.iter().all(Result::is_ok)).unwrap_or(values)
}

/// The lines before `[DONE]`; all lines if there is no such line.
fn before_done(data: &[u8]) -> &[u8] {
    let mut start = 0;
    for line in data.split(|byte| *byte == b'\n') {
        if line == DONE {
            return &data[..start];
        }
        start += line.len() + 1;
    }
    data
}

/// The fields that are read; the inner error if the value carries an error, whatever else is in it.
fn reply_of<T: DeserializeOwned>(value: Value) -> Result<Result<T, Failure>, serde_json::Error> {
    match ErrorBody::in_reply(&value) {
        Some(error) => Ok(Err(error.failure_without_status())),
        None => serde_json::from_value(value).map(Ok),
    }
}

fn push_model_and_usage(model: Option<Value>, usage: Option<Value>, events: &mut Vec<Event>) {
    events.extend(model.as_ref().and_then(Value::as_str).map(|model| Event::Model(model.to_owned())));
    let usage = usage.as_ref().map(usage_of).filter(|usage| *usage != Usage::default());
    events.extend(usage.map(Event::Usage));
}

fn push_message(message: Message, events: &mut Vec<Event>) {
    events.extend(reasoning_of(&message).map(Event::Reasoning));
    events.extend(message.content.as_ref().map(|content| Event::Text(content_text(content))));
    let refusal = message.refusal.as_ref().and_then(Value::as_str).filter(|refusal| !refusal.is_empty());
    events.extend(refusal.map(|refusal| Event::Refusal(refusal.to_owned())));
}

fn push_finish_reason(reason: Option<&str>, events: &mut Vec<Event>) {
    events.extend(reason.map(|reason| Event::Stopped(stop_reason(reason))));
    if reason == Some("error") {
        let message = "the answer broke off (finish_reason: error)";
        events.push(Event::Failed(Failure::new(FailureKind::ServerError, message)));
    }
}

fn malformed(message: String) -> Event {
    Event::Failed(Failure::new(FailureKind::Malformed, message))
}

/// The text of a message's content: a string, or a list of parts. Only parts with text count.
fn content_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
        _ => String::new(),
    }
}

/// The reasoning: in a field of its own, which servers call by two names, or in the parts of the content (Mistral).
fn reasoning_of(message: &Message) -> Option<String> {
    let fields = [&message.reasoning_content, &message.reasoning];
    let apart = fields.into_iter().flatten().map(content_text).find(|text| !text.is_empty());
    apart.or_else(|| {
        let thinking = message.content.as_ref()?.as_array()?.iter().filter_map(|part| part.get("thinking"));
        Some(thinking.map(content_text).collect::<String>()).filter(|text| !text.is_empty())
    })
}

fn stop_reason(reason: &str) -> StopReason {
    match reason {
        "stop" | "end_turn" | "eos" => StopReason::Stop,
        "length" | "max_tokens" | "model_length" => StopReason::Length,
        "content_filter" => StopReason::ContentFilter,
        _ => StopReason::Other,
    }
}

/// The token counts. A value that is not a count is absent: it is no reason to pay for the answer again.
fn usage_of(usage: &Value) -> Usage {
    Usage {
        input_tokens: usage.get("prompt_tokens").and_then(token_count),
        output_tokens: usage.get("completion_tokens").and_then(token_count),
        reasoning_tokens: usage.pointer("/completion_tokens_details/reasoning_tokens").and_then(token_count),
    }
}

/// A count, also if it is written as `10.0`.
pub(in crate::provider::protocol) fn token_count(number: &Value) -> Option<u64> {
    // Below this limit, 2^53, every whole number is exact in binary.
    let is_count = |number: &f64| number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(number);
    number.as_u64().or_else(|| number.as_f64().filter(is_count).map(|number| number as u64))
}

#[cfg(test)]
mod tests;
