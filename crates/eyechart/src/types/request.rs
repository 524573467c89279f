//! What is sent, free of any wire protocol.

use bytes::Bytes;

use super::ImageDetail;

/// One user message: the text, then the pictures in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The rendered prompt.
    pub text: String,
    /// The pictures; empty for text alone.
    pub images: Vec<RequestImage>,
    /// How closely the model should look at them; left to the endpoint, if absent.
    pub image_detail: Option<ImageDetail>,
}

/// One picture as the protocol gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestImage {
    /// Passed through: the endpoint fetches it.
    Url(String),
    /// Sent inside the request.
    Bytes {
        /// Such as `image/jpeg`.
        media_type: &'static str,
        /// The encoded picture, exactly as sent.
        bytes: Bytes,
    },
}
