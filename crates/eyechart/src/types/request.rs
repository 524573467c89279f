//! The content of a request, independent of any wire protocol: ordered parts of text and pictures.

use bytes::Bytes;

use super::ImageDetail;

/// The content of one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The messages, with their pictures as sent.
    pub messages: Messages<RequestImage>,
    /// How closely the model should look at the pictures; the endpoint decides, if absent.
    pub image_detail: Option<ImageDetail>,
}

/// The messages of one request. `P` is a picture: its source, or its form as sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Messages<P> {
    /// The system message.
    pub system: Option<String>,
    /// Earlier turns, the first one first.
    pub turns: Vec<Turn<P>>,
    /// The message that the model answers.
    pub question: Vec<Part<P>>,
}

/// One earlier turn: a message and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn<P> {
    /// The user's message.
    pub question: Vec<Part<P>>,
    /// The model's answer.
    pub answer: String,
}

/// One part of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part<P> {
    /// A text.
    Text(String),
    /// A picture.
    Picture(P),
}

/// A picture as passed to the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestImage {
    /// An address that the endpoint fetches.
    Url(String),
    /// Sent inside the request.
    Bytes {
        /// The media type, such as `image/jpeg`.
        media_type: &'static str,
        /// The encoded picture, exactly as sent.
        bytes: Bytes,
    },
}

impl<P> Messages<P> {
    /// A single message with a single text.
    #[must_use]
    pub fn of_text(text: impl Into<String>) -> Self {
        Self { system: None, turns: Vec::new(), question: vec![Part::Text(text.into())] }
    }

    /// All pictures, in the order in which they are sent.
    pub fn pictures(&self) -> impl Iterator<Item = &P> {
        self.parts().filter_map(Part::picture)
    }

    /// All pictures, in the order in which they are sent.
    pub fn pictures_mut(&mut self) -> impl Iterator<Item = &mut P> {
        let turns = self.turns.iter_mut().flat_map(|turn| &mut turn.question);
        turns.chain(&mut self.question).filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Picture(picture) => Some(picture),
        })
    }

    /// The number of characters of all texts.
    #[must_use]
    pub fn characters(&self) -> usize {
        let texts = self.parts().filter_map(|part| match part {
            Part::Text(text) => Some(text),
            Part::Picture(_) => None,
        });
        let others = self.system.iter().chain(self.turns.iter().map(|turn| &turn.answer));
        texts.chain(others).map(|text| text.chars().count()).sum()
    }

    /// The messages without pictures. The texts around a picture become one text.
    #[must_use]
    pub fn without_pictures(self) -> Self {
        let turns = self.turns.into_iter();
        Self {
            turns: turns.map(|turn| Turn { question: without_pictures(turn.question), ..turn }).collect(),
            question: without_pictures(self.question),
            ..self
        }
    }

    fn parts(&self) -> impl Iterator<Item = &Part<P>> {
        self.turns.iter().flat_map(|turn| &turn.question).chain(&self.question)
    }
}

impl<P> Part<P> {
    /// The picture, if the part is one.
    pub fn picture(&self) -> Option<&P> {
        match self {
            Self::Text(_) => None,
            Self::Picture(picture) => Some(picture),
        }
    }

    /// The part with its picture replaced by the result of `prepare`.
    ///
    /// # Errors
    /// The error of `prepare`.
    pub fn try_map<Q, E>(self, prepare: impl FnOnce(P) -> Result<Q, E>) -> Result<Part<Q>, E> {
        Ok(match self {
            Self::Text(text) => Part::Text(text),
            Self::Picture(picture) => Part::Picture(prepare(picture)?),
        })
    }
}

fn without_pictures<P>(parts: Vec<Part<P>>) -> Vec<Part<P>> {
    let texts: Vec<String> = parts
        .into_iter()
        .filter_map(|part| match part {
            Part::Text(text) => Some(text),
            Part::Picture(_) => None,
        })
        .collect();
    vec![Part::Text(texts.concat())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_its_pictures_a_message_is_one_text() {
        let text = |text: &str| Part::Text(text.to_owned());
        let messages = Messages {
            system: Some("Be brief.".to_owned()),
            turns: vec![Turn { question: vec![Part::Picture(1), text("This?")], answer: "A".to_owned() }],
            question: vec![text("Is "), Part::Picture(2), text("it?"), Part::Picture(3)],
        };
        assert_eq!(messages.pictures().copied().collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(messages.characters(), "Be brief.This?AIs it?".len());
        let bare = messages.without_pictures();
        assert_eq!(bare.question, [text("Is it?")]);
        assert_eq!(bare.turns[0].question, [text("This?")]);
        assert_eq!(bare.system.as_deref(), Some("Be brief."));
    }
}
