//! Scorers: from records to scores. One file per scorer; none knows where answers come from or where scores go.

mod similarity;

pub use similarity::{Embed, EmbedError, THRESHOLD, similarity};
