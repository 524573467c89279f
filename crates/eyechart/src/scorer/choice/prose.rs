//! Reads sentences: which options they commit to, exclude or retract.

use super::attribution::is_attributed_to_others;
use super::commitments::{Context, GroupPosition, GroupStatus};
use super::events::{Event, EventKind, Evidence, Strength, Turn};
use super::groups::{Group, group_mentions};
use super::letters::names_thing;
use super::lexicon::Roles as R;
use super::lexicon::key_of_bytes as key;
use super::mentions::{Mention, MentionKind, Set, Source, find_mentions};
use super::position::{find_labels, heads_clause, heads_sentence, starts_line};
use super::preceding::{Preceding, find_marker, is_refusal, read_preceding};
use super::predicate::{Predicate, closing_reply, read_predicate};
use super::segments::{Segment, split_segments};
use super::sentences::{Sentence, is_heading, split_sentences};
use super::tokens::{Token, TokenKind};

/// Reads the tokens of a text, or of a part of a text, into events.
pub(super) fn read_prose(source: &Source) -> Evidence {
    let mentions = find_mentions(source);
    let sentences = split_sentences(source.tokens, &mentions);
    let last_line = sentences.last().map_or(0, |sentence| sentence.line);
    let labels = find_labels(source.tokens, &mentions);
    let mut reader = Reader {
        tokens: source.tokens,
        count: source.options.count(),
        are_letters: source.options.are_letters(),
        labels,
        last_line,
        only_sentence: sentences.len() == 1,
        evidence: Evidence::default(),
        last_group: None,
        question_group: None,
    };
    let mut rest = mentions.as_slice();
    for (number, sentence) in sentences.iter().enumerate() {
        let split = rest.partition_point(|mention| mention.first < sentence.end);
        let (own, later) = rest.split_at(split);
        rest = later;
        let groups = group_mentions(source.tokens, own, sentence);
        reader.read_sentence(number, sentence, &groups);
    }
    reader.record_closing_letter(&sentences, &mentions);
    reader.evidence
}

/// Reads one sentence after the other, and collects the evidence.
pub(super) struct Reader<'a> {
    pub(super) tokens: &'a [Token],
    pub(super) count: usize,
    /// Whether the texts of the options are single letters.
    pub(super) are_letters: bool,
    pub(super) labels: Set,
    pub(super) last_line: usize,
    pub(super) only_sentence: bool,
    pub(super) evidence: Evidence,
    /// The last group and the number of its line.
    pub(super) last_group: Option<(Group, usize)>,
    /// The group of the previous sentence, if that sentence is a question about one group.
    pub(super) question_group: Option<Group>,
}

