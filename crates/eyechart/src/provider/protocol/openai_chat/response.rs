//! A response of the protocol: a whole JSON object, or a stream of events. Some gateways stream even if nobody asks for it.

use serde::Deserialize;
use serde_json::{Deserializer, Value};

use super::super::error_body::{ErrorBody, is_nothing, one_line, read_json};
use super::super::event_stream::{EventStream, is_event_stream, without_blanks, without_mark};
use super::super::{Decoder, Event, withheld};
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
    /// Whether any event reports that the prompt or the answer is withheld.
    is_withheld: bool,
    /// The text of the answer so far.
    text: String,
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
                // Blanks are dropped as they arrive: a server may send any number of them.
                let start = without_blanks(start).to_vec();
                self.form = match is_event_stream(&start) {
                    None => Form::Unknown(start),
                    Some(false) => Form::Whole(start),
                    Some(true) => {
                        self.form = Form::Stream(EventStream::default(), Progress::default());
                        return self.push(&start, events);
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
                if progress.is_withheld {
                    events.push(Event::Stopped(StopReason::ContentFilter));
                } else if !progress.has_ended && !progress.has_stopped {
                    let message = "the reply is a stream that breaks off: expected a finish_reason or [DONE]";
                    events.push(malformed(message.to_owned()));
                }
            }
        }
    }
}

/// The fields of a response, or of one chunk of a stream. A value of another type than the protocol's is no reason to lose
/// the answer beside it.
#[derive(Default, Deserialize)]
struct Reply {
    choices: Option<Vec<Choice>>,
    model: Option<Value>,
    usage: Option<Value>,
    object: Option<Value>,
    error: Option<Value>,
}

#[derive(Default, Deserialize)]
struct Choice {
    index: Option<Value>,
    /// In a whole response.
    message: Option<Message>,
    /// In a chunk.
    delta: Option<Message>,
    finish_reason: Option<Value>,
    /// OpenRouter's field for the provider's own reason.
    native_finish_reason: Option<Value>,
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

impl Reply {
    /// The fields of a tree of values. Values of other types are left out.
    fn of(mut value: Value) -> Self {
        let mut take = |name: &str| value.get_mut(name).map(Value::take);
        let choices = take("choices").map(|choices| match choices {
            Value::Array(choices) => choices.into_iter().filter(Value::is_object).map(Choice::of).collect(),
            _ => Vec::new(),
        });
        Self {
            choices,
            model: take("model"),
            usage: take("usage"),
            object: take("object"),
            error: take("error"),
        }
    }

    fn may_be_error(&self) -> bool {
        let mut choices = self.choices.iter().flatten();
        self.error.is_some()
            || self.object.as_ref().is_some_and(|object| object == "error")
            || choices.any(|choice| choice.error.is_some())
    }

    /// Whether the first choice has a text that the model itself has ended: an error beside it is of something else.
    fn has_whole_answer(&self) -> bool {
        let choice = self.choices.iter().flatten().next();
        choice.is_some_and(|choice| {
            let message = choice.message.as_ref().and_then(|message| message.content.as_ref());
            let reason = choice.finish_reason.as_ref().and_then(Value::as_str).map(stop_reason);
            matches!(reason, Some(StopReason::Stop | StopReason::Length))
                && message.is_some_and(|content| !content_text(content).trim().is_empty())
        })
    }
}

impl Choice {
    fn of(mut value: Value) -> Self {
        let mut take = |name: &str| value.get_mut(name).map(Value::take);
        let (message, delta) = (take("message"), take("delta"));
        let message_of = |value: Option<Value>| value.filter(Value::is_object).map(Message::of);
        Self {
            index: take("index"),
            message: message_of(message),
            delta: message_of(delta),
            finish_reason: take("finish_reason"),
            native_finish_reason: take("native_finish_reason"),
            error: take("error"),
        }
    }

    /// Whether the choice is the first one. Other choices are not asked for.
    fn is_first(&self) -> bool {
        let index = self.index.as_ref();
        let number = index.and_then(|index| index.as_f64().or_else(|| index.as_str()?.parse().ok()));
        number.is_none_or(|number| number < 1.0)
    }

