//! Reads the words after a group of mentions: "B is correct", "B does not fit".

use super::groups::Group;
use super::lexicon::Roles as R;
use super::lexicon::Roles;
use super::lexicon::key_of_bytes as key;
use super::mentions::MentionKind;
use super::preceding::is_cancelled;
use super::tokens::{Token, TokenKind};

/// What the words after a group state about the options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Predicate {
    /// "B is correct".
    Right,
    /// "B is wrong", "B is not the answer", "B does not fit".
    Wrong,
    /// "B matches the picture".
    Fits,
    /// The words state nothing about the options: "B is not wrong".
    None,
}

/// Reads the words between a group and the next group, or the end of the sentence. A label is a group at the start of
/// a line or before a colon: "B: yes".
pub(super) fn read_predicate(tokens: &[Token], group: &Group, end: usize, is_label: bool) -> Predicate {
    const LIGHT: Roles = R::COPULA
        .with(R::AUXILIARY)
        .with(R::FILLER)
        .with(R::ARTICLE)
        .with(R::OPTION)
        .with(R::PRONOUN)
        .with(R::ALL)
        .with(R::CAN)
        .with(R::PERSON)
        .with(R::FINAL)
        .with(R::ONLY)
        .with(R::NOT);
    let mut seen = Seen {
        is_label,
        has_verb: follows_make(tokens, group),
        has_only: group.first.checked_sub(1).is_some_and(|before| tokens[before].is(R::ONLY)),
        ..Seen::default()
    };
    let mut at = group.last + 1;
    while at < end && at < group.last + 12 {
        let token = &tokens[at];
        if token.is(R::NOT_BEFORE) && at <= group.last + 2 {
            return Predicate::Wrong;
        }
        if matches!(token.kind, TokenKind::Mark(mark) if !")]".contains(mark)) {
            if !seen.continues_label(token) {
                break;
            }
            at += 1;
            continue;
        }
        if seen.is_reply_no(tokens, at) {
            return Predicate::Wrong;
        }
        if token.is(R::NOT) && !is_cancelled(tokens, at) {
            seen.is_negated = true;
            seen.has_verb = true;
        }
        if let Some(predicate) = seen.classify(tokens, at, group) {
            return predicate;
        }
        seen.has_person |= token.is(R::PERSON);
        seen.has_verb |= token.is(R::COPULA.with(R::AUXILIARY));
        seen.has_only |= token.is(R::ONLY);
        let ends = token.is(R::BUT.with(R::BECAUSE).with(R::IF)) && !token.is(R::FILLER);
        if ends || !(token.is(LIGHT) || token.key == key(b"better")) {
            return Predicate::None;
        }
        at += 1;
    }
    seen.ellipsis(tokens, group, at)
}

/// What has been read between a group and the word that decides.
#[derive(Clone, Copy, Default)]
struct Seen {
    is_label: bool,
    is_negated: bool,
    has_verb: bool,
    has_person: bool,
    has_only: bool,
}

impl Seen {
    /// Returns `predicate`, or [`Predicate::Wrong`] after a negation.
    fn affirms(self, predicate: Predicate) -> Predicate {
        if self.is_negated { Predicate::Wrong } else { predicate }
    }

    /// Returns whether a sign may be between a label and its predicate: "B: yes", "B (correct)".
    fn continues_label(self, sign: &Token) -> bool {
        let is_separator =
            matches!(sign.kind, TokenKind::Mark(':' | '-' | '—' | '(' | ',' | '.' | '|' | '→'));
        self.is_label && !self.has_verb && is_separator
    }

    /// Returns whether the word at `at` is the reply of "B: no."
    fn is_reply_no(self, tokens: &[Token], at: usize) -> bool {
        let is_last_word = tokens.get(at + 1).is_none_or(|next| next.kind != TokenKind::Word);
        self.is_label && !self.has_verb && tokens[at].is(R::NO) && is_last_word
    }

    /// Returns what the word at `at` states about the group; `None` if it decides nothing.
    fn classify(self, tokens: &[Token], at: usize, group: &Group) -> Option<Predicate> {
        let token = &tokens[at];
        let next = tokens.get(at + 1);
        let is_last_word = next.is_none_or(|next| next.kind != TokenKind::Word);
        let is_adjacent = at == group.last + 1;
        let is_predicate = self.has_verb || self.is_label || token.kind == TokenKind::Sign || is_adjacent;
        if token.is(R::WRONG) && is_predicate {
            let is_unclear = (self.is_negated && !token.is(R::DIFFICULT)) || is_negated_after(tokens, at);
            return Some(if is_unclear { Predicate::None } else { Predicate::Wrong });
        }
        if token.is(R::RIGHT.with(R::ANSWER)) && is_predicate && !is_direction(tokens, at) {
            let is_wrong = is_negated_after(tokens, at);
            return Some(if is_wrong { Predicate::Wrong } else { self.affirms(Predicate::Right) });
        }
        if self.has_verb && is_better(tokens, at) {
            return Some(self.affirms(Predicate::Right));
        }
        if !self.has_verb && describes_well(tokens, at) {
            return Some(Predicate::Fits);
        }
        // "D it is."
        let is_it_is = token.key == key(b"it") && next.is_some_and(|next| next.key == key(b"is"));
        if is_adjacent && is_it_is && tokens.get(at + 2).is_none_or(|after| after.kind != TokenKind::Word) {
            return Some(Predicate::Right);
        }
        if self.is_label && !self.has_verb && token.is(R::YES) {
            return Some(Predicate::Right);
        }
        // German, Japanese and Korean put the verb last: "Ich würde B wählen".
        let is_chosen = at <= group.last + 2 || (self.has_verb && self.has_person);
        if token.is(R::CHOOSE) && !token.is(R::EXCLUDE) && is_chosen {
            return Some(self.affirms(Predicate::Right));
        }
        // "B is what the picture shows."
        let is_what = self.has_verb && token.key == key(b"what") && group.kind == MentionKind::Letter;
        if token.is(R::MATCH) || is_what {
            return Some(self.affirms(Predicate::Fits));
        }
        let is_possible = is_possible(token) && group.is_list;
        let is_left = self.has_only && (token.key == key(b"left") || token.is(R::OTHER));
        // "Only B remains", "B is the only one left."
        let remains = self.has_only && token.key == key(b"remains") && is_last_word;
        if !self.is_negated && (remains || (self.has_verb && (is_possible || is_left))) {
            return Some(Predicate::Right);
        }
        let ends_clause = is_last_word || next.is_some_and(|next| next.is(R::BECAUSE));
        let is_out = token.key == key(b"out") && ends_clause;
        let is_excluded = token.is(R::EXCLUDE) && !token.is(R::BUT);
        (self.has_verb && !self.is_negated && (is_out || is_excluded)).then_some(Predicate::Wrong)
    }

