//! The words of the field as plain data: what flows between the stages and what the files hold.
//!
//! Nothing here opens a file, a socket or a clock.

mod attempt;
mod choices;
mod command;
mod encoder;
mod epochs;
mod error_class;
mod event;
mod failure;
mod figure_id;
mod images;
mod invalid;
mod limit_change;
mod metric;
mod nearest;
mod output;
mod picture_formats;
mod place;
mod price;
mod progress;
mod record;
mod request;
mod results;
mod row;
mod sample;
mod score;
mod score_entry;
mod span;
mod spec;
mod task;
mod to_ask;

pub use attempt::Attempt;
pub use choices::{ChoiceOptions, Choices, LabelForm};
pub use command::{ArgumentFile, CommandRecord};
pub use encoder::EncoderSpec;
pub use epochs::{Position, PositionPicks, VarianceSplit};
pub use error_class::ErrorClass;
pub use event::{Observer, Observers, RunEvent, Tally};
pub use failure::{Failure, FailureKind};
pub use figure_id::{UnknownFigure, find_figure};
pub use images::{
    Colour, ImageDetail, ImageFormat, ImageLimits, ImagesOverride, ImagesSpec, Quality, SendAs,
};
pub use invalid::{InvalidKey, InvalidValue};
pub use limit_change::LimitChange;
pub use metric::{Counts, Formula, Metric, MetricKind, READABLE, SCORES, readable_metric};
pub use nearest::{did_you_mean, nearest};
pub use output::{ModelOutput, StopReason, Usage};
pub(crate) use picture_formats::{PICTURE_EXTENSIONS, PICTURE_FORMATS};
pub use place::{FoundMarker, Marker, Place};
pub use price::{Budget, Price, Tokens};
pub use progress::{Progress, Silent};
pub use record::{CachedAnswer, Epoch, ImageRecord, RecordedChoices, SampleRecord, Status};
pub use request::{Messages, Part, Request, RequestImage, Turn};
pub use results::{
    Control, Cost, Direction, Figure, NoInterval, Results, SampleCounts, ScorerSpec, Speed, Unscored,
};
pub use row::{
    BadRow, Row, column_of, id_of, items_of, list_or_cell, named_row, parse_json, parse_list, parse_object,
    text_of, texts_of,
};
pub use sample::{ImageSource, Sample};
pub use score::{Score, ScoreValue};
pub use score_entry::{
    AfterExtract, Extract, ExtractRule, PickMatch, References, RegexExtract, ScoreEntry, Unparsed,
};
pub use span::character_span;
pub use spec::{
    Answers, Connections, DataFile, DataOrigin, DataSpec, Endpoint, EvalSpec, Execution, PickedSample,
    SpecDifference, TaskSource,
};
pub use task::{Compare, DatasetSpec, Example, PromptSpec, Published, Take, Task};
pub use to_ask::{EpochSamples, ToAsk};