    /// Why the model stopped; absent if it has not.
    fn stop_reason(&self) -> Option<StopReason> {
        let reason = self.finish_reason.as_ref().filter(|reason| !is_nothing(reason))?;
        let native = self.native_finish_reason.as_ref().and_then(Value::as_str);
        Some(match reason.as_str() {
            _ if native.is_some_and(withheld::is_reason) => StopReason::ContentFilter,
            Some(reason) => stop_reason(reason),
            None => StopReason::Other,
        })
    }

    fn has_broken_off(&self) -> bool {
        self.finish_reason.as_ref().is_some_and(|reason| reason == "error")
    }
}

impl Message {
    fn of(mut value: Value) -> Self {
        let mut take = |name: &str| value.get_mut(name).map(Value::take);
        Self {
            content: take("content"),
            refusal: take("refusal"),
            reasoning_content: take("reasoning_content"),
            reasoning: take("reasoning"),
        }
    }

    /// Whether there is neither an answer nor a refusal in words.
    fn says_nothing(&self) -> bool {
        let is_blank =
            |value: &Option<Value>| value.as_ref().is_none_or(|value| content_text(value).trim().is_empty());
        is_blank(&self.content) && is_blank(&self.refusal)
    }
}

fn read_whole(body: &[u8], events: &mut Vec<Event>) {
    let reply = match whole_reply(body) {
        Ok(Ok(reply)) => reply,
        Ok(Err(error)) => return error.push(events),
        Err(error) => {
            let message = format!("expected a chat completion ({error}), got {:?}", one_line(body));
            return events.push(malformed(message));
        }
    };
    push_model_and_usage(reply.model, reply.usage, events);
    let mut choice = reply.choices.into_iter().flatten().next().unwrap_or_default();
    let message = choice.message.take();
    // Servers report in many places that an answer is withheld: what is no answer is looked through.
    if message.as_ref().is_none_or(Message::says_nothing)
        && read_json(body).is_ok_and(|reply| withheld::is_withheld(&reply))
    {
        return events.push(Event::Stopped(StopReason::ContentFilter));
    }
    let Some(message) = message else {
        return events.push(malformed("expected choices[0].message in the reply, found none".to_owned()));
    };
    if let Some(content @ (Value::Number(_) | Value::Bool(_) | Value::Object(_))) = &message.content
        && content_text(content).is_empty()
    {
        let expected = "expected a text or a list in choices[0].message.content";
        return events
            .push(malformed(format!("{expected}, got {:?}", one_line(content.to_string().as_bytes()))));
    }
    push_message(message, events);
    push_stop_reason(&choice, events);
}

/// The fields of a whole response. Most responses are answers and are read at once; only what may be an error is read as a
/// tree of values.
fn whole_reply(body: &[u8]) -> Result<Result<Reply, ErrorInReply>, serde_json::Error> {
    match serde_json::from_slice::<Reply>(body) {
        Ok(reply) if !reply.may_be_error() => Ok(Ok(reply)),
        _ => read_json(body).and_then(reply_of),
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
            match chunk.and_then(|chunk| self.chunk_of(chunk)) {
                // The answer is complete: only what comes after it broke off.
                Err(_) | Ok(Err(_)) if self.has_stopped => break,
                Ok(Ok(chunk)) => self.read_chunk(chunk, events),
                Ok(Err(error)) => {
                    self.has_ended = true;
                    return error.push(events);
                }
                Err(error) => {
                    let expected = format!("expected events of a chat completion ({error})");
                    return self.fail(malformed(format!("{expected}, got {:?}", one_line(data))), events);
                }
            }
        }
        self.has_ended = chunks.len() < data.len();
    }

    fn chunk_of(&mut self, chunk: Value) -> Result<Result<Reply, ErrorInReply>, serde_json::Error> {
        self.is_withheld |= withheld::is_withheld(&chunk);
        reply_of(chunk)
    }

    fn read_chunk(&mut self, chunk: Reply, events: &mut Vec<Event>) {
        push_model_and_usage(chunk.model, chunk.usage, events);
        // The last chunk may have the usage only.
        let Some(mut choice) = chunk.choices.into_iter().flatten().find(Choice::is_first) else { return };
        let message = choice.delta.take().or_else(|| choice.message.take().map(|whole| self.rest_of(whole)));
        let message = message.unwrap_or_default();
        self.text.push_str(&message.content.as_ref().map(content_text).unwrap_or_default());
        push_message(message, events);
        self.has_stopped |= choice.stop_reason().is_some();
        push_stop_reason(&choice, events);
    }

