//! Reads the words before a group of mentions: they make it a commitment, an exclusion, or neither.

use super::groups::Group;
use super::letters::names_thing;
use super::lexicon::Roles as R;
use super::lexicon::Roles;
use super::lexicon::key_of_bytes as key;
use super::mentions::MentionKind;
use super::position::ends_clause;
use super::sentences::Sentence;
use super::tokens::{Token, TokenKind};

/// What the words before a group state about it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Preceding {
    pub(super) is_negated: bool,
    /// "Instead of B" excludes the group.
    pub(super) is_excluded: bool,
    pub(super) marker: Option<Marker>,
    /// "But B", "rather B": continues the role of the previous group.
    pub(super) continues: bool,
    pub(super) is_correction: bool,
    pub(super) is_conclusion: bool,
    /// "Or" or "nor" after the previous group.
    pub(super) continues_list: bool,
    /// "And so is B": repeats the statement about the previous group.
    pub(super) repeats: bool,
    /// "And B", ", B": the statement about the previous group may apply to this group too.
    pub(super) continues_series: bool,
    /// "Neither", "none of": the negation applies to each member of a list.
    pub(super) is_distributive: bool,
    /// "Could be B".
    pub(super) is_hedged: bool,
    pub(super) follows_copula: bool,
    /// "Is B" without a subject, as in "A is wrong, should be B".
    pub(super) is_elliptic: bool,
}

/// The words that make a group a commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    /// "The answer is B", "Answer: B".
    Answer,
    /// "I choose B".
    Choice,
    /// "It is B".
    Pronoun,
    /// "Therefore, B".
    Conclusion,
    /// "Correction: B", "sorry, B".
    Correction,
    /// "This matches B".
    Match,
}

/// Maximum number of tokens to look back for the subject of "… is B".
const REACH: usize = 16;

/// Reads the words between the previous group, or the start of the sentence, and a group.
pub(super) fn read_preceding(
    tokens: &[Token],
    sentence: &Sentence,
    after: usize,
    group: &Group,
) -> Preceding {
    let mut preceding =
        Preceding { continues_series: continues_series(tokens, after, group.first), ..Preceding::default() };
    let mut at = group.first;
    let mut connector = None;
    while at > after {
        at -= 1;
        preceding.record_negation(tokens, at, group.first);
        if is_connector(&tokens[at], tokens, at) {
            preceding.follows_copula = tokens[at].is(R::COPULA);
            // "Neither A nor B: C."
            let is_apart = at == after && tokens[at].is_mark(':');
            preceding.continues = is_apart && ends_clause(tokens, group.last + 1, sentence.end);
            connector = Some(at);
            break;
        }
        if preceding.ends_at(tokens, at, after, group) {
            break;
        }
    }
    // "A is wrong; so is B."
    preceding.repeats |= connector.is_some_and(|at| {
        at > after && at + 1 == group.first && tokens[at - 1].key == key(b"so") && tokens[at].is(R::COPULA)
    });
    if preceding.repeats {
        return preceding;
    }
    if let Some(at) = connector {
        find_subject(tokens, sentence, at, &mut preceding);
    } else if preceding.marker.is_none() && preceding.is_correction && at <= after.max(sentence.start) + 1 {
        preceding.marker = Some(Marker::Correction);
    } else if preceding.marker.is_none() && preceding.is_conclusion {
        preceding.marker = Some(Marker::Conclusion);
    }
    let clause_from = connector.unwrap_or(at).min(at);
    // "B is not correct; C is": the negation belongs to the previous clause.
    let is_new_clause = clause_from < group.first && tokens[clause_from].is_mark(';');
    preceding.is_negated |= !is_new_clause && is_clause_negated(tokens, after, clause_from);
    preceding
}

impl Preceding {
    /// Records what a word before a group states about it. Returns whether the words before that word are irrelevant.
    fn ends_at(&mut self, tokens: &[Token], at: usize, after: usize, group: &Group) -> bool {
        let token = &tokens[at];
        self.marker = verb_at(tokens, at, after, group);
        if self.marker.is_some() {
            return true;
        }
        if token.is(R::BUT) || (token.is_mark(';') && at + 1 == group.first) {
            self.continues = true;
            // "A, no, rather C"
            if at >= after + 2 && is_refusal(tokens, at - 2) {
                self.is_correction = true;
                self.marker = Some(Marker::Correction);
            }
            return true;
        }
        // "A is wrong, and so is B."
        let is_verb = |token: &Token| token.is(R::COPULA.with(R::AUXILIARY));
        if token.key == key(b"so") && at + 2 == group.first && is_verb(&tokens[at + 1]) {
            self.repeats = true;
            return true;
        }
        if token.is(R::CONCLUSION) {
            self.is_conclusion = true;
            return true;
        }
        self.continues_list |= token.is(R::OR);
        if token.is(R::ANSWER) {
            self.marker = Some(Marker::Answer);
            return true;
        }
        !is_skipped(token)
    }

