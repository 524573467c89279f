//! Any text as a caption: tokens that are not empty and in lower case, and the same ones again.
#![no_main]

use eyechart::scorer::captions::ptb_tokens;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let tokens = ptb_tokens(text);
    assert!(tokens.iter().all(|token| !token.is_empty()));
    assert_eq!(tokens, ptb_tokens(text));
});
