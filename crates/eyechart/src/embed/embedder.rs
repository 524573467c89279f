//! Takes known vectors from the cache and the other ones from their source.

use sentence_embed::Embeddings;

use super::cache::VectorCache;
use super::rows::Rows;
use crate::scorer::{Embed, EmbedError};
use crate::types::EncoderSpec;

/// Texts that are embedded before their vectors are stored. An interruption loses no more than these.
const CHUNK: usize = 4_096;

/// Turns texts into vectors. Remembers nothing.
pub trait VectorSource {
    /// The description that results record.
    fn spec(&self) -> EncoderSpec;

    /// Checks, before a long run, that texts can be embedded. Does little work.
    ///
    /// # Errors
    /// Why texts cannot be embedded.
    fn check(&self) -> Result<(), EmbedError>;

    /// How much the similarity of two vectors may differ from the similarity that exact arithmetic gives.
    fn uncertainty(&self) -> f64 {
        0.0
    }

    /// One vector per text, in the order of the texts. Calls `done` with the number of finished texts, from any thread.
    ///
    /// # Errors
    /// [`EmbedError`] if one of the texts cannot be embedded.
    fn embed(&self, texts: &[&str], done: &(dyn Fn(usize) + Sync)) -> Result<Embeddings, EmbedError>;
}

/// Observes the progress of embedding.
pub trait EmbedObserver: Sync {
    /// Embedding begins. `total` counts all texts, including those with a known vector.
    fn begin(&self, total: usize);

    /// `done` texts have a vector. Called from any thread; a smaller number may follow a larger one.
    fn done(&self, done: usize);

    /// Embedding has ended, with or without an error.
    fn end(&self);

    /// A problem that does not stop embedding, such as a cache that cannot be written.
    fn notice(&self, text: &str);
}

/// A source of vectors behind a cache.
pub struct CachedSource {
    source: Box<dyn VectorSource>,
    cache: Option<VectorCache>,
}

impl CachedSource {
    /// A source that embeds only texts that are not in `cache`.
    #[must_use]
    pub fn new(source: Box<dyn VectorSource>, cache: Option<VectorCache>) -> Self {
        Self { source, cache }
    }
}

/// Embeds the texts of runs.
pub struct Embedder {
    usual: CachedSource,
    /// Used if the uncertainty of the usual source matters.
    exact: Option<CachedSource>,
    observer: Box<dyn EmbedObserver>,
}

impl Embedder {
    /// An embedder that uses `usual`, and `exact` if `usual` is not exact enough.
    #[must_use]
    pub fn new(usual: CachedSource, exact: Option<CachedSource>, observer: Box<dyn EmbedObserver>) -> Self {
        Self { usual, exact, observer }
    }

    /// Checks that texts can be embedded, before there are any.
    ///
    /// # Errors
    /// Why texts cannot be embedded.
    pub fn check(&self) -> Result<(), EmbedError> {
        self.usual.source.check()
    }

    /// The vectors of `texts`, from the cache or the source of `by`.
    fn embed_by(&self, by: &CachedSource, texts: &[&str]) -> Result<Embeddings, EmbedError> {
        let mut rows = Rows::new(texts.len());
        if let Some(cache) = &by.cache {
            // A vector of another size is not from this encoder: it counts as not found.
            cache.find(texts, |at, vector| drop(rows.put(at, vector)));
        }
        let missing = rows.missing();
        if !missing.is_empty() {
            self.observer.begin(texts.len());
            let filled = self.fill(by, texts, &missing, &mut rows);
            self.observer.end();
            filled?;
        }
        rows.into_embeddings()
    }

    /// Fills the places `missing` of `rows` from the source of `by`, chunk by chunk.
    fn fill(
        &self,
        by: &CachedSource,
        texts: &[&str],
        missing: &[usize],
        rows: &mut Rows,
    ) -> Result<(), EmbedError> {
        let mut cache = by.cache.as_ref();
        for (number, places) in missing.chunks(CHUNK).enumerate() {
            let before = texts.len() - missing.len() + number * CHUNK;
            let chunk: Vec<&str> = places.iter().map(|&at| texts[at]).collect();
            let done = |done| self.observer.done(before + done);
            let found = by.source.embed(&chunk, &done)?;
            if let Some(error) = cache.and_then(|cache| cache.add(&chunk, found.rows()).err()) {
                // One notice is enough, and the next attempt would fail too.
                self.observer.notice(&format!("embeddings are not kept for the next time: {error}"));
                cache = None;
            }
            for (&at, row) in places.iter().zip(found.rows()) {
                rows.put(at, row)?;
            }
        }
        Ok(())
    }
}

impl Embed for Embedder {
    fn spec(&self) -> EncoderSpec {
        self.usual.source.spec()
    }

