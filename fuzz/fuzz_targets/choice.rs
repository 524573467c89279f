//! Any text as an answer, with any lines as options: a verdict with a span inside the answer, never a panic.
#![no_main]

use std::ops::Range;

use eyechart::scorer::choice::{Options, Verdict, final_answer, read, read_yes_no};
use libfuzzer_sys::fuzz_target;

// The options are the lines before the first empty line; the answer is the rest.
fuzz_target!(|text: &str| {
    let (options, answer) = text.split_once("\n\n").unwrap_or(("red\nblue", text));
    let texts: Vec<String> = options.lines().take(26).map(str::to_owned).collect();
    let options = Options::new(&texts);
    let is_within = |span: &Range<usize>| answer.get(span.clone()).is_some();
    let reading = read(answer, &options);
    assert!(reading.span.iter().all(is_within));
    assert!(!reading.explanation.is_empty());
    if let Verdict::Option(index) = reading.verdict {
        assert!(index < texts.len());
    }
    assert!(final_answer(answer).iter().all(is_within));
    assert!(read_yes_no(answer).span.iter().all(is_within));
});
