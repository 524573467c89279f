//! Texts without words that they must not show: in any spelling, and also if only a part of a word is there.

use std::collections::HashMap;
use std::ops::Range;

use super::spelling::Layer;

/// Bytes by which parts of words are looked up.
const GRAM: usize = 4;
/// Bytes of a text between two look-ups.
const STRIDE: usize = 5;
/// Bits of the number of a group in the table that most look-ups end at.
const KNOWN_BITS: u32 = 13;
/// A part of this many bytes has a look-up within it, wherever it begins.
const SHORTEST_PART: usize = GRAM + STRIDE - 1;

/// A word that texts must not show.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HiddenWord {
    pub(crate) text: String,
    /// The fewest bytes of a part that is hidden too; the length of the word, if only the whole word is.
    pub(crate) shortest_part: usize,
}

/// Words that texts must not show.
#[derive(Clone, Default)]
pub(crate) struct HiddenWords {
    words: Vec<HiddenWord>,
    /// The fewest bytes of a word that the end of the text cuts off.
    shortest_cut: usize,
    /// Where the words that have at least [`SHORTEST_PART`] bytes contain each group of bytes.
    places: HashMap<[u8; GRAM], Vec<Place>>,
    /// Whether `places` may have a group with this number: a look-up there takes longer.
    is_known: Vec<bool>,
}

#[derive(Clone, Copy)]
struct Place {
    word: usize,
    at: usize,
}

impl HiddenWords {
    /// Hides `words`, and at least `shortest_cut` bytes of a word that the end of a text cuts off.
    pub(crate) fn new(words: impl IntoIterator<Item = HiddenWord>, shortest_cut: usize) -> Self {
        let mut words: Vec<HiddenWord> = words.into_iter().filter(|word| !word.text.is_empty()).collect();
        words.sort_unstable();
        words.dedup_by(|next, kept| next.text == kept.text);
        let mut places: HashMap<[u8; GRAM], Vec<Place>> = HashMap::new();
        for (index, word) in words.iter().enumerate().filter(|(_, word)| word.has_places()) {
            for (at, gram) in word.text.as_bytes().windows(GRAM).enumerate() {
                let gram = [gram[0], gram[1], gram[2], gram[3]];
                places.entry(gram).or_default().push(Place { word: index, at });
            }
        }
        let mut is_known = vec![false; 1 << KNOWN_BITS];
        places.keys().for_each(|gram| is_known[number(*gram)] = true);
        Self { words, shortest_cut, places, is_known }
    }

    /// `text` with `replacement` in place of each word and each part of one.
    pub(crate) fn replaced(&self, text: String, replacement: &str) -> String {
        let mut found = Vec::new();
        if !self.words.is_empty() {
            for layer in Layer::all_of(&text) {
                self.find(&layer, &mut found);
            }
        }
        if found.is_empty() {
            return text;
        }
        found.sort_unstable_by_key(|range| range.start);
        let (mut changed, mut end) = (String::with_capacity(text.len()), 0);
        for range in found {
            if range.start >= end {
                changed.push_str(&text[end..range.start]);
                changed.push_str(replacement);
            }
            end = end.max(range.end);
        }
        changed.push_str(&text[end..]);
        changed
    }

    fn find(&self, layer: &Layer<'_>, found: &mut Vec<Range<usize>>) {
        let text = &layer.text;
        let mut add = |range: Range<usize>| found.push(layer.origin(range));
        for (at, gram) in text.as_bytes().windows(GRAM).enumerate().step_by(STRIDE) {
            let gram = [gram[0], gram[1], gram[2], gram[3]];
            let places = Some(gram).filter(|gram| self.is_known[number(*gram)]);
            for place in places.and_then(|gram| self.places.get(&gram)).into_iter().flatten() {
                self.part_at(*place, text, at).into_iter().for_each(&mut add);
            }
        }
        for word in &self.words {
            if !word.has_places() {
                text.match_indices(&word.text).for_each(|(at, found)| add(at..at + found.len()));
            }
            let is_cut = |end: &usize| word.text.is_char_boundary(*end) && text.ends_with(&word.text[..*end]);
            if let Some(length) = (self.shortest_cut..word.text.len()).rev().find(is_cut) {
                add(text.len() - length..text.len());
            }
        }
    }

    /// The longest part of a word around the bytes at `place` that `text` has around `at`, if the part is long enough.
    fn part_at(&self, place: Place, text: &str, at: usize) -> Option<Range<usize>> {
        let (word, bytes) = (&self.words[place.word], text.as_bytes());
        let (before, after) = word.text.as_bytes().split_at(place.at);
        let same = |(one, other): &(&u8, &u8)| one == other;
        let backwards = bytes[..at].iter().rev().zip(before.iter().rev()).take_while(same).count();
        let forwards = bytes[at..].iter().zip(after).take_while(same).count();
        if backwards + forwards < word.shortest_part {
            return None;
        }
        // A part of a word may begin or end within a character.
        let (start, end) = (at - backwards, at + forwards);
        let start = (0..=start).rev().find(|at| text.is_char_boundary(*at))?;
        let end = (end..=text.len()).find(|at| text.is_char_boundary(*at))?;
        Some(start..end)
    }
}

