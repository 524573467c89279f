//! The encoder against sentence-transformers, and against itself.
//!
//! `golden/minilm.jsonl` was made by `scripts/golden-embeddings`, its texts are the crate's own. The
//! model's folder comes from the environment: 90 MB of weights are not part of the repository.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "the helpers of tests may do what tests may")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::Mutex;

use sentence_embed::{Encoder, Error, Instructions, Options, Precision, cosine};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What two implementations of the same f32 arithmetic may differ by. Measured: see the README.
const TOLERANCE: f32 = 1e-5;

/// A text and its vector by sentence-transformers.
#[derive(Deserialize)]
struct Golden {
    text: String,
    embedding: Vec<f32>,
}

/// Two texts and the cosine of their vectors by sentence-transformers.
#[derive(Deserialize)]
struct Pair {
    a: String,
    b: String,
    cosine: f32,
}

/// The folder of all-MiniLM-L6-v2.
fn model_dir() -> PathBuf {
    let Some(folder) = std::env::var_os("SENTENCE_EMBED_MODEL") else {
        panic!(
            "SENTENCE_EMBED_MODEL does not name the folder of all-MiniLM-L6-v2; run scripts/test, \
             which fetches the model and sets it"
        );
    };
    folder.into()
}

/// The encoder, read once for all tests of a file.
fn encoder() -> &'static Encoder {
    static ENCODER: LazyLock<Encoder> =
        LazyLock::new(|| Encoder::from_dir(&model_dir()).expect("the model's folder is whole"));
    &ENCODER
}

/// The crate's own golden texts.
fn golden() -> Vec<Golden> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    read_lines(&here.join("tests/golden/minilm.jsonl"))
}

/// The golden files of the folder that `EYECHART_SHARED` names; absent if the variable is not set.
fn shared_golden() -> Option<PathBuf> {
    std::env::var_os("EYECHART_SHARED").map(|folder| Path::new(&folder).join("golden"))
}

/// The objects of a file with one JSON object a line.
fn read_lines<T: DeserializeOwned>(path: &Path) -> Vec<T> {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The largest difference of two components at the same place.
fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Embeds all texts at once and compares each component.
fn assert_agrees(encoder: &Encoder, lines: &[Golden]) {
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    let found = encoder.embed(&texts).unwrap();
    assert_eq!(found.len(), lines.len());
    let mut worst = 0.0_f32;
    for (row, line) in found.rows().zip(lines) {
        let difference = largest_difference(row, &line.embedding);
        let start: String = line.text.chars().take(60).collect();
        assert!(difference <= TOLERANCE, "{difference:e} for {start:?}");
        worst = worst.max(difference);
    }
    println!("{} texts, largest difference {worst:e}", lines.len());
}

#[test]
fn the_crates_own_texts_agree_with_sentence_transformers() {
    let lines = golden();
    assert!(lines.len() >= 40);
    assert_agrees(encoder(), &lines);
}

#[test]
fn every_set_of_instructions_agrees_with_sentence_transformers() {
    // Some of them: the portable kernels take their time.
    let lines: Vec<Golden> = golden().into_iter().step_by(4).collect();
    let mut first_rows = Vec::new();
    for instructions in [Instructions::Avx512, Instructions::Avx2, Instructions::Portable] {
        let options = Options::default().instructions(instructions);
        let encoder = Encoder::with_options(&model_dir(), options).unwrap();
        assert_agrees(&encoder, &lines);
        let bf16 = Encoder::with_options(&model_dir(), options.precision(Precision::Bf16));
        assert!(matches!(bf16, Err(Error::Precision { .. })), "{instructions:?} has no bf16");
        first_rows.push(encoder.embed(&["a dog runs"]).unwrap().row(0).to_vec());
    }
    // Without FMA sums are rounded otherwise: were they the same, the limit would have been ignored.
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        assert_ne!(first_rows[0], first_rows[2]);
    }
}

#[test]
#[ignore = "reads the shared folder: set EYECHART_SHARED and run scripts/test"]
fn the_shared_texts_agree_with_sentence_transformers() {
    let folder = shared_golden().expect("EYECHART_SHARED names the folder");
    assert_agrees(encoder(), &read_lines(&folder.join("minilm.jsonl")));
}

#[test]
#[ignore = "reads the shared folder: set EYECHART_SHARED and run scripts/test"]
fn the_shared_pairs_agree_with_sentence_transformers() {
    let folder = shared_golden().expect("EYECHART_SHARED names the folder");
    let pairs: Vec<Pair> = read_lines(&folder.join("pairs.jsonl"));
    let texts: Vec<&str> = pairs.iter().flat_map(|p| [&*p.a, &*p.b]).collect();
    let vectors = encoder().embed(&texts).unwrap();
    let mut worst = 0.0_f32;
    for (i, pair) in pairs.iter().enumerate() {
        let found = cosine(vectors.row(2 * i), vectors.row(2 * i + 1));
        worst = worst.max((found - pair.cosine).abs());
        assert!(worst <= TOLERANCE, "{found} {} {:?}", pair.cosine, pair.a);
    }
    println!("{} pairs, largest difference {worst:e}", pairs.len());
}

#[test]
fn a_text_has_the_same_vector_alone_and_in_a_batch() {
    let lines = golden();
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    let together = encoder().embed(&texts).unwrap();
    for (text, row) in texts.iter().zip(together.rows()) {
        let alone = encoder().embed(&[text]).unwrap();
        assert_eq!(alone.row(0), row, "{text:?}");
    }
}

