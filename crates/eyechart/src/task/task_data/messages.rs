//! The messages that are sent for a row: the system message, the examples, and the row's prompt and pictures.

use super::TaskData;
use crate::task::message::NumberedPicture;
use crate::types::{Example, Failure, FailureKind, ImageSource, Messages, Part, Row, Turn};

impl TaskData {
    /// The messages for a row with this prompt. If `lent` is given, its pictures replace the row's own.
    pub(super) fn messages(
        &self,
        row: &Row,
        prompt: &str,
        lent: Option<&[ImageSource]>,
    ) -> Result<Messages<ImageSource>, Failure> {
        let no_picture = |reason| Failure::new(FailureKind::Image, reason);
        let no_sample = |reason| Failure::new(FailureKind::Sample, reason);
        let system = self.system.as_ref().map(|system| self.rendered(system, row));
        let system = system.transpose().map_err(no_sample)?;
        let own = self.images_of(row).map_err(no_picture)?;
        let pictures = match (&self.layout, lent) {
            (Some(layout), Some(lent)) => layout.lend(&own, lent),
            _ => own,
        };
        let question = self.message(prompt, &pictures).map_err(no_sample)?;
        Ok(Messages { system, turns: self.turns().map_err(no_picture)?, question })
    }

    fn message(
        &self,
        text: &str,
        pictures: &[NumberedPicture<ImageSource>],
    ) -> Result<Vec<Part<ImageSource>>, String> {
        match &self.layout {
            Some(layout) => layout.message(text, pictures),
            None => Ok(vec![Part::Text(text.to_owned())]),
        }
    }

    /// The examples of the task; none if answers are recorded, because then nothing is sent.
    fn turns(&self) -> Result<Vec<Turn<ImageSource>>, String> {
        let examples = self.task.prompt.examples.iter().filter(|_| self.with_images);
        let turn = |example: &Example| {
            let numbered = |(number, place): (usize, &String)| {
                Ok(NumberedPicture { number, picture: self.example_source(place)? })
            };
            let pictures: Vec<_> = (1..).zip(&example.images).map(numbered).collect::<Result<_, String>>()?;
            Ok(Turn { question: self.message(&example.prompt, &pictures)?, answer: example.answer.clone() })
        };
        examples.map(turn).collect()
    }

    pub(super) fn example_pictures(&self) -> impl Iterator<Item = &String> {
        self.task.prompt.examples.iter().flat_map(|example| &example.images)
    }
}
