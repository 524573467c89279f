//! Checks whether the messages of a task can be built: templates, examples, and markers with their pictures.

use super::{WrongValue, wrong_value};
use crate::task::message::{Layout, NumberedPicture};
use crate::task::prompt::Prompt;
use crate::types::{Place, Task};

/// The mistakes in `[prompt]`, and in `[images]` where the two have to fit.
pub(super) fn mistakes(task: &Task) -> Vec<WrongValue> {
    let prompt = &task.prompt;
    let has_choices = task.dataset.has_option_columns();
    let text = Prompt::new(&prompt.text, has_choices).err().map(|reason| wrong_value("prompt.text", reason));
    let system = prompt.system.as_deref().and_then(|system| Prompt::of_system(system, has_choices).err());
    let system = system.map(|reason| wrong_value("prompt.system", reason));
    text.into_iter().chain(system).chain(markers(task)).chain(examples(task)).collect()
}

/// A marker in the template whose number no column has. Every sample would fail.
fn markers(task: &Task) -> Option<WrongValue> {
    let images = task.images.as_ref().filter(|images| images.place() == Place::Markers)?;
    let text = &task.prompt.text;
    let count = (!images.columns.is_empty()).then_some(images.columns.len());
    let is_column = |number: usize| number > 0 && count.is_none_or(|count| number <= count);
    let found = images.marker.clone().unwrap_or_default().find_in(text).into_iter();
    let mut wrong = found.filter(|marker| !marker.number.is_some_and(is_column));
    let marker = &text[wrong.next()?.range];
    let known = count.map_or_else(
        || "the number is a position in the list of `column`, from 1".to_owned(),
        |count| format!("[images] has {count} `columns`, numbered from 1"),
    );
    Some(wrong_value(
        "prompt.text",
        format!("`prompt.text` has the marker {marker:?}, which has no column: {known}"),
    ))
}

fn examples(task: &Task) -> Vec<WrongValue> {
    let layout = task.images.as_ref().map(Layout::of);
    let wrong = |(index, example): (usize, &crate::types::Example)| {
        let path = |key: &str| format!("prompt.examples.{index}.{key}");
        match &layout {
            None if example.images.is_empty() => None,
            None => {
                let what = "an example has `images`, but the task has no [images]";
                Some(wrong_value(path("images"), what))
            }
            Some(layout) => {
                let numbered = (1..).zip(&example.images);
                let pictures: Vec<_> =
                    numbered.map(|(number, picture)| NumberedPicture { number, picture }).collect();
                let reason = layout.message(&example.prompt, &pictures).err()?;
                Some(wrong_value(path("prompt"), format!("in an example {reason}")))
            }
        }
    };
    task.prompt.examples.iter().enumerate().filter_map(wrong).collect()
}
