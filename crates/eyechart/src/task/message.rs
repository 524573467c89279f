//! Builds the parts of a message, in order, from a text and its pictures.
//!
//! Reads no files and no pictures. If the markers in the text do not fit the pictures, the message is an error.

use crate::types::{ImagesSpec, Marker, Part, Place};

/// How texts and pictures are put together in the messages of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    place: Place,
    marker: Marker,
}

/// A picture with the number that markers have, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NumberedPicture<P> {
    pub(super) number: usize,
    pub(super) picture: P,
}

impl Layout {
    /// The layout for a task with these `[images]`.
    pub(super) fn of(images: &ImagesSpec) -> Self {
        Self { place: images.place(), marker: images.marker.clone().unwrap_or_default() }
    }

    /// The message with `text` and `pictures`. The pictures are in the order of their numbers.
    ///
    /// # Errors
    /// The first marker without a picture, or else the first picture without a marker.
    pub(super) fn message<P: Clone>(
        &self,
        text: &str,
        pictures: &[NumberedPicture<P>],
    ) -> Result<Vec<Part<P>>, String> {
        let all = || pictures.iter().map(|numbered| Part::Picture(numbered.picture.clone()));
        let text_part = || std::iter::once(Part::Text(text.to_owned()));
        match self.place {
            Place::Before => Ok(all().chain(text_part()).collect()),
            Place::After => Ok(text_part().chain(all()).collect()),
            Place::Markers => self.with_markers(text, pictures),
        }
    }

    /// Gives the pictures of another sample, `lent`, the numbers of the sample's own pictures `own`. With markers,
    /// each number gets one picture in order; if there are too few, the first one follows the last one.
    pub(super) fn lend<P: Clone, Q>(
        &self,
        own: &[NumberedPicture<Q>],
        lent: &[P],
    ) -> Vec<NumberedPicture<P>> {
        let numbered = |(number, picture): (usize, &P)| NumberedPicture { number, picture: picture.clone() };
        match self.place {
            Place::Before | Place::After => (1..).zip(lent).map(numbered).collect(),
            Place::Markers => {
                own.iter().map(|own| own.number).zip(lent.iter().cycle()).map(numbered).collect()
            }
        }
    }

    fn with_markers<P: Clone>(
        &self,
        text: &str,
        pictures: &[NumberedPicture<P>],
    ) -> Result<Vec<Part<P>>, String> {
        let markers = self.marker.find_in(text);
        let (mut parts, mut end) = (Vec::new(), 0);
        for found in &markers {
            let picture = pictures.iter().find(|numbered| Some(numbered.number) == found.number);
            let picture = picture.ok_or_else(|| without_picture(&text[found.range.clone()], pictures))?;
            push_text(&mut parts, &text[end..found.range.start]);
            parts.push(Part::Picture(picture.picture.clone()));
            end = found.range.end;
        }
        push_text(&mut parts, &text[end..]);
        let is_named = |number| markers.iter().any(|found| found.number == Some(number));
        match pictures.iter().find(|numbered| !is_named(numbered.number)) {
            Some(NumberedPicture { number, .. }) => Err(format!(
                "there is a picture {number}, but the prompt has no marker {:?}",
                self.marker.of(*number)
            )),
            None => Ok(parts),
        }
    }
}

fn without_picture<P>(marker: &str, pictures: &[NumberedPicture<P>]) -> String {
    let numbers: Vec<String> = pictures.iter().map(|numbered| numbered.number.to_string()).collect();
    let known = if numbers.is_empty() { "there are none".to_owned() } else { numbers.join(", ") };
    format!(
        "the prompt has the marker {marker:?}, but no picture has this number (numbers with a picture: {known})"
    )
}

/// Texts of only white space are left out, because some endpoints refuse them.
fn push_text<P>(parts: &mut Vec<Part<P>>, text: &str) {
    if !text.trim().is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(place: Place) -> Layout {
        Layout { place, marker: Marker::default() }
    }

    fn numbered(pictures: &[(usize, char)]) -> Vec<NumberedPicture<char>> {
        pictures.iter().map(|&(number, picture)| NumberedPicture { number, picture }).collect()
    }

    /// Texts unchanged and pictures as `[a]`, joined by `|`.
    fn message(place: Place, text: &str, pictures: &[(usize, char)]) -> Result<String, String> {
        let parts = layout(place).message(text, &numbered(pictures))?;
        let shown = parts.into_iter().map(|part| match part {
            Part::Text(text) => text,
            Part::Picture(picture) => format!("[{picture}]"),
        });
        Ok(shown.collect::<Vec<_>>().join("|"))
    }

    #[test]
    fn pictures_are_before_the_text_or_after_it_and_markers_are_text_then() {
        let pictures = [(1, 'a'), (3, 'c')];
        assert_eq!(message(Place::Before, "<image 2>?", &pictures).unwrap(), "[a]|[c]|<image 2>?");
        assert_eq!(message(Place::After, "", &pictures).unwrap(), "|[a]|[c]");
    }

    #[test]
    fn each_marker_is_replaced_by_its_picture_as_often_as_it_occurs() {
        let said = |text: &str| message(Place::Markers, text, &[(1, 'a'), (3, 'c')]);
        assert_eq!(
            said("Is <image 3> in\n<image 1>, not <image 3>").unwrap(),
            "Is |[c]| in\n|[a]|, not |[c]"
        );
        assert_eq!(said("<image 1> \n<image 3>").unwrap(), "[a]|[c]");
    }

    #[test]
    fn a_marker_without_a_picture_and_a_picture_without_a_marker_are_errors() {
        let error = |text: &str| message(Place::Markers, text, &[(1, 'a'), (3, 'c')]).unwrap_err();
        assert!(error("<image 1> <image 2> <image 3>").contains("marker \"<image 2>\", but no picture"));
        assert!(error("<image 0> <image 1> <image 3>").contains("(numbers with a picture: 1, 3)"));
        assert!(error("<image 1>").contains("a picture 3, but the prompt has no marker \"<image 3>\""));
        let huge = format!("<image {}>", "9".repeat(40));
        assert!(error(&huge).contains("no picture has this number"));
    }

    #[test]
    fn lent_pictures_take_the_numbers_of_the_samples_own() {
        let own = numbered(&[(2, 'x'), (4, 'y'), (5, 'z')]);
        assert_eq!(layout(Place::Markers).lend(&own, &['a', 'b']), numbered(&[(2, 'a'), (4, 'b'), (5, 'a')]));
        assert_eq!(layout(Place::Markers).lend(&own[..1], &['a', 'b']), numbered(&[(2, 'a')]));
        assert_eq!(layout(Place::After).lend(&own[..1], &['a', 'b']), numbered(&[(1, 'a'), (2, 'b')]));
    }
}