impl Reader<'_> {
    pub(super) fn is_enumeration(&self) -> bool {
        self.labels.count_ones() >= 2
    }

    fn read_sentence(&mut self, number: usize, sentence: &Sentence, groups: &[Group]) {
        let segments = split_segments(self.tokens, sentence, groups);
        self.record_corrections(
            number,
            sentence.start,
            groups.first().map_or(sentence.end, |group| group.first),
        );
        if groups.is_empty() {
            self.read_reference(number, sentence);
            self.record_foreign_answer(sentence, sentence.end);
            return;
        }
        let concludes = |at: &usize| self.tokens[*at].is(R::CONCLUSION.with(R::FINAL));
        let concluded_at = (sentence.start..sentence.end).find(concludes).unwrap_or(sentence.end);
        let is_row = self.tokens[sentence.start..sentence.end].iter().any(|token| token.is_mark('|'));
        let mut status = GroupStatus::default();
        let mut after = sentence.start;
        let mut segment_at = 0;
        let first_event = self.evidence.events.len();
        for (at, group) in groups.iter().enumerate() {
            while segments.get(segment_at).is_some_and(|segment| segment.end <= group.first) {
                segment_at += 1;
            }
            let end = groups.get(at + 1).map_or(sentence.end, |next| next.first);
            let segment = segments.get(segment_at);
            let place = GroupPosition {
                number,
                sentence,
                after,
                end,
                is_only: groups.len() == 1,
                concluded_at,
                is_tentative: is_row || segment.is_some_and(|segment| segment.is_tentative),
            };
            let commits = segment.is_none_or(Segment::commits)
                && (!sentence.is_question || self.only_sentence)
                && !is_attributed_to_others(self.tokens, sentence.start, group.first);
            status = if commits { self.read_group(group, &place, status) } else { GroupStatus::default() };
            after = group.last + 1;
            self.record_corrections(number, after, end);
            self.last_group = Some((*group, sentence.line));
        }
        self.read_both(number, sentence, after);
        self.question_group = groups.last().copied().filter(|_| sentence.is_question && groups.len() == 1);
        self.mark_payload(sentence, groups, first_event);
    }

    /// Records the first word of a range that announces another answer: "but", "wait", "no".
    fn record_corrections(&mut self, number: usize, from: usize, to: usize) {
        const TURNS: R = R::BUT.with(R::CORRECTION).with(R::NO).with(R::EARLIER);
        for at in from..to {
            let token = &self.tokens[at];
            if !token.is(TURNS) {
                continue;
            }
            let is_but = token.is(R::BUT)
                && !token.is(R::EXCLUDE)
                && !self.tokens[at..to].iter().take(5).any(|token| token.is(R::ALSO));
            let is_second_thought = at > 0 && token.is(R::EARLIER) && self.tokens[at - 1].is(R::ORDINAL);
            let corrects = at > 0 && is_refusal(self.tokens, at) || is_second_thought;
            if corrects || is_but {
                let turn = if is_but { Turn::Contrast } else { Turn::Correction };
                self.push(EventKind::Turn(turn), 0, (at, at), number);
                return;
            }
        }
    }

    fn read_group(&mut self, group: &Group, place: &GroupPosition, before: GroupStatus) -> GroupStatus {
        let (tokens, sentence) = (self.tokens, place.sentence);
        let preceding = read_preceding(tokens, sentence, place.after, group);
        let starts_line = place.is_first() && starts_line(tokens, group, sentence);
        let heads_clause = !place.is_first() && heads_clause(tokens, group);
        let is_label =
            starts_line || heads_clause || (place.is_first() && heads_sentence(tokens, group, sentence));
        let mut predicate = read_predicate(tokens, group, place.end, is_label);
        if heads_clause && predicate != Predicate::None {
            return self.record_group(
                group,
                place,
                &Context { preceding: Preceding::default(), predicate },
                GroupStatus::default(),
            );
        }
        if predicate == Predicate::None && starts_line && place.is_only && self.is_enumeration() {
            predicate = closing_reply(tokens, group.last + 1, sentence.end);
        }
        let is_marked = preceding.marker.is_some() || preceding.is_negated || preceding.is_excluded;
        // "The answer is B and C is wrong": the predicate belongs to the last option.
        if group.is_list
            && predicate != Predicate::None
            && is_marked
            && !preceding.is_distributive
            && self.is_singular(group.last + 1)
        {
            let (head, tail) = group.split_last();
            let status =
                self.record_group(&head, place, &Context { preceding, predicate: Predicate::None }, before);
            self.record_group(
                &tail,
                place,
                &Context { preceding: Preceding::default(), predicate },
                GroupStatus::default(),
            );
            return status;
        }
        // "Not B, C": the second option replaces the first.
        if group.is_comma_pair
            && preceding.is_negated
            && predicate == Predicate::None
            && group.kind == MentionKind::Letter
        {
            let (head, tail) = group.split_last();
            let status = self.record_group(&head, place, &Context { preceding, predicate }, before);
            let preceding = Preceding { continues: true, ..Preceding::default() };
            return self.record_group(&tail, place, &Context { preceding, predicate }, status);
        }
        self.record_group(group, place, &Context { preceding, predicate }, before)
    }

    fn is_singular(&self, at: usize) -> bool {
        const IS: [u64; 8] = [
            key(b"is"),
            key(b"isnt"),
            key(b"was"),
            key(b"ist"),
            key(b"est"),
            key(b"es"),
            key(b"does"),
            key(b"doesnt"),
        ];
        self.tokens.get(at).is_some_and(|token| IS.contains(&token.key))
    }

    /// Reads "The answer is a car, which is red": the text of the option comes later in the marked sentence.
    fn mark_payload(&mut self, sentence: &Sentence, groups: &[Group], first_event: usize) {
        let events = &self.evidence.events[first_event..];
        if events.iter().any(|event| event.kind == EventKind::Commit(Strength::Marked)) {
            return;
        }
        let Some(connector) = find_marker(self.tokens, sentence) else { return };
        let from = self.tokens[connector].end;
        let is_payload =
            |event: &Event| event.kind == EventKind::Commit(Strength::Text) && event.span.start >= from;
        let sets = events.iter().filter(|event| is_payload(event)).fold(0, |set, event| set | event.set);
        if sets.count_ones() == 1 {
            for event in self.evidence.events[first_event..].iter_mut().filter(|event| is_payload(event)) {
                event.kind = EventKind::Commit(Strength::Marked);
                event.explanation = "marked answer";
            }
        } else if groups.iter().all(|group| group.first < connector) {
            self.record_foreign_answer(sentence, sentence.end);
        }
    }

    fn record_foreign_answer(&mut self, sentence: &Sentence, end: usize) {
        let tokens = &self.tokens[sentence.start..end];
        if let Some(connector) = find_marker(self.tokens, sentence) {
            let has_payload = self.tokens[connector + 1..end.max(connector + 1)]
                .iter()
                .any(|token| matches!(token.kind, TokenKind::Word | TokenKind::Number));
            self.evidence.has_foreign_answer |= has_payload && !is_heading(tokens);
        }
    }

    /// Records an event from the first to the last token, inclusive.
    pub(super) fn push(
        &mut self,
        kind: EventKind,
        set: Set,
        (first, last): (usize, usize),
        sentence: usize,
    ) -> &mut Event {
        let span = self.tokens[first].start..self.tokens[last].end;
        let at = self.evidence.events.len();
        self.evidence.events.push(Event {
            kind,
            set,
            span,
            sentence,
            is_final: false,
            is_tentative: false,
            is_letter: false,
            explanation: "",
        });
        &mut self.evidence.events[at]
    }

    /// Reads "… so a red car (B)." or "the colour of the car is B." as the last sentence, if no other letter is named.
    fn record_closing_letter(&mut self, sentences: &[Sentence], mentions: &[Mention]) {
        let Some(sentence) = sentences.last() else { return };
        let mut letters = mentions.iter().filter(|mention| mention.kind == MentionKind::Letter);
        let (Some(only), None) = (letters.next(), letters.next()) else { return };
        let is_excluded = self.evidence.events.iter().any(|event| event.kind == EventKind::Exclude);
        let is_end = only.first >= sentence.start
            && self.tokens[only.last + 1..]
                .iter()
                .all(|token| matches!(token.kind, TokenKind::Mark(_) | TokenKind::LineBreak));
        let words = &self.tokens[sentence.start..only.first.max(sentence.start)];
        let is_stated = only.is_explicit
            || (words.last().is_some_and(|last| last.is(R::COPULA.with(R::SHOW)))
                && !words.iter().any(names_thing));
        let groups = group_mentions(self.tokens, std::slice::from_ref(only), sentence);
        let commits = split_segments(self.tokens, sentence, &groups).iter().all(Segment::commits)
            && !is_attributed_to_others(self.tokens, sentence.start, only.first);
        if is_stated && is_end && !is_excluded && commits && !sentence.is_question {
            let commit = EventKind::Commit(Strength::Hint);
            let event = self.push(commit, only.set, (only.first, only.last), sentences.len() - 1);
            event.explanation = "letter at the end";
        }
    }
}