    /// Reads "A is not.", "B is." and "B does.": the sentence ends after the verb.
    fn ellipsis(self, tokens: &[Token], group: &Group, end: usize) -> Predicate {
        const LEADS: Roles = R::BUT.with(R::AND).with(R::ONLY).with(R::CONCLUSION);
        const VERBS: [u64; 4] = [key(b"is"), key(b"are"), key(b"does"), key(b"do")];
        let Some(verb) = tokens[group.last + 1..end].first() else { return Predicate::None };
        if self.is_negated {
            return if verb.is(R::COPULA.with(R::AUXILIARY)) { Predicate::Wrong } else { Predicate::None };
        }
        let ends =
            tokens.get(end).is_none_or(|after| after.is_mark('.') || after.kind == TokenKind::LineBreak);
        let is_bare = group.last + 2 == end && VERBS.contains(&verb.key);
        let before = group.first.checked_sub(1).map(|before| &tokens[before]);
        // "I wonder what B is." states nothing.
        let starts = before.is_none_or(|before| before.kind != TokenKind::Word || before.is(LEADS));
        let is_stated = is_bare && starts && ends && group.kind == MentionKind::Letter;
        if is_stated { Predicate::Right } else { Predicate::None }
    }
}

/// Returns whether a negation follows the word, as in Japanese and Korean: "正しくない", "정답이 아닙니다".
fn is_negated_after(tokens: &[Token], at: usize) -> bool {
    const REACH: usize = 4;
    tokens[at + 1..tokens.len().min(at + 1 + REACH)]
        .iter()
        .take_while(|token| token.kind == TokenKind::Word && token.letter.is_none())
        .any(|token| token.is(R::NOT_BEFORE))
}

/// Returns whether "better" is a verdict: "B is better.", "B is the better choice", but not "B is better lit".
fn is_better(tokens: &[Token], at: usize) -> bool {
    const FOLLOWERS: Roles =
        R::OPTION.with(R::ANSWER).with(R::RIGHT).with(R::MATCH).with(R::BECAUSE).with(R::EXCLUDE);
    let ends = tokens.get(at + 1).is_none_or(|next| {
        matches!(next.kind, TokenKind::Mark(_) | TokenKind::LineBreak) || next.is(FOLLOWERS)
    });
    tokens[at].key == key(b"better") && ends
}

/// Reads "B accurately describes the picture."
fn describes_well(tokens: &[Token], at: usize) -> bool {
    const WELL: [u64; 5] =
        [key(b"accurately"), key(b"correctly"), key(b"precisely"), key(b"perfectly"), key(b"closely")];
    let has_verb = tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Word);
    WELL.contains(&tokens[at].key) && has_verb
}

/// Returns whether the token is the "possible" of "Both are possible."
pub(super) fn is_possible(token: &Token) -> bool {
    token.key == key(b"possible") || token.key == key(b"plausible")
}

/// Returns whether the group follows "makes", as in "which makes B the best choice".
fn follows_make(tokens: &[Token], group: &Group) -> bool {
    const MAKE: [u64; 3] = [key(b"makes"), key(b"make"), key(b"making")];
    group.first.checked_sub(1).is_some_and(|before| MAKE.contains(&tokens[before].key))
}

/// Reads the reply at the end of a line about one option: "B: four sides, yes".
pub(super) fn closing_reply(tokens: &[Token], from: usize, end: usize) -> Predicate {
    let end = if tokens[from..end].last().is_some_and(|last| last.is_mark('.')) { end - 1 } else { end };
    let Some([before, reply]) = tokens[from..end].last_chunk() else { return Predicate::None };
    let is_apart = matches!(before.kind, TokenKind::Mark(',' | ';' | ':' | '-' | '—' | '→' | '|'));
    match () {
        () if is_apart && reply.is(R::YES) => Predicate::Right,
        () if is_apart && reply.is(R::NO) => Predicate::Wrong,
        () => Predicate::None,
    }
}

/// Returns whether "right" is a direction ("on the right") and not a verdict ("the right one").
fn is_direction(tokens: &[Token], at: usize) -> bool {
    const RIGHT: u64 = key(b"right");
    let after_article =
        at > 0 && tokens[at - 1].is(R::ARTICLE.with(R::FILLER)) && tokens[at - 1].is(R::ARTICLE);
    let names_thing =
        tokens.get(at + 1).is_some_and(|next| next.is(R::ANSWER.with(R::OPTION).with(R::FILLER)));
    tokens[at].key == RIGHT && after_article && !names_thing
}