    /// Records what a word before a group negates, excludes or corrects.
    fn record_negation(&mut self, tokens: &[Token], at: usize, group: usize) {
        let token = &tokens[at];
        let is_of = tokens.get(at + 1).is_some_and(|next| next.is(R::OF));
        if is_reply(tokens, at, group) {
            self.is_correction = true;
        } else if token.is(R::NOTHING) && (token.is(R::NOT) || is_of) && !is_cancelled(tokens, at) {
            self.is_negated = true;
            self.is_distributive = true;
        } else if token.is(R::NOT) && !is_cancelled(tokens, at) {
            self.is_negated = true;
        } else if excludes_next(tokens, at, group) {
            self.is_excluded = true;
        } else if token.is(R::CORRECTION) {
            self.is_correction = true;
        }
    }
}

/// Returns whether a word excludes the group after it: "Instead of B", "rule out B", "cross out B", "all but B"; not "A is eliminated, B" and "instead B".
fn excludes_next(tokens: &[Token], at: usize, group: usize) -> bool {
    let token = &tokens[at];
    let before = at.checked_sub(1).map(|before| &tokens[before]);
    let is_passive =
        token.is(R::WRONG) && before.is_some_and(|before| before.is(R::COPULA.with(R::AUXILIARY)));
    let is_contrast = token.is(R::BUT) && at + 1 == group;
    // "All but B", "every option but B".
    let all =
        before.filter(|before| !before.is(R::OPTION)).or_else(|| at.checked_sub(2).map(|all| &tokens[all]));
    let is_all_but = token.is(R::BUT) && all.is_some_and(|all| all.is(R::ALL));
    let crosses = [key(b"cross"), key(b"crossing"), key(b"strike"), key(b"striking")].contains(&token.key)
        && tokens.get(at + 1).is_some_and(|next| next.key == key(b"out"));
    is_all_but || crosses || (token.is(R::EXCLUDE) && !token.is(R::CHOOSE) && !is_passive && !is_contrast)
}

/// Returns the marker of a verb that makes the next group a commitment: "choose", "matches", "I think", "indicates".
fn verb_at(tokens: &[Token], at: usize, after: usize, group: &Group) -> Option<Marker> {
    let token = &tokens[at];
    if token.is(R::CHOOSE) {
        return Some(Marker::Choice);
    }
    if token.is(R::MATCH) {
        return Some(Marker::Match);
    }
    if token.is(R::THINK) && at > after && tokens[at - 1].is(R::PERSON.with(R::SUBJUNCTIVE)) {
        return Some(Marker::Choice);
    }
    let points = token.is(R::POINT) || is_pointing(tokens, at);
    (points && is_picked_by_verb(tokens, after, at, group)).then_some(Marker::Match)
}

/// Returns whether a word is the verb of "points to" or "left with". Without "to" and "with", these words name a thing or
/// a place in the picture.
fn is_pointing(tokens: &[Token], at: usize) -> bool {
    const POINT: [u64; 3] = [key(b"point"), key(b"points"), key(b"pointing")];
    let Some(next) = tokens.get(at + 1) else { return false };
    let key_here = tokens[at].key;
    (POINT.contains(&key_here) && next.key == key(b"to"))
        || (key_here == key(b"left") && next.key == key(b"with"))
}

/// Returns whether "indicates B" picks an option: "the needle indicates B" and "the line shows B rising" name things.
fn is_picked_by_verb(tokens: &[Token], after: usize, verb: usize, group: &Group) -> bool {
    // In "The legend indicates B, which stands for 30" the answer follows.
    let ends_sentence = tokens.get(group.last + 1).is_none_or(|next| {
        matches!(next.kind, TokenKind::Mark('.' | '!') | TokenKind::LineBreak) || next.is(R::BECAUSE)
    });
    let is_name = |token: &Token| names_thing(token) || (token.is_upper && token.letter.is_some());
    let has_thing = tokens[verb.saturating_sub(REACH).max(after)..verb].iter().any(is_name);
    group.kind == MentionKind::Letter && !has_thing && ends_sentence
}

