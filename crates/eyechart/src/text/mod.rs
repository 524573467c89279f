//! Text mechanics: short forms of numbers, durations, hashes, addresses and errors.
//!
//! Pure functions. Nothing here knows a word of the field, opens a file or reads a clock.

mod address;
mod causes;
mod duration;
mod hex;
mod json;
mod literal;
mod number;
mod reasoning;
mod shown;
mod wrap;

pub(crate) use address::{file_path, is_address, shown_address};
pub(crate) use causes::causes;
pub use duration::parse_duration;
pub use hex::hex;
pub use json::json_mistake;
pub(crate) use json::{json_without_nan, repaired_json, with_long_integers_quoted};
pub(crate) use literal::parse_python;
pub use number::{counted, grouped, usd};
pub use reasoning::{SplitAnswer, split_reasoning};
pub(crate) use shown::{is_too_long_to_show, shown_value};
pub use wrap::wrapped;
