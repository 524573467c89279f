//! Reads sentences about an option that an earlier sentence named: "That is wrong.", "Both are correct.", "B? Yes."

use super::events::{EventKind, Strength};
use super::lexicon::Roles as R;
use super::mentions::MentionKind;
use super::predicate::is_possible;
use super::prose::Reader;
use super::sentences::Sentence;
use super::tokens::{Token, TokenKind};

impl Reader<'_> {
    /// Reads "That is wrong" and "this is correct": a statement about the option that was named last.
    pub(super) fn read_reference(&mut self, number: usize, sentence: &Sentence) {
        let tokens = &self.tokens[sentence.start..sentence.end];
        if let (Some(group), Some(first)) = (self.question_group.take(), tokens.first()) {
            // "B? Yes."
            let kind = match () {
                () if first.is(R::YES) => Some(EventKind::Commit(Strength::Marked)),
                () if first.is(R::NO) => Some(EventKind::Exclude),
                () => None,
            };
            if let Some(kind) = kind.filter(|_| !group.is_list) {
                let event = self.push(kind, group.set, (group.first, group.last), number);
                event.is_letter = true;
                event.explanation = "option called correct";
                return;
            }
        }
        if self.read_both(number, sentence, sentence.start) {
            return;
        }
        let Some(at) = tokens.iter().position(|token| token.is(R::WRONG.with(R::RIGHT))) else { return };
        if sentence.is_question || tokens.len() > 12 || tokens.iter().any(|token| token.is(R::IF)) {
            return;
        }
        let has_subject = at <= 1 || tokens[..at].iter().any(|token| token.is(R::PRONOUN));
        let is_plain =
            tokens[..at].iter().all(|token| !token.roles.is_none() || token.kind != TokenKind::Word);
        let is_negated = tokens[..at].iter().any(|token| token.is(R::NOT) && !token.is(R::NO));
        if !has_subject || !is_plain {
            return;
        }
        let span = (sentence.start, sentence.end - 1);
        let is_wrong = tokens[at].is(R::WRONG) != is_negated;
        match self.last_group {
            Some((group, line))
                if line == sentence.line
                    && group.kind == MentionKind::Letter
                    && self.labels & group.set != 0 =>
            {
                let kind = if is_wrong { EventKind::Exclude } else { EventKind::Commit(Strength::Marked) };
                let event = self.push(kind, group.set, (group.first, group.last), number);
                event.is_letter = true;
                event.explanation = "option called correct";
            }
            _ if is_wrong && sentence.start > 0 => {
                self.push(EventKind::Retract, 0, span, number);
            }
            _ => {}
        }
    }

    /// Reads "Both are correct" and "both fit equally well": a statement about the list that was named last. Returns
    /// whether the sentence is such a statement.
    pub(super) fn read_both(&mut self, number: usize, sentence: &Sentence, from: usize) -> bool {
        const MOST_WORDS: usize = 6;
        const LIGHT: R = R::COPULA.with(R::AUXILIARY).with(R::FILLER).with(R::PRONOUN).with(R::OPTION);
        let Some((group, _)) = self.last_group.filter(|(group, _)| group.is_list) else { return false };
        let to = sentence.end;
        if sentence.is_question || self.has_role(R::IF.with(R::UNSURE), sentence.start, to) {
            return false;
        }
        let verb_after = |both: usize| {
            self.tokens[both + 1..to]
                .iter()
                .take(MOST_WORDS)
                .find(|token| !token.is(LIGHT) || token.is(R::RIGHT))
        };
        let strength_of = |verb: &Token| match () {
            () if verb.is(R::RIGHT) => Some(Strength::Marked),
            () if verb.is(R::MATCH) || is_possible(verb) => Some(Strength::Fits),
            () => None,
        };
        let mut all = (from..to).filter(|&at| self.tokens[at].is(R::ALL));
        let Some(strength) = all.find_map(|both| verb_after(both).and_then(strength_of)) else {
            return false;
        };
        let event = self.push(EventKind::Commit(strength), group.set, (group.first, group.last), number);
        event.is_letter = group.kind == MentionKind::Letter;
        event.explanation = "option called correct";
        true
    }
}
