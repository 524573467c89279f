//! Scorers of texts. Each file has a pure function from texts to a value in [0, 1], to counts or to a verdict, and the
//! declaration that turns the function into a scorer.
//!
//! The functions know neither tasks nor files. Most of them compare an answer with one reference, and `applied.rs`
//! combines the scores of several references. A function takes all references if the published metric does.

pub(super) mod anls;
pub(super) mod chrf;
pub(super) mod contains;
mod edit_distance;
pub(super) mod exact_match;
pub(super) mod json_fields;
pub(super) mod mme;
pub(super) mod number;
mod python_str;
pub(super) mod relaxed_match;
mod script;
mod squad;
pub(super) mod token_f1;
pub(super) mod vqa_accuracy;
pub(super) mod yes_no;

pub use anls::anls;
pub use chrf::chrf;
pub use contains::contains;
pub use exact_match::exact_match;
pub(crate) use json_fields::options_of_fields;
pub use json_fields::{
    FieldRule, FieldScore, FieldVerdict, FieldsScore, JsonFieldsOptions, UnreadableJson, json_fields,
};
pub use mme::{MmeCategory, MmeFigures, MmeItem, mme};
pub use number::{NumberMatch, ReadNumber, Tolerance, number, read_number};
pub use relaxed_match::relaxed_match;
pub use token_f1::token_f1;
pub use vqa_accuracy::{TooFewReferences, vqa_accuracy};
pub use yes_no::{YesNo, YesNoCounts};

/// Returns `part` as a share of `whole`; `None` if `whole` is 0.
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
