//! Tests with sentences and the tokens of the reference.

use super::ptb_tokens;

#[track_caller]
fn tokens(text: &str, expected: &str) {
    assert_eq!(ptb_tokens(text).join(" "), expected, "of {text:?}");
}

#[test]
fn contractions_are_split() {
    tokens(
        "She'll say they've won't, and I'm sure it's Tom's.",
        "she 'll say they 've wo n't and i 'm sure it 's tom 's",
    );
    tokens("Couldn’t he've? DON'T!", "could n't he 've do n't");
    tokens("cann't isn't ain't", "cann t is n't ai n't");
    tokens("We cannot; gimme that, I gotta go.", "we can not gim me that i got ta go");
    tokens("'Twas the dogs' day, y'all.", "'t was the dogs day y' all");
}

#[test]
fn words_with_apostrophes_stay_whole() {
    tokens("Mr. O'Hara's jack-o'-lantern at ten o'clock", "mr. o'hara 's jack-o lantern at ten o'clock");
    tokens("Xi'an, Hawai'i and K'ung fu", "xi'an hawai'i and k'ung fu");
    tokens("rock'n'roll 'em 'til '99 in the '80s", "rock 'n' roll 'em 'til '99 in the '80s");
    tokens("goin' to somethin' else", "goin to somethin' else");
}

#[test]
fn punctuation_is_dropped_but_not_runs_of_it() {
    tokens(
        "Hi... there!! (wow) - yes -- no; \"quoted\" 'too' `x`",
        "hi there !! -lrb- wow -rrb- yes no quoted too x",
    );
    tokens("what?! -----", "what ?! -----");
    tokens("““double”” quotes", "```` double '''' quotes");
}

#[test]
fn abbreviations_keep_their_point() {
    tokens("Dr. Who of the U.S. left etc.", "dr. who of the u.s. left etc.");
    tokens("At 5 p.m. in Mass. but no mass.", "at 5 p.m. in mass. but no mass");
    tokens("no. 5 but no. Five", "no. 5 but no five");
    tokens("vitamin C. The end", "vitamin c the end");
    tokens("Fig.3, e.g. Jan., Inc.-x", "fig. 3 e.g. jan. inc. x");
}

#[test]
fn numbers_keep_their_signs_and_separators() {
    tokens("-5 +3.5 1,000.25 10:30pm 12/25/1999 .5", "-5 +3.5 1,000.25 10:30 pm 12/25/1999 .5");
    tokens("1 1/2 cups, 3/4 and ½", "1\u{a0}1/2 cups 3/4 and 1/2");
    tokens(
        "call (555) 867-5309 or 555 867 5309",
        "call -lrb-555-rrb-\u{a0}867-5309 or 555\u{a0}867\u{a0}5309",
    );
    tokens("20,000-seat 5-10% 2nd 1990s", "20,000-seat 5-10 % 2nd 1990s");
}

#[test]
fn currencies_are_named_as_in_the_treebank() {
    tokens("$5 €20 £3 ¥9 50¢ US$40 us$40 ₹7", "$ 5 $ 20 # 3 ¥ 9 50 cents us$ 40 us $ 40 7");
}

#[test]
fn compounds_stay_whole() {
    tokens("a black-and-white T-shirt and/or a file_name", "a black-and-white t-shirt and/or a file_name");
    tokens("U.S.-based non-U.S. a/b/c/d", "u.s.-based non-u.s. a/b/c / d");
    tokens("AT&T, R&amp;D but a&b", "at&t r&d but a & b");
    tokens("C++ C# F# anti- pro-", "c++ c# f# anti- pro-");
}

#[test]
fn the_web_stays_whole() {
    tokens(
        "see http://a.org/b?c=d, www.example.com/x or me@x.com.",
        "see http://a.org/b?c=d www.example.com / x or me@x.com",
    );
    tokens("@user #tag #5 image.jpg v1.2.py v1.2.3", "@user #tag # 5 image.jpg v1.2.py v1 .2.3");
    tokens(
        "<b>bold</b> <img src=\"x y.jpg\"/> a < b",
        "<b> bold </b> <img\u{a0}src=\"x\u{a0}y.jpg\"/> a < b",
    );
    tokens("&lt;3 &quot;x&quot; &eacute;t&eacute; &copy;", "< 3 x &eacute;t&eacute; & copy");
}

#[test]
fn smileys_are_tokens() {
    tokens(":-) :( ;P ^_^ (>.<) :o :)x", ":--rrb- :-lrb- ;p ^_^ -lrb->.<-rrb- o -rrb- x");
}

#[test]
fn other_scripts_are_words() {
    tokens("Ünïted Привет 日本語テキスト。 हिन्दी ٣٫٥", "ünïted привет 日本語テキスト 。 हिन्दी ٣٫٥");
    tokens("ΟΔΟΣ Ⅷ ＡＢＣ", "οδος ａｂｃ");
}

#[test]
fn unknown_characters_vanish() {
    tokens("a🐶b 👩\u{200d}👩 ₿5 x\u{0}y\u{200b}z", "a b 5 x y z");
    tokens("soft\u{ad}hyphen", "softhyphen");
}

#[test]
fn brackets_have_names() {
    tokens("(a) [b] {c} -LRB- d -rrb-", "-lrb- a -rrb- -lsb- b -rsb- -lcb- c -rcb- -lrb- d -rrb-");
}

#[test]
fn the_ends_of_lines_are_spaces() {
    for end in ["\n", "\r", "\r\n", "\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\u{2029}"] {
        tokens(&format!("a{end}b etc.{end}"), "a b etc.");
    }
}

#[test]
fn a_text_without_words_has_no_token() {
    for text in ["", "   ", "...", "\u{a0}", "🎉", "'\"'"] {
        assert!(ptb_tokens(text).is_empty(), "of {text:?}");
    }
}

#[test]
fn long_texts_take_time_in_proportion_to_their_length() {
    // Each unit makes a rule scan far ahead without a match. Quadratic time would take minutes.
    let units = [
        "a",
        "a.",
        "a.,",
        "<a ",
        "<!a",
        "<a b='",
        "<a b=\"x\" ",
        "http://",
        "www.",
        "www.~",
        "a@.",
        "a@b..",
        "~a",
        "~.com",
        "1,",
        "1 ",
        "(",
        "''",
        "A&",
        "&amp;",
        "\\*",
        ". ",
        "p. The ",
        "\u{ad}",
        "日",
        "“",
    ];
    for unit in units {
        ptb_tokens(&unit.repeat(60_000 / unit.len()));
    }
}
