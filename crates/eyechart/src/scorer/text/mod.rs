//! Scorers of texts: each file has a pure function, texts in, a value in [0, 1], counts or a verdict out, and the
//! declaration that makes a scorer of it.
//!
//! Nothing here knows tasks or files. The functions that take one reference leave the choice between several references
//! to the frame, unless the published metric makes that choice itself.

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

/// A share of counts; absent over nothing.
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