/// Returns whether the group continues the statement about the previous group: "A is too large, and (B)".
fn continues_series(tokens: &[Token], after: usize, group: usize) -> bool {
    const LIGHT: Roles = R::OPTION.with(R::ARTICLE).with(R::ALSO);
    let is_light = |token: &&Token| matches!(token.kind, TokenKind::Mark('(' | '[')) || token.is(LIGHT);
    let joint = tokens[after..group].iter().rev().find(|token| !is_light(token));
    joint.is_some_and(|joint| joint.is(R::AND) || joint.is_mark(','))
}

fn is_skipped(token: &Token) -> bool {
    const WORDS: Roles = R::ARTICLE
        .with(R::OPTION)
        .with(R::FILLER)
        .with(R::AUXILIARY)
        .with(R::NOT)
        .with(R::CORRECTION)
        .with(R::EXCLUDE)
        .with(R::OR)
        .with(R::THINK)
        .with(R::ALL)
        .with(R::PERSON)
        .with(R::RIGHT)
        .with(R::NOTHING);
    matches!(token.kind, TokenKind::Mark('(' | '[' | ',' | '…' | '.' | '-') | TokenKind::LineBreak)
        || token.is(WORDS)
}

/// Returns whether a token connects a subject with its answer: "is", ":", "=", "→", or a line break after a heading.
fn is_connector(token: &Token, tokens: &[Token], at: usize) -> bool {
    match token.kind {
        TokenKind::Mark(':' | '→' | '—') => true,
        TokenKind::Mark('-') => at > 0 && tokens[at - 1].is(R::ANSWER.with(R::OPTION).with(R::CONCLUSION)),
        TokenKind::LineBreak => true,
        TokenKind::Sign => token.key == key(b"=") || token.key == key(b">"),
        _ => token.is(R::COPULA),
    }
}

/// Looks back from "is" or ":" for the subject: "the answer", "the correct option", "it".
fn find_subject(tokens: &[Token], sentence: &Sentence, connector: usize, preceding: &mut Preceding) {
    let connects_by_sign = !tokens[connector].is(R::COPULA);
    if !connects_by_sign && tokens[connector].is(R::NOT) {
        preceding.is_negated = true;
    }
    if tokens[connector].is(R::COPULA) && tokens[connector].is(R::PRONOUN) {
        preceding.marker = Some(Marker::Pronoun);
    }
    let mut is_adjacent = true;
    let mut at = connector;
    while at > sentence.start && connector - at < REACH {
        at -= 1;
        let token = &tokens[at];
        if token.is(R::ANSWER)
            || (token.is(R::OPTION) && is_chosen(tokens, sentence, at))
            || is_right_one(tokens, at, connector)
        {
            preceding.marker = Some(Marker::Answer);
            preceding.is_conclusion |=
                connects_by_sign && sentence.starts_line && !tokens[connector].is(R::COPULA);
            preceding.is_negated |= is_clause_negated(tokens, sentence.start, at);
            return;
        }
        if token.is(R::BUT) || token.is_mark(';') {
            return;
        }
        if is_adjacent {
            if token.is(R::NOT) && !is_cancelled(tokens, at) && !is_reply(tokens, at, connector + 1) {
                preceding.is_negated = true;
            }
            preceding.is_hedged |= token.is(R::SUBJUNCTIVE);
            if token.is(R::PRONOUN) && !connects_by_sign {
                preceding.marker = Some(Marker::Pronoun);
            }
            if token.is(R::CORRECTION) && connects_by_sign {
                preceding.marker = Some(Marker::Correction);
            }
            if token.is(R::CONCLUSION) && preceding.marker.is_none() {
                preceding.marker = Some(Marker::Conclusion);
            }
            if token.is(R::CHOOSE) && preceding.marker.is_none() {
                preceding.marker = Some(Marker::Choice);
            }
            preceding.is_elliptic = token.is_mark(',') && !connects_by_sign;
            if preceding.is_elliptic && at > sentence.start && is_refusal(tokens, at - 1) {
                preceding.marker = Some(Marker::Correction);
                preceding.is_correction = true;
            }
            is_adjacent =
                token.is(R::AUXILIARY.with(R::FILLER).with(R::NOT).with(R::COPULA).with(R::ARTICLE))
                    || token.kind == TokenKind::LineBreak;
        }
    }
}

