//! An answer, put together from the events of a response.

use super::protocol::{Decoder, Event};
use super::reply::{Read, ReplyReader};
use crate::types::{Failure, FailureKind, ModelOutput, StopReason, Usage};

/// Reads one successful response as an answer.
pub(super) struct AnswerReader {
    decoder: Box<dyn Decoder>,
    /// The request field that raises the limit on an answer's tokens.
    max_tokens: &'static str,
    /// Whether reasoning within the text stays in the text.
    keeps_reasoning: bool,
    events: Vec<Event>,
    answer: PartialAnswer,
}

/// An answer as far as it was received.
struct PartialAnswer {
    output: ModelOutput,
    refusal: String,
    failure: Option<Failure>,
    /// Whether the response contained anything but a failure.
    has_output: bool,
}

impl AnswerReader {
    pub(super) fn new(decoder: Box<dyn Decoder>, max_tokens: &'static str) -> Self {
        let output = ModelOutput::recorded("");
        let answer = PartialAnswer { output, refusal: String::new(), failure: None, has_output: false };
        Self { decoder, max_tokens, keeps_reasoning: false, events: Vec::new(), answer }
    }

    /// Leaves reasoning within the text in the text if `keeps_reasoning`.
    pub(super) fn keep_reasoning(self, keeps_reasoning: bool) -> Self {
        Self { keeps_reasoning, ..self }
    }

    fn add_events(&mut self) {
        self.events.drain(..).for_each(|event| self.answer.add(event));
    }
}

impl ReplyReader for AnswerReader {
    type Answer = ModelOutput;

    fn push(&mut self, bytes: &[u8]) {
        self.decoder.push(bytes, &mut self.events);
        self.add_events();
    }

    fn is_complete(&self) -> bool {
        self.decoder.is_complete()
    }

    fn finish(mut self) -> Read<ModelOutput> {
        self.decoder.finish(&mut self.events);
        self.add_events();
        self.answer.read(self.max_tokens, self.keeps_reasoning)
    }

    fn fail(mut self, failure: Failure, usage: Usage) -> Read<ModelOutput> {
        self.events.extend([Event::Usage(usage), Event::Failed(failure)]);
        self.add_events();
        self.answer.read(self.max_tokens, self.keeps_reasoning)
    }
}

impl PartialAnswer {
    fn add(&mut self, event: Event) {
        let output = &mut self.output;
        self.has_output |= !matches!(event, Event::Failed(_));
        match event {
            Event::Text(text) if output.text.is_empty() => output.text = text,
            Event::Text(text) => output.text.push_str(&text),
            Event::Reasoning(text) => output.reasoning.get_or_insert_default().push_str(&text),
            Event::Refusal(text) => self.refusal.push_str(&text),
            Event::Model(model) => drop(output.model.get_or_insert(model)),
            Event::Usage(usage) => output.usage = Some(usage),
            Event::Stopped(reason) => output.stop_reason = Some(reason),
            Event::Failed(failure) => drop(self.failure.get_or_insert(failure)),
        }
    }

    fn read(mut self, max_tokens: &str, keeps_reasoning: bool) -> Read<ModelOutput> {
        if !(self.output.text.is_empty() && self.output.reasoning.is_none()) {
            self.output.usage = self.output.usage.and_then(without_zeros);
        }
        let usage = self.output.usage;
        let is_cut_off = !keeps_reasoning && self.output.split_reasoning();
        let unusable = || why_unusable(&self.output, is_cut_off, self.refusal, max_tokens);
        match self.failure.or_else(unusable) {
            None => Read { outcome: Ok(self.output), unusable: None, usage },
            Some(failure) => {
                let unusable = self.has_output.then_some(self.output);
                Read { outcome: Err(failure), unusable, usage }
            }
        }
    }
}

/// The usage of an answer that is not empty. A server that does not count reports zeros.
fn without_zeros(usage: Usage) -> Option<Usage> {
    let counted = |tokens: Option<u64>| tokens.filter(|tokens| *tokens > 0);
    let (input_tokens, output_tokens) = (counted(usage.input_tokens), counted(usage.output_tokens));
    let is_counted = input_tokens.is_some() || output_tokens.is_some();
    is_counted.then_some(Usage { input_tokens, output_tokens, ..usage })
}

/// Why the output is not an answer, if it has no text. An answer that was cut short is still the model's answer.
/// `is_cut_off`: the text ended within its reasoning.
fn why_unusable(
    output: &ModelOutput,
    is_cut_off: bool,
    refusal: String,
    max_tokens: &str,
) -> Option<Failure> {
    if !output.text.trim().is_empty() {
        return None;
    }
    if !refusal.is_empty() {
        return Some(Failure::new(FailureKind::Refused, format!("the model refused: {refusal}")));
    }
    Some(match output.stop_reason {
        Some(StopReason::ContentFilter) => {
            Failure::new(FailureKind::Refused, "the endpoint's content filter withheld the answer")
        }
        _ if is_cut_off => Failure::new(
            FailureKind::Truncated,
            format!(
                "the answer ended within its reasoning (raise the limit on its tokens: --param {max_tokens}=N)"
            ),
        ),
        Some(StopReason::Length) => Failure::new(
            FailureKind::Truncated,
            format!("the token limit was reached before the answer began (raise it: --param {max_tokens}=N)"),
        ),
        _ => Failure::new(FailureKind::Empty, "the answer is empty"),
    })
}
