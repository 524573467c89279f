//! Text mechanics: short forms of numbers, durations, hashes, addresses and errors.
//!
//! Pure functions. Nothing here knows a word of the field or opens a file. Only `now` reads a clock.

mod address;
mod causes;
mod clock;
mod duration;
mod hex;
mod hidden_words;
mod json;
mod literal;
mod number;
mod reasoning;
mod shown;
mod spelling;
mod wrap;

pub use address::with_shown_addresses;
pub(crate) use address::{
    file_path, is_address, shown_address, shown_mistyped_address, without_query_values,
};
pub(crate) use causes::causes;
pub use clock::{is_clock_usable, now};
pub use duration::parse_duration;
pub use hex::hex;
pub(crate) use hidden_words::{HiddenWord, HiddenWords};
pub use json::json_mistake;
pub(crate) use json::{json_without_nan, repaired_json, with_long_integers_quoted};
pub(crate) use literal::parse_python;
pub use number::{counted, grouped, usd};
pub use reasoning::{SplitAnswer, split_reasoning};
pub(crate) use shown::{is_too_long_to_show, shown_value};
pub(crate) use spelling::decoded;
pub use wrap::wrapped;
