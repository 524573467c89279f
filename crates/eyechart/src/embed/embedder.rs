//! Vectors out of the cache where they are known, out of their source where they are not.

use sentence_embed::Embeddings;

use super::cache::VectorCache;
use crate::scorer::{Embed, EmbedError};
use crate::types::EncoderSpec;

/// Texts that are embedded before the vectors are kept: what breaks off loses no more.
const CHUNK: usize = 4_096;

/// Turns texts into vectors, every time anew.
pub trait Source {
    /// What it is.
    fn spec(&self) -> EncoderSpec;

    /// Whether it will be able to, as far as that can be known without much work: asked before a run that takes a
    /// night.
    ///
    /// # Errors
    /// Why not.
    fn check(&self) -> Result<(), EmbedError>;

    /// One vector a text, in their order. `done` hears how many are done, from any thread.
    ///
    /// # Errors
    /// [`EmbedError`]
    fn embed(&self, texts: &[&str], done: &(dyn Fn(usize) + Sync)) -> Result<Embeddings, EmbedError>;
}

/// Hears how embedding gets on.
pub trait Watcher: Sync {
    /// Of so many texts some are not known and will be embedded.
    fn begin(&self, total: usize);

    /// So many are done. Comes from any thread; a smaller number may follow a larger one.
    fn done(&self, done: usize);

    /// No more are.
    fn end(&self);

    /// Something that stops nothing, such as a cache that cannot be written.
    fn notice(&self, text: &str);
}

/// A source and the cache before it.
pub struct Embedder {
    source: Box<dyn Source>,
    cache: Option<VectorCache>,
    watcher: Box<dyn Watcher>,
}

impl Embedder {
    /// An embedder that asks `source` for what `cache`, if there is one, does not have.
    #[must_use]
    pub fn new(source: Box<dyn Source>, cache: Option<VectorCache>, watcher: Box<dyn Watcher>) -> Self {
        Self { source, cache, watcher }
    }

    /// Whether texts can be embedded, as far as that can be known before there are any.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), EmbedError> {
        self.source.check()
    }

    /// Fills `vectors` where it has none, chunk by chunk.
    fn fill(&self, texts: &[&str], vectors: &mut [Option<Vec<f32>>]) -> Result<(), EmbedError> {
        let missing: Vec<usize> = (0..texts.len()).filter(|&at| vectors[at].is_none()).collect();
        let mut keep = self.cache.as_ref();
        for (number, places) in missing.chunks(CHUNK).enumerate() {
            let before = texts.len() - missing.len() + number * CHUNK;
            let chunk: Vec<&str> = places.iter().map(|&at| texts[at]).collect();
            let done = |done| self.watcher.done(before + done);
            let found = self.source.embed(&chunk, &done)?;
            if let Some(error) = keep.and_then(|cache| cache.add(&chunk, found.rows()).err()) {
                // One word is enough, and the next attempt would fail too.
                self.watcher.notice(&format!("embeddings are not kept for the next time: {error}"));
                keep = None;
            }
            for (&at, row) in places.iter().zip(found.rows()) {
                vectors[at] = Some(row.to_vec());
            }
        }
        Ok(())
    }
}

impl Embed for Embedder {
    fn spec(&self) -> EncoderSpec {
        self.source.spec()
    }

    fn embed(&self, texts: &[&str]) -> Result<Embeddings, EmbedError> {
        let mut vectors = match &self.cache {
            Some(cache) => cache.find(texts),
            None => vec![None; texts.len()],
        };
        if vectors.iter().any(Option::is_none) {
            self.watcher.begin(texts.len());
            let filled = self.fill(texts, &mut vectors);
            self.watcher.end();
            filled?;
        }
        in_one(vectors.into_iter().flatten().collect())
    }
}

