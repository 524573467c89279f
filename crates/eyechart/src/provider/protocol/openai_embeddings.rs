//! The OpenAI embeddings protocol: texts in, one vector for each out.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error_body::{ErrorBody, one_line, read_json};
use super::openai_chat::token_count;
use crate::provider::reply::Read;
use crate::text::repaired_json;
use crate::types::{Failure, FailureKind, Usage};

/// The path of requests after the base URL.
pub(in crate::provider) const PATH: &str = "/embeddings";
/// Sent for an empty text, which servers refuse.
const EMPTY: &str = " ";

/// The body of a request for the vectors of `texts`.
pub(in crate::provider) fn body(model: &str, params: &Map<String, Value>, texts: &[String]) -> Bytes {
    let input: Vec<&str> =
        texts.iter().map(|text| if text.is_empty() { EMPTY } else { text.as_str() }).collect();
    let mut body = Map::from_iter([("model".to_owned(), json!(model)), ("input".to_owned(), json!(input))]);
    body.extend(params.clone());
    Bytes::from(Value::Object(body).to_string())
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    data: Vec<Entry>,
    usage: Option<Value>,
}

#[derive(Deserialize)]
struct Entry {
    index: Option<Value>,
    embedding: Vec<f32>,
}

/// The vectors in the order of the texts, of which there were `count`.
pub(in crate::provider) fn parse(body: &[u8], count: usize) -> Result<Read<Vec<Vec<f32>>>, Failure> {
    let malformed = |message: String| Failure::new(FailureKind::Malformed, message);
    let reply: Result<Reply, _> = serde_json::from_slice(body);
    let repaired = || repaired_json(body).and_then(|text| serde_json::from_str(&text).ok());
    let reply = reply.or_else(|error| repaired().ok_or(error));
    let is_good = |reply: &Reply| reply.data.len() == count;
    // Vectors are large: only a response that cannot be used is read a second time.
    if !reply.as_ref().is_ok_and(is_good) {
        let error = read_json(body).ok().and_then(|reply| ErrorBody::in_reply(&reply));
        error.map_or(Ok(()), |error| Err(error.failure_without_status()))?;
    }
    let reply = reply
        .map_err(|error| malformed(format!("expected embeddings ({error}), got {:?}", one_line(body))))?;
    if reply.data.len() != count {
        return Err(malformed(format!("expected {count} embeddings, got {}", reply.data.len())));
    }
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; count];
    for (position, Entry { index, embedding }) in reply.data.into_iter().enumerate() {
        let index = match &index {
            None | Some(Value::Null) => position,
            Some(index) => {
                token_count(index).and_then(|index| usize::try_from(index).ok()).ok_or_else(|| {
                    malformed(format!("an embedding has index {index}: expected a number from 0"))
                })?
            }
        };
        let place = vectors.get_mut(index).filter(|place| place.is_none());
        let place = place.ok_or_else(|| {
            malformed(format!("an embedding has index {index}: expected each of 0 to {} once", count - 1))
        })?;
        *place = Some(embedding);
    }
    let vectors: Vec<Vec<f32>> = vectors.into_iter().flatten().collect();
    let dim = vectors.first().map_or(0, Vec::len);
    let is_whole = |vector: &Vec<f32>| vector.len() == dim && vector.iter().all(|number| number.is_finite());
    if dim == 0 || !vectors.iter().all(is_whole) {
        return Err(malformed("the embeddings differ in size, or are no numbers".to_owned()));
    }
    let count_of = |key: &str| reply.usage.as_ref()?.get(key).and_then(token_count);
    let tokens = count_of("total_tokens").or_else(|| count_of("prompt_tokens"));
    let usage = tokens.map(|tokens| Usage { input_tokens: Some(tokens), ..Usage::default() });
    Ok(Read { outcome: Ok(vectors), unusable: None, usage })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reply: &Value, count: usize) -> Result<Vec<Vec<f32>>, Failure> {
        parse(reply.to_string().as_bytes(), count).and_then(|read| read.outcome)
    }

    #[test]
    fn vectors_come_in_the_order_of_their_index() {
        let reply = json!({"object": "list", "model": "m", "usage": {"prompt_tokens": 5, "total_tokens": 5},
            "data": [{"index": 1, "embedding": [0.5, -1]}, {"index": 0, "embedding": [1, 2e-3]}]});
        assert_eq!(read(&reply, 2).unwrap(), [[1.0, 2e-3], [0.5, -1.0]]);
        let usage = parse(reply.to_string().as_bytes(), 2).unwrap_or_else(Read::failed).usage;
        assert_eq!(usage.map(|usage| usage.total()), Some(5));
        let without = json!({"data": [{"embedding": [1]}, {"embedding": [2]}]});
        assert_eq!(read(&without, 2).unwrap(), [[1.0], [2.0]]);
    }

    #[test]
    fn odd_fields_beside_good_vectors_leave_them_vectors() {
        for beside in [
            r#""usage":{"total_tokens":NaN}"#,
            r#""usage":[1e999]"#,
            r#""error":{"code":0}"#,
            r#""error":"none""#,
            r#""model":{},"object":7,"note":"\ud83d""#,
        ] {
            for index in ["0", "0.0", "null"] {
                let reply =
                    format!(r#"{{"data":[{{"index":{index},"embedding":[1,2],"object":3}}],{beside}}}"#);
                let read = parse(reply.as_bytes(), 1).and_then(|read| read.outcome);
                assert_eq!(read.unwrap(), [[1.0, 2.0]], "{reply}");
            }
        }
    }

    #[test]
    fn what_is_not_one_vector_a_text_is_no_answer() {
        let vector = |index: usize, numbers: Value| json!({"index": index, "embedding": numbers});
        for (data, said) in [
            (json!([vector(0, json!([1]))]), "expected 2 embeddings, got 1"),
            (
                json!([vector(0, json!([1])), vector(0, json!([2]))]),
                "an embedding has index 0: expected each of 0 to 1 once",
            ),
            (
                json!([vector(0, json!([1])), vector(2, json!([2]))]),
                "an embedding has index 2: expected each of 0 to 1 once",
            ),
            (json!([vector(0, json!([1])), vector(1, json!([1, 2]))]), "differ in size"),
            (json!([vector(0, json!([])), vector(1, json!([]))]), "differ in size"),
            (json!([vector(0, json!([1e300])), vector(1, json!([1]))]), "number out of range"),
            (json!([vector(0, json!("AAAA")), vector(1, json!([1]))]), "expected embeddings"),
        ] {
            let failure = read(&json!({"data": data}), 2).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Malformed);
            assert!(failure.message.contains(said), "{}", failure.message);
        }
        let failure = read(&json!({"error": {"message": "no such key", "code": 401}}), 1).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Auth);
        assert_eq!(read(&json!({}), 1).unwrap_err().kind, FailureKind::Malformed);
    }
}