    /// What is new in a message that a gateway sends in place of a piece of one. It may repeat what came before.
    fn rest_of(&self, whole: Message) -> Message {
        let text = whole.content.as_ref().map(content_text).unwrap_or_default();
        match text.strip_prefix(&self.text) {
            Some(rest) if !self.text.is_empty() => {
                Message { content: Some(rest.into()), reasoning: None, reasoning_content: None, ..whole }
            }
            _ => whole,
        }
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
        if line.trim_ascii() == DONE {
            return &data[..start];
        }
        start += line.len() + 1;
    }
    data
}

/// An error in a reply with status 200, and the tokens that were paid all the same.
struct ErrorInReply {
    failure: Failure,
    usage: Option<Value>,
}

impl ErrorInReply {
    fn push(self, events: &mut Vec<Event>) {
        push_model_and_usage(None, self.usage, events);
        events.push(Event::Failed(self.failure));
    }
}

/// The fields that are read; the inner error if the value carries an error and no whole answer.
fn reply_of(value: Value) -> Result<Result<Reply, ErrorInReply>, serde_json::Error> {
    let error = ErrorBody::in_reply(&value);
    if error.is_none() && !value.is_object() {
        // The message of the parser.
        return serde_json::from_value(value).map(Ok);
    }
    let reply = Reply::of(value);
    Ok(match error {
        Some(error) if !reply.has_whole_answer() => {
            Err(ErrorInReply { failure: error.failure_without_status(), usage: reply.usage })
        }
        _ => Ok(reply),
    })
}

fn push_model_and_usage(model: Option<Value>, usage: Option<Value>, events: &mut Vec<Event>) {
    let model = model.as_ref().and_then(Value::as_str).filter(|model| !model.trim().is_empty());
    events.extend(model.map(|model| Event::Model(model.to_owned())));
    let usage = usage.as_ref().map(usage_of).filter(|usage| *usage != Usage::default());
    events.extend(usage.map(Event::Usage));
}

fn push_message(message: Message, events: &mut Vec<Event>) {
    events.extend(reasoning_of(&message).map(Event::Reasoning));
    events.extend(message.content.as_ref().map(|content| Event::Text(content_text(content))));
    let refusal = message.refusal.as_ref().and_then(Value::as_str).map(str::to_owned);
    let refusal = refusal.or_else(|| Some(parts_named("refusal", message.content.as_ref()?)));
    events.extend(refusal.filter(|refusal| !refusal.is_empty()).map(Event::Refusal));
}

fn push_stop_reason(choice: &Choice, events: &mut Vec<Event>) {
    events.extend(choice.stop_reason().map(Event::Stopped));
    if choice.has_broken_off() {
        let message = "the answer broke off (finish_reason: error)";
        events.push(Event::Failed(Failure::new(FailureKind::ServerError, message)));
    }
}

fn malformed(message: String) -> Event {
    Event::Failed(Failure::new(FailureKind::Malformed, message))
}

/// The text of a message's content: a string, a part, or a list of parts. Only parts with text count.
fn content_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(content_text).collect(),
        Value::Object(part) => part.get("text").and_then(Value::as_str).unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}

/// The text in the field `name` of each part of the content.
fn parts_named(name: &str, content: &Value) -> String {
    let parts = content.as_array().into_iter().flatten();
    parts.filter_map(|part| part.get(name)).map(content_text).collect()
}

/// The reasoning: in a field of its own, which servers call by two names, or in the parts of the content (Mistral).
fn reasoning_of(message: &Message) -> Option<String> {
    let fields = [&message.reasoning_content, &message.reasoning];
    let apart = fields.into_iter().flatten().map(content_text).find(|text| !text.is_empty());
    apart.or_else(|| Some(parts_named("thinking", message.content.as_ref()?)).filter(|text| !text.is_empty()))
}

fn stop_reason(reason: &str) -> StopReason {
    match reason {
        "stop" | "end_turn" | "eos" => StopReason::Stop,
        "length" | "max_tokens" | "model_length" => StopReason::Length,
        reason if withheld::is_reason(reason) => StopReason::ContentFilter,
        _ => StopReason::Other,
    }
}

/// The token counts. A value that is not a count is absent: it is no reason to pay for the answer again.
pub(in crate::provider::protocol) fn usage_of(usage: &Value) -> Usage {
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
