//! Groups of mentions that belong together: "A or B", "A, C and D", "both red and blue".

use super::lexicon::Roles;
use super::mentions::{Mention, MentionKind, Set};
use super::sentences::Sentence;
use super::tokens::{Token, TokenKind};

/// One mention, or several in a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub(super) set: Set,
    pub(super) kind: MentionKind,
    pub(super) is_explicit: bool,
    pub(super) is_list: bool,
    pub(super) has_or: bool,
    /// Whether a letter and its text contradict each other: "C (red)", when red is A.
    pub(super) contradicts: bool,
    /// Whether the list has two members and no "and" or "or".
    pub(super) is_comma_pair: bool,
    /// The first and the last token, inclusive.
    pub(super) first: usize,
    pub(super) last: usize,
    /// The first token of the last mention.
    pub(super) last_start: usize,
    last_set: Set,
    /// The last token before the words that join the last mention to the list.
    before_last: usize,
    set_before_last: Set,
}

impl Group {
    fn new(mention: &Mention) -> Self {
        Self {
            set: mention.set,
            kind: mention.kind,
            is_explicit: mention.is_explicit,
            is_list: false,
            has_or: false,
            contradicts: mention.kind == MentionKind::Letter && mention.set.count_ones() > 1,
            is_comma_pair: false,
            first: mention.first,
            last: mention.last,
            last_start: mention.first,
            last_set: mention.set,
            before_last: mention.last,
            set_before_last: 0,
        }
    }

    fn add(&mut self, mention: &Mention, between: &[Token]) {
        self.has_or |= between.iter().any(|token| token.is(Roles::OR));
        self.is_list |= self.set != mention.set;
        self.is_comma_pair =
            self.set_before_last == 0 && between.iter().all(|token| !token.is(Roles::AND.with(Roles::OR)));
        self.set_before_last = self.set;
        self.before_last = self.last;
        self.set |= mention.set;
        self.is_explicit |= mention.is_explicit;
        self.contradicts |= mention.kind == MentionKind::Letter && mention.set.count_ones() > 1;
        self.last = mention.last;
        self.last_start = mention.first;
        self.last_set = mention.set;
    }

    /// Returns whether a mention is another member of the list, or the same option again ("B B").
    fn is_joined_to(&self, mention: &Mention, between: &[Token]) -> bool {
        const JOINS: Roles = Roles::AND.with(Roles::OR);
        if between.len() > 5 || self.kind != mention.kind {
            return false;
        }
        // "Between A and C, C fits better."
        if self.is_list && self.set & mention.set != 0 {
            return false;
        }
        let mut is_joined = self.set == mention.set;
        for token in between {
            match token.kind {
                TokenKind::Mark('/' | '&' | ',') => is_joined = true,
                TokenKind::Mark('(' | ')' | '[' | ']') => {}
                _ if token.is(JOINS) => is_joined = true,
                _ if token.is(Roles::OPTION.with(Roles::ARTICLE)) => {}
                _ => return false,
            }
        }
        is_joined
    }

    /// Splits a list into all members but the last, and the last: for "the answer is B and C is wrong".
    pub(super) fn split_last(&self) -> (Self, Self) {
        let head = Self { set: self.set_before_last, last: self.before_last, is_list: false, ..*self };
        let tail = Self { set: self.last_set, first: self.last_start, is_list: false, ..*self };
        (head, tail)
    }
}

/// Returns the mentions of one sentence as groups, in order.
pub(super) fn group_mentions(tokens: &[Token], mentions: &[Mention], sentence: &Sentence) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for mention in
        mentions.iter().filter(|mention| mention.first >= sentence.start && mention.first < sentence.end)
    {
        let joined = groups.last().is_some_and(|group| {
            group.kind != MentionKind::Nothing
                && mention.kind != MentionKind::Nothing
                && group.is_joined_to(mention, &tokens[group.last + 1..mention.first])
        });
        match groups.last_mut() {
            Some(group) if joined => group.add(mention, &tokens[group.last + 1..mention.first]),
            _ => groups.push(Group::new(mention)),
        }
    }
    groups
}
