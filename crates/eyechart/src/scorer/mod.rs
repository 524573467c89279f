//! Scorers: from answers to scores. Each scorer has its own file. No scorer knows where answers come from or where
//! scores are stored.
//!
//! A scorer is a `Declaration`: its name, its keys, its metrics and the way it scores. A new scorer is one file here
//! and one line in `SCORERS`. [`Scorer`] applies a scorer to the records of a run.

mod applied;
pub mod captions;
pub mod choice;
mod command;
mod declaration;
mod embed;
mod extract;
mod measure;
mod similarity;
pub mod text;

pub(crate) use applied::Scorer;
pub use command::{CommandAccess, CommandPermission, Program, ProgramsStopped, shown_command, stop_programs};
use declaration::Declaration;
pub use declaration::{KeyFault, ScorerError, Tools};
pub use embed::{Embed, EmbedError};

/// All scorers, in the order in which help texts and messages list them.
const SCORERS: &[&Declaration] = &[
    &choice::CHOICE,
    &text::exact_match::EXACT_MATCH,
    &text::contains::CONTAINS,
    &text::number::NUMBER,
    &text::json_fields::JSON_FIELDS,
    &text::token_f1::TOKEN_F1,
    &text::anls::ANLS,
    &text::relaxed_match::RELAXED_MATCH,
    &text::vqa_accuracy::VQA_ACCURACY,
    &text::yes_no::YES_NO,
    &text::mme::MME,
    &captions::CAPTIONS,
    &text::chrf::CHRF,
    &similarity::SIMILARITY,
    &command::COMMAND,
];

/// Returns the name of each scorer, as task files write it.
pub fn names() -> impl Iterator<Item = &'static str> {
    SCORERS.iter().map(|scorer| scorer.name)
}