impl HiddenWord {
    fn has_places(&self) -> bool {
        self.shortest_part >= SHORTEST_PART && self.text.len() >= SHORTEST_PART
    }
}

/// The number of a group in the table: its product with a number without a pattern (the golden ratio's).
fn number(gram: [u8; GRAM]) -> usize {
    (u32::from_le_bytes(gram).wrapping_mul(0x9E37_79B1) >> (u32::BITS - KNOWN_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::super::spelling::decoded;
    use super::*;

    const WORD: &str = "sk/9a+B\"3==&x%41\\n";

    fn word(text: &str, shortest_part: usize) -> HiddenWord {
        HiddenWord { text: text.to_owned(), shortest_part }
    }

    fn hidden(text: &str) -> String {
        let words = [WORD.to_owned(), decoded(WORD)].map(|text| word(&text, text.len()));
        HiddenWords::new(words, 8).replaced(text.to_owned(), "[key]")
    }

    fn spelled(spell: impl Fn(char) -> String) -> String {
        WORD.chars().map(spell).collect()
    }

    #[test]
    fn a_word_is_found_in_the_spelling_of_each_format() {
        let json = |text: &str| {
            let quoted = serde_json::to_string(text).unwrap();
            quoted[1..quoted.len() - 1].to_owned()
        };
        let percent = |c: char| format!("%{:02x}", u32::from(c));
        let signs = |c: char| if c.is_alphanumeric() { c.to_string() } else { percent(c).to_uppercase() };
        let once = [
            WORD.to_owned(),
            json(WORD),
            json(WORD).replace('/', "\\/"),
            spelled(|c| format!("\\u{:04X}", u32::from(c))),
            spelled(|c| format!("\\x{:02x}", u32::from(c))),
            spelled(percent),
            spelled(signs),
            spelled(|c| format!("&#{};", u32::from(c))),
            spelled(|c| format!("&#x{:X};", u32::from(c))),
            WORD.replace('&', "&amp;").replace('"', "&quot;").replace('+', "&plus;"),
        ];
        for spelling in once {
            assert_eq!(hidden(&format!("bad key {spelling}.")), "bad key [key].", "{spelling}");
            let twice = json(&json(&spelling)).replace('/', "\\/");
            assert_eq!(hidden(&format!("{{\"{twice}\"}}")), "{\"[key]\"}", "{twice}");
            let in_address = twice.replace('%', "%25").replace('\\', "%5C");
            assert_eq!(hidden(&in_address), "[key]", "{in_address}");
        }
    }

    #[test]
    fn a_word_that_is_cut_off_is_found_and_other_text_stays_as_it_is() {
        assert_eq!(hidden("bad key sk\\/9a\\u002BB\\\"3"), "bad key [key]");
        assert_eq!(hidden("bad key sk/9a+"), "bad key sk/9a+", "a beginning that tells little");
        for text in ["", "100 % of a\\b & c; \\u00e9 %zz &#999; é%", "\\", "%", "&", "&#;", "\\u12"] {
            assert_eq!(hidden(text), text);
        }
        assert_eq!(hidden(&format!("{WORD}{WORD} \\frac{{a}}{{b}}")), "[key][key] \\frac{a}{b}");
    }

    #[test]
    fn every_part_that_is_long_enough_is_found_wherever_it_begins() {
        let text: String = ('a'..='z').chain('0'..='9').collect();
        let words = HiddenWords::new([word(&text, 8), word("secret", 6)], 8);
        let hidden = |text: &str| words.replaced(text.to_owned(), "[key]");
        for blanks in 0..12 {
            let blanks = " ".repeat(blanks);
            for start in 0..=text.len() - 8 {
                for end in start + 8..=text.len() {
                    assert_eq!(hidden(&format!("{blanks}{}.", &text[start..end])), format!("{blanks}[key]."));
                }
                let short = format!("{blanks}{}.", &text[start..start + 7]);
                assert_eq!(hidden(&short), short);
            }
            assert_eq!(hidden(&format!("{blanks}a secret")), format!("{blanks}a [key]"));
        }
    }

    #[test]
    fn a_part_that_begins_or_ends_within_a_character_takes_the_whole_character() {
        // The last byte of `é` is that of `©`, and the first one that of `ã`.
        let words = HiddenWords::new([word("é0123456789é", 8)], 8);
        assert_eq!(words.replaced("a © 0 ©0123456789ã.".to_owned(), "[key]"), "a © 0 [key].");
    }
}