/// Returns whether the word is the subject of a choice: "the correct option", "my choice", "option:" at a line start.
fn is_chosen(tokens: &[Token], sentence: &Sentence, at: usize) -> bool {
    let from = at.saturating_sub(3).max(sentence.start);
    let to = (at + 3).min(sentence.end);
    let is_picked = tokens[from..to]
        .iter()
        .any(|token| token.is(R::RIGHT.with(R::CHOOSE).with(R::FINAL).with(R::MATCH).with(R::ONLY)));
    let is_mine = at > from && tokens[at - 1].is(R::PERSON);
    let is_label = tokens.get(at + 1).is_some_and(|next| next.is_mark(':')) && at == sentence.start;
    is_picked || is_mine || is_label
}

/// Reads "The correct one is B", "Correct: B", "richtig ist B".
fn is_right_one(tokens: &[Token], at: usize, connector: usize) -> bool {
    let between = &tokens[at + 1..connector];
    let follows = between.len() <= 3
        && between.iter().all(|token| token.kind == TokenKind::Word && !token.is(R::COPULA));
    let is_right = tokens[at].is(R::RIGHT.with(R::FINAL)) || tokens[at].key == key(b"better");
    is_right && follows && !(at > 0 && tokens[at - 1].is(R::COPULA))
}

/// Returns whether a negation is in the same clause before `to`: "it does not show a red car".
fn is_clause_negated(tokens: &[Token], from: usize, to: usize) -> bool {
    const ENDS: Roles = R::BUT.with(R::BECAUSE).with(R::CONCLUSION);
    for at in (from.max(to.saturating_sub(12))..to).rev() {
        let token = &tokens[at];
        if matches!(
            token.kind,
            TokenKind::Mark(',' | ';' | ':' | '.' | '—' | '(' | ')') | TokenKind::LineBreak
        ) || (token.is(ENDS) && !token.is(R::FILLER))
        {
            return false;
        }
        if token.is(R::NOT) && !is_cancelled(tokens, at) && !is_reply(tokens, at, to + 1) {
            return true;
        }
        if token.is(R::AND) {
            return false;
        }
    }
    false
}

/// Returns whether a negation word negates nothing: "no doubt", "not only", "nothing but".
pub(super) fn is_cancelled(tokens: &[Token], at: usize) -> bool {
    let is_near = |roles: Roles| tokens[at + 1..tokens.len().min(at + 4)].iter().any(|token| token.is(roles));
    let is_nothing_but = tokens[at].is(R::NOTHING) && tokens.get(at + 1).is_some_and(|next| next.is(R::BUT));
    is_nothing_but
        || is_near(R::DOUBT)
        || tokens.get(at + 1).is_some_and(|next| next.is(R::ONLY) && !next.is(R::NOT))
            && !tokens[at].is(R::COPULA)
}

/// Returns whether "no" is a reply of its own: "the answer is A, no, B", "so no: A".
fn is_reply(tokens: &[Token], at: usize, group: usize) -> bool {
    let Some(next) = tokens.get(at + 1).filter(|_| at + 1 < group) else { return false };
    let is_prefix = next.is_mark('-') && next.is_glued;
    let ends = matches!(next.kind, TokenKind::Mark(',' | ':' | '.' | '—' | '-' | '…' | '→')) && !is_prefix;
    tokens[at].is(R::NO) && (ends || next.is(R::CORRECTION))
}

/// Returns whether "no" or "wait" retracts the statement before it, as in "A, no, it is B" but not in "no colour".
pub(super) fn is_refusal(tokens: &[Token], at: usize) -> bool {
    let is_start = at == 0 || !matches!(tokens[at - 1].kind, TokenKind::Word | TokenKind::Number);
    let next = tokens.get(at + 1);
    let is_apart = next.is_none_or(|next| next.kind != TokenKind::Word);
    let has_known_word = next.is_none_or(|next| !next.roles.is_none());
    let token = &tokens[at];
    if token.is(R::WRONG) {
        return token.is(R::CORRECTION) && is_start && is_apart;
    }
    token.is(R::CORRECTION) || (token.is(R::NO) && is_start && (is_apart || has_known_word))
}

/// Returns the position of the "is" or ":" after "answer" in a sentence.
pub(super) fn find_marker(tokens: &[Token], sentence: &Sentence) -> Option<usize> {
    let words = &tokens[sentence.start..sentence.end];
    let answer = words.iter().position(|token| token.is(R::ANSWER))?;
    let rest =
        words[answer + 1..].iter().take(4).position(|token| token.is_mark(':') || token.is(R::COPULA))?;
    Some(sentence.start + answer + 1 + rest)
}