#[test]
fn rows_follow_the_order_of_the_texts() {
    let lines = golden();
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    let reversed: Vec<&str> = texts.iter().rev().copied().collect();
    let forth = encoder().embed(&texts).unwrap();
    let back = encoder().embed(&reversed).unwrap();
    for i in 0..texts.len() {
        let difference = largest_difference(forth.row(i), back.row(texts.len() - 1 - i));
        assert!(difference < 1e-6, "{:?}", texts[i]);
    }
}

#[test]
fn no_texts_give_no_rows() {
    let none = encoder().embed::<&str>(&[]).unwrap();
    assert_eq!((none.len(), none.dim(), none.is_empty()), (0, 384, true));
    assert_eq!(none.rows().count(), 0);
}

#[test]
fn vectors_have_length_one_and_a_text_is_like_itself() {
    let vectors = encoder().embed(&["", "one", "two words"]).unwrap();
    assert_eq!(vectors.as_slice().len(), 3 * encoder().dim());
    for row in vectors.rows() {
        let norm: f32 = row.iter().map(|v| v * v).sum::<f32>().sqrt();
        assert!((norm - 1.0).abs() < 1e-6);
        assert!((cosine(row, row) - 1.0).abs() < 1e-6);
    }
}

#[test]
fn what_follows_the_256th_token_is_ignored() {
    assert_eq!(encoder().max_tokens(), 256);
    // Two tokens mark the ends of a text, and "word" is one token.
    let words = |n: usize| "word ".repeat(n);
    let full = words(254);
    let longer = words(254) + "and something else entirely";
    let shorter = words(253) + "and";
    let vectors = encoder().embed(&[full, longer, shorter]).unwrap();
    assert!(largest_difference(vectors.row(0), vectors.row(1)) < 1e-6);
    assert!(largest_difference(vectors.row(0), vectors.row(2)) > 1e-4);
}

#[test]
fn progress_grows_to_the_number_of_texts() {
    let texts = vec!["a text of some words, for the batches to fill up"; 300];
    let seen = Mutex::new(Vec::new());
    encoder().embed_with(&texts, |done| seen.lock().unwrap().push(done)).unwrap();
    let seen = seen.into_inner().unwrap();
    assert!(seen.len() > 1 && seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    assert_eq!(seen.last(), Some(&300));
}

#[test]
fn of_a_text_of_any_length_no_more_is_split_than_counts() {
    let words = "the quick brown fox jumps over the lazy dog\n".repeat(100_000);
    let spaces = " ".repeat(1_000_000) + "a dog runs";
    let one_word = "x".repeat(300_000) + " a dog runs";
    let short = [
        &words[..20_000],
        "a dog runs",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx a dog runs",
    ];
    let vectors = encoder().embed(&[words.as_str(), &spaces, &one_word]).unwrap();
    assert_eq!(vectors, encoder().embed(&short).unwrap());
}

#[test]
fn streamed_vectors_come_in_order_and_are_the_same_on_any_number_of_threads() {
    let lines = golden();
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).cycle().take(200).collect();
    let expected = encoder().embed(&texts).unwrap();
    for threads in [1, 3] {
        let encoder = Encoder::with_options(&model_dir(), Options::default().threads(threads)).unwrap();
        let mut rows = Vec::new();
        let keep = |row: &[f32]| {
            rows.extend_from_slice(row);
            Ok::<_, Error>(())
        };
        encoder.embed_each(texts.iter().map(|text| (*text).to_owned()), keep).unwrap();
        assert_eq!(rows, expected.as_slice(), "{threads} threads");
    }
}

#[test]
fn a_stream_of_texts_is_read_as_it_is_needed_and_ends_at_the_first_error() {
    #[derive(Debug)]
    struct Full;
    impl From<Error> for Full {
        fn from(error: Error) -> Self {
            panic!("{error}")
        }
    }
    let (mut read, mut handed) = (0_usize, 0);
    let texts = std::iter::repeat_with(|| {
        read += 1;
        "a text without end"
    });
    let result = encoder().embed_each(texts, |_| {
        handed += 1;
        if handed == 1000 { Err(Full) } else { Ok(()) }
    });
    assert!(result.is_err());
    assert!((1000..20_000).contains(&read), "{read} texts read");
}

#[test]
fn bf16_keeps_the_cosine_of_every_pair_or_says_what_it_lacks() {
    let bf16 = Encoder::with_options(&model_dir(), Options::default().precision(Precision::Bf16));
    let bf16 = match bf16 {
        Ok(encoder) => encoder,
        Err(error) => {
            assert!(!Precision::Bf16.is_supported());
            assert!(error.to_string().contains("AVX-512 BF16"), "{error}");
            return;
        }
    };
    let lines = golden();
    let mut texts: Vec<String> = lines.into_iter().map(|line| line.text).collect();
    if let Some(folder) = shared_golden() {
        let pairs: Vec<Pair> = read_lines(&folder.join("pairs.jsonl"));
        texts.extend(pairs.into_iter().flat_map(|pair| [pair.a, pair.b]));
    }
    let (exact, near) = (encoder().embed(&texts).unwrap(), bf16.embed(&texts).unwrap());
    let mut worst = 0.0_f32;
    for i in 1..texts.len() {
        let expected = cosine(exact.row(i - 1), exact.row(i));
        worst = worst.max((cosine(near.row(i - 1), near.row(i)) - expected).abs());
        assert!(worst <= 2e-3, "{worst:e}: {:?} {:?}", texts[i - 1], texts[i]);
    }
    println!("{} pairs, largest difference of the cosine {worst:e}", texts.len() - 1);
}