    fn embed(&self, texts: &[&str]) -> Result<Embeddings, EmbedError> {
        self.embed_by(&self.usual, texts)
    }

    fn uncertainty(&self) -> f64 {
        self.usual.source.uncertainty()
    }

    fn embed_exactly(&self, texts: &[&str]) -> Result<Embeddings, EmbedError> {
        self.embed_by(self.exact.as_ref().unwrap_or(&self.usual), texts)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::embed::CacheKey;

    /// Records the number of texts in each call. The vector of a text is its length.
    #[derive(Default, Clone)]
    struct Lengths {
        asked: Arc<Mutex<Vec<usize>>>,
        refuse: Option<String>,
    }

    impl VectorSource for Lengths {
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

    /// The calls of an observer.
    #[derive(Default, Clone)]
    struct Seen(Arc<Mutex<Vec<String>>>);

    impl EmbedObserver for Seen {
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

    fn embedder(lengths: &Lengths, root: &Path, seen: &Seen) -> Embedder {
        let usual = CachedSource::new(Box::new(lengths.clone()), Some(cache(root)));
        Embedder::new(usual, None, Box::new(seen.clone()))
    }

    #[test]
    fn only_what_is_not_known_is_embedded_and_the_order_stays() {
        let root = tempfile::tempdir().unwrap();
        let (lengths, seen) = (Lengths::default(), Seen::default());
        let embedder = embedder(&lengths, root.path(), &seen);
        embedder.embed(&["a", "bb"]).unwrap();
        let found = embedder.embed(&["ccc", "bb", "dddd", "a"]).unwrap();
        assert_eq!(found.as_slice(), [3.0, 1.0, 2.0, 1.0, 4.0, 1.0, 1.0, 1.0]);
        assert_eq!(*lengths.asked.lock().unwrap(), [2, 2]);
        assert_eq!(embedder.embed(&["dddd", "a"]).unwrap().as_slice(), [4.0, 1.0, 1.0, 1.0]);
        assert_eq!(lengths.asked.lock().unwrap().len(), 2, "where all is known the source is not asked");
        assert_eq!(*seen.0.lock().unwrap(), ["of 2", "2", "end", "of 4", "4", "end"]);
        assert!(embedder.embed(&[]).unwrap().is_empty());
    }

    #[test]
    fn the_exact_source_has_a_cache_of_its_own_and_is_asked_only_for_exact_vectors() {
        let root = tempfile::tempdir().unwrap();
        let (usual, exact, seen) = (Lengths::default(), Lengths::default(), Seen::default());
        let by = |source: &Lengths, name: &str| {
            let cache = VectorCache::new(root.path(), CacheKey::new(&[name]));
            CachedSource::new(Box::new(source.clone()), Some(cache))
        };
        let embedder = Embedder::new(by(&usual, "usual"), Some(by(&exact, "exact")), Box::new(seen.clone()));
        embedder.embed(&["a", "bb"]).unwrap();
        assert_eq!(exact.asked.lock().unwrap().len(), 0);
        embedder.embed_exactly(&["bb"]).unwrap();
        embedder.embed_exactly(&["bb"]).unwrap();
        assert_eq!((&*usual.asked.lock().unwrap(), &*exact.asked.lock().unwrap()), (&vec![2], &vec![1]));
    }

    #[test]
    fn what_breaks_off_has_kept_the_chunks_before() {
        let root = tempfile::tempdir().unwrap();
        let texts: Vec<String> = (0..CHUNK + 10).map(|i| format!("text {i}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut lengths = Lengths { refuse: Some(texts[CHUNK + 3].to_owned()), ..Lengths::default() };
        let seen = Seen::default();
        assert_eq!(
            embedder(&lengths, root.path(), &seen).embed(&texts),
            Err(EmbedError::Encoder("it broke".to_owned()))
        );
        lengths.refuse = None;
        assert_eq!(embedder(&lengths, root.path(), &seen).embed(&texts).unwrap().len(), texts.len());
        assert_eq!(*lengths.asked.lock().unwrap(), [CHUNK, 10]);
        let total = texts.len();
        let expected = format!("of {total}, {CHUNK}, end, of {total}, {total}, end");
        assert_eq!(seen.0.lock().unwrap().join(", "), expected);
    }

    #[test]
    fn a_cache_that_cannot_be_written_is_noticed_once_and_stops_nothing() {
        let root = tempfile::NamedTempFile::new().unwrap();
        let (lengths, seen) = (Lengths::default(), Seen::default());
        let texts: Vec<String> = (0..2 * CHUNK).map(|i| format!("text {i}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert_eq!(embedder(&lengths, root.path(), &seen).embed(&texts).unwrap().len(), texts.len());
        let notices = seen.0.lock().unwrap().iter().filter(|said| said.contains("are not kept")).count();
        assert_eq!(notices, 1);
    }
}
