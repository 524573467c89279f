//! Reads chat completion requests, and offers the fields that rules need. Text and pictures borrow from the body; other
//! fields are skipped.
//!
//! Benchmarks share their cores with this server, so a picture is not copied, and it is decoded only if a rule needs
//! its hash.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use sha2::{Digest, Sha256};

/// A SHA-256.
pub(super) type Sha = [u8; 32];

/// The path of chat completions.
pub(super) const CHAT: &str = "/chat/completions";
/// The path of embeddings.
pub(super) const EMBEDDINGS: &str = "/embeddings";

/// The parts of a request that rules can match.
#[derive(Debug)]
pub(super) struct ChatRequest<'a> {
    /// The path: [`CHAT`] or [`EMBEDDINGS`].
    pub(super) path: &'static str,
    /// The name of the model, as sent.
    pub(super) model: Cow<'a, str>,
    /// The text of all messages, with a newline between two parts.
    pub(super) text: Cow<'a, str>,
    /// The addresses of the pictures, as sent, including `data:` addresses.
    pictures: Vec<Cow<'a, str>>,
    hashes: OnceCell<Vec<Sha>>,
}

impl<'a> ChatRequest<'a> {
    /// Reads the body of a request.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, serde_json::Error> {
        let wire: Wire<'a> = serde_json::from_slice(body)?;
        let mut texts = Vec::new();
        let mut pictures = Vec::new();
        for part in wire.messages.into_iter().flat_map(|message| message.content.0) {
            texts.extend(part.text.map(|text| text.0));
            pictures.extend(part.image_url.map(|image| image.0));
        }
        Ok(Self { path: CHAT, model: wire.model.0, text: join(texts), pictures, hashes: OnceCell::new() })
    }

    /// Returns the view of a request for embeddings of these texts.
    pub(super) fn of_texts(model: &'a str, texts: &[String]) -> Self {
        let (model, text) = (Cow::Borrowed(model), Cow::Owned(texts.join("\n")));
        Self { path: EMBEDDINGS, model, text, pictures: Vec::new(), hashes: OnceCell::new() }
    }

    /// Returns the number of pictures.
    pub(super) fn picture_count(&self) -> usize {
        self.pictures.len()
    }

    /// Returns whether a picture inside the request has this hash. Addresses of pictures are not fetched.
    pub(super) fn has_picture(&self, sha: &Sha) -> bool {
        let hashes = self
            .hashes
            .get_or_init(|| self.pictures.iter().filter_map(|url| hash_of_data_url(url)).collect());
        hashes.contains(sha)
    }
}

fn join(mut texts: Vec<Cow<'_, str>>) -> Cow<'_, str> {
    match texts.len() {
        0 => Cow::Borrowed(""),
        1 => texts.remove(0),
        _ => Cow::Owned(texts.join("\n")),
    }
}

fn hash_of_data_url(url: &str) -> Option<Sha> {
    let (_, data) = url.strip_prefix("data:")?.split_once(";base64,")?;
    Some(Sha256::digest(STANDARD.decode(data).ok()?).into())
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    model: Text<'a>,
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Content<'a>,
}

#[derive(Default, Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    image_url: Option<ImageUrl<'a>>,
}

/// A text that borrows from the body if possible. Serde always copies a plain `Cow` inside an `Option`.
struct Text<'a>(Cow<'a, str>);

/// The content of a message: null, a text, or a list of parts.
#[derive(Default)]
struct Content<'a>(Vec<Part<'a>>);

/// The address of a picture: a text, or an object with `url`.
struct ImageUrl<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(TextVisitor)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct ContentVisitor;
        impl<'de> Visitor<'de> for ContentVisitor {
            type Value = Content<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of parts")
            }
            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Content::default())
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(one(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(one(Cow::Owned(text.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut parts = Vec::new();
                while let Some(part) = list.next_element()? {
                    parts.push(part);
                }
                Ok(Content(parts))
            }
        }
        from.deserialize_any(ContentVisitor)
    }
}

fn one(text: Cow<'_, str>) -> Content<'_> {
    Content(vec![Part { text: Some(Text(text)), image_url: None }])
}

impl<'de: 'a, 'a> Deserialize<'de> for ImageUrl<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct UrlVisitor;
        impl<'de> Visitor<'de> for UrlVisitor {
            type Value = ImageUrl<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address or an object with `url`")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(ImageUrl(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(ImageUrl(Cow::Owned(text.to_owned())))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut url = None;
                while let Some(Text(key)) = map.next_key()? {
                    if key == "url" {
                        url = Some(map.next_value::<Text<'de>>()?.0);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                url.map(ImageUrl).ok_or_else(|| A::Error::missing_field("url"))
            }
        }
        from.deserialize_any(UrlVisitor)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::ChatRequest;

    #[test]
    fn a_content_is_a_text_a_list_of_parts_or_null() {
        let body = br#"{"model":"m","stream":false,"messages":[
            {"role":"system","content":"Be brief."},
            {"role":"assistant","content":null},
            {"role":"user","content":[{"type":"text","text":"What\u0020is it?"},
                {"type":"image_url","image_url":{"detail":"low","url":"data:image/png;base64,AAAA"}},
                {"type":"image_url","image_url":"http://localhost/a.png"}]}]}"#;
        let request = ChatRequest::parse(body).unwrap();
        assert_eq!(request.model, "m");
        assert_eq!(request.text, "Be brief.\nWhat is it?");
        assert_eq!(request.picture_count(), 2);
        assert_eq!(request.pictures[0], "data:image/png;base64,AAAA");
    }

    #[test]
    fn pictures_and_plain_texts_are_not_copied() {
        let body = br#"{"model":"m","messages":[{"content":[{"text":"a"},{"image_url":{"url":"data:,"}}]}]}"#;
        let request = ChatRequest::parse(body).unwrap();
        assert!(matches!(request.text, Cow::Borrowed(_)));
        assert!(matches!(request.pictures[0], Cow::Borrowed(_)));
    }
}