/// Vectors of one size as rows.
pub(super) fn in_one(vectors: Vec<Vec<f32>>) -> Result<Embeddings, EmbedError> {
    let dim = vectors.first().map_or(1, Vec::len);
    if let Some(other) = vectors.iter().find(|vector| vector.len() != dim) {
        let message = format!("the encoder gave vectors of {dim} and of {} numbers", other.len());
        return Err(EmbedError::Encoder(message));
    }
    Ok(Embeddings::new(vectors.concat(), dim))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::embed::CacheKey;

    /// Counts what it is asked for; a text's vector is its length.
    #[derive(Default, Clone)]
    struct Lengths {
        asked: Arc<Mutex<Vec<usize>>>,
        refuse: Option<String>,
    }

    impl Source for Lengths {
        fn spec(&self) -> EncoderSpec {
            EncoderSpec { name: "lengths".to_owned(), ..EncoderSpec::default() }
        }

        fn check(&self) -> Result<(), EmbedError> {
            Ok(())
        }

        fn embed(&self, texts: &[&str], done: &(dyn Fn(usize) + Sync)) -> Result<Embeddings, EmbedError> {
            if self.refuse.as_deref().is_some_and(|text| texts.contains(&text)) {
                return Err(EmbedError::Encoder("it broke".to_owned()));
            }
            self.asked.lock().unwrap().push(texts.len());
            done(texts.len());
            Ok(Embeddings::new(texts.iter().flat_map(|text| [text.len() as f32, 1.0]).collect(), 2))
        }
    }

    /// What a watcher heard.
    #[derive(Default, Clone)]
    struct Heard(Arc<Mutex<Vec<String>>>);

    impl Watcher for Heard {
        fn begin(&self, total: usize) {
            self.0.lock().unwrap().push(format!("of {total}"));
        }

        fn done(&self, done: usize) {
            self.0.lock().unwrap().push(done.to_string());
        }

        fn end(&self) {
            self.0.lock().unwrap().push("end".to_owned());
        }

        fn notice(&self, text: &str) {
            self.0.lock().unwrap().push(text.to_owned());
        }
    }

    fn cache(root: &Path) -> VectorCache {
        VectorCache::new(root, CacheKey::new(&["lengths"]))
    }

    fn embedder(lengths: &Lengths, root: &Path, heard: &Heard) -> Embedder {
        Embedder::new(Box::new(lengths.clone()), Some(cache(root)), Box::new(heard.clone()))
    }

    #[test]
    fn only_what_is_not_known_is_embedded_and_the_order_stays() {
        let root = tempfile::tempdir().unwrap();
        let (lengths, heard) = (Lengths::default(), Heard::default());
        let embedder = embedder(&lengths, root.path(), &heard);
        embedder.embed(&["a", "bb"]).unwrap();
        let found = embedder.embed(&["ccc", "bb", "dddd", "a"]).unwrap();
        assert_eq!(found.as_slice(), [3.0, 1.0, 2.0, 1.0, 4.0, 1.0, 1.0, 1.0]);
        assert_eq!(*lengths.asked.lock().unwrap(), [2, 2]);
        assert_eq!(embedder.embed(&["dddd", "a"]).unwrap().as_slice(), [4.0, 1.0, 1.0, 1.0]);
        assert_eq!(lengths.asked.lock().unwrap().len(), 2, "where all is known the source is not asked");
        assert_eq!(*heard.0.lock().unwrap(), ["of 2", "2", "end", "of 4", "4", "end"]);
        assert!(embedder.embed(&[]).unwrap().is_empty());
    }

    #[test]
    fn what_breaks_off_has_kept_the_chunks_before() {
        let root = tempfile::tempdir().unwrap();
        let texts: Vec<String> = (0..CHUNK + 10).map(|i| format!("text {i}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut lengths = Lengths { refuse: Some(texts[CHUNK + 3].to_owned()), ..Lengths::default() };
        let heard = Heard::default();
        assert_eq!(
            embedder(&lengths, root.path(), &heard).embed(&texts),
            Err(EmbedError::Encoder("it broke".to_owned()))
        );
        lengths.refuse = None;
        assert_eq!(embedder(&lengths, root.path(), &heard).embed(&texts).unwrap().len(), texts.len());
        assert_eq!(*lengths.asked.lock().unwrap(), [CHUNK, 10]);
        let total = texts.len();
        let expected = format!("of {total}, {CHUNK}, end, of {total}, {total}, end");
        assert_eq!(heard.0.lock().unwrap().join(", "), expected);
    }

    #[test]
    fn a_cache_that_cannot_be_written_is_noticed_once_and_stops_nothing() {
        let root = tempfile::NamedTempFile::new().unwrap();
        let (lengths, heard) = (Lengths::default(), Heard::default());
        let texts: Vec<String> = (0..2 * CHUNK).map(|i| format!("text {i}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert_eq!(embedder(&lengths, root.path(), &heard).embed(&texts).unwrap().len(), texts.len());
        let notices = heard.0.lock().unwrap().iter().filter(|said| said.contains("are not kept")).count();
        assert_eq!(notices, 1);
    }
}
