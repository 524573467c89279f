//! Finds views that the answer attributes to other people: "some would say B", "one might think it is C". They do not
//! commit the answer to an option.

use super::lexicon::Roles as R;
use super::lexicon::Roles;
use super::lexicon::key_of_bytes as key;
use super::tokens::{Token, TokenKind};

/// Words for people other than the author of the answer.
const PEOPLE: [u64; 21] = [
    key(b"some"),
    key(b"many"),
    key(b"most"),
    key(b"others"),
    key(b"people"),
    key(b"few"),
    key(b"several"),
    key(b"someone"),
    key(b"somebody"),
    key(b"anyone"),
    key(b"everyone"),
    key(b"everybody"),
    key(b"viewers"),
    key(b"observers"),
    key(b"readers"),
    key(b"students"),
    key("有人".as_bytes()),
    key("有些人".as_bytes()),
    key("很多人".as_bytes()),
    key("许多人".as_bytes()),
    key("别人".as_bytes()),
];

/// Verbs of thinking and saying for which the lexicon has no role.
const VERBS: [u64; 11] = [
    key(b"argue"),
    key(b"argued"),
    key(b"claim"),
    key(b"claimed"),
    key(b"assume"),
    key(b"assumed"),
    key(b"expect"),
    key(b"said"),
    key(b"tempted"),
    key(b"interpret"),
    key(b"prefer"),
];

/// Returns whether the answer attributes the group that starts at `group` to other people. The clause starts at or after
/// `from`.
pub(super) fn is_attributed_to_others(tokens: &[Token], from: usize, group: usize) -> bool {
    const REACH: usize = 10;
    let from = from.max(group.saturating_sub(REACH)).min(group);
    let ends = |token: &Token| {
        matches!(token.kind, TokenKind::Mark(',' | ';' | ':' | '—' | '.') | TokenKind::LineBreak)
            || token.is(R::BUT)
    };
    let start = (from..group).rev().find(|&at| ends(&tokens[at])).map_or(from, |at| at + 1);
    let clause = &tokens[start..group];
    let is_verb = |token: &Token| {
        (token.is(R::THINK.with(R::CHOOSE)) && !token.is(R::POINT)) || VERBS.contains(&token.key)
    };
    // "A beginner might answer B": the verb belongs to the mention.
    let is_answered = tokens[group].key == key(b"answer") && clause.last().is_some_and(is_possible);
    (is_answered && has_other_subject(clause))
        || (0..clause.len()).any(|at| is_verb(&clause[at]) && has_other_subject(&clause[..at]))
}

/// Returns whether the subject before a verb is other people: "some readers would", "one might".
fn has_other_subject(before: &[Token]) -> bool {
    const SUBJECTS: Roles = R::OPTION.with(R::ANSWER).with(R::COPULA).with(R::AND);
    const NOUNS: usize = 3;
    let mut nouns = 0;
    for (at, token) in before.iter().enumerate().rev() {
        let is_hedged = || before[at..].iter().any(is_possible);
        let is_generic = token.value == 1.0 || token.key == key(b"you");
        match () {
            () if PEOPLE.contains(&token.key) => return true,
            () if is_generic => return is_hedged(),
            // "It might be argued that …"
            () if token.key == key(b"it") => return is_hedged(),
            () if token.is(R::PERSON) => return false,
            () if token.key == key(b"be") || token.is(R::AUXILIARY.with(R::SUBJUNCTIVE)) => {}
            // "A beginner would …"
            () if token.roles.is_none() && before.get(at + 1).is_some_and(is_possible) => return true,
            () if token.is(SUBJECTS) || nouns == NOUNS => return false,
            () if token.is(R::FILLER) => {}
            () => nouns += 1,
        }
    }
    false
}

fn is_possible(token: &Token) -> bool {
    token.is(R::SUBJUNCTIVE) || token.key == key(b"may")
}
