//! Vectors out of the cache where they are known, out of their source where they are not.

use sentence_embed::Embeddings;

use super::cache::VectorCache;
use super::rows::Rows;
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

    /// By how much the similarity of two of its vectors may differ from that of its exact counterpart's.
    fn uncertainty(&self) -> f64 {
        0.0
    }

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
pub struct Cached {
    source: Box<dyn Source>,
    cache: Option<VectorCache>,
}

impl Cached {
    /// A source that is asked for what `cache`, if there is one, does not have.
    #[must_use]
    pub fn new(source: Box<dyn Source>, cache: Option<VectorCache>) -> Self {
        Self { source, cache }
    }
}

/// What embeds the texts of runs.
pub struct Embedder {
    usual: Cached,
    /// What is asked where the usual source's uncertainty matters.
    exact: Option<Cached>,
    watcher: Box<dyn Watcher>,
}

impl Embedder {
    /// An embedder by `usual`, and by `exact` where that is not exact enough.
    #[must_use]
    pub fn new(usual: Cached, exact: Option<Cached>, watcher: Box<dyn Watcher>) -> Self {
        Self { usual, exact, watcher }
    }

    /// Whether texts can be embedded, as far as that can be known before there are any.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), EmbedError> {
        self.usual.source.check()
    }

    /// The vectors of `by`.
    fn embed_by(&self, by: &Cached, texts: &[&str]) -> Result<Embeddings, EmbedError> {
        let mut rows = Rows::new(texts.len());
        if let Some(cache) = &by.cache {
            // One of another size than the others is no vector of this encoder, and counts as not found.
            cache.find(texts, |at, vector| drop(rows.put(at, vector)));
        }
        let missing = rows.missing();
        if !missing.is_empty() {
            self.watcher.begin(texts.len());
            let filled = self.fill(by, texts, &missing, &mut rows);
            self.watcher.end();
            filled?;
        }
        rows.into_embeddings()
    }

    /// Fills the places `missing` in `rows`, chunk by chunk, by the source of `by`.
    fn fill(
        &self,
        by: &Cached,
        texts: &[&str],
        missing: &[usize],
        rows: &mut Rows,
    ) -> Result<(), EmbedError> {
        let mut keep = by.cache.as_ref();
        for (number, places) in missing.chunks(CHUNK).enumerate() {
            let before = texts.len() - missing.len() + number * CHUNK;
            let chunk: Vec<&str> = places.iter().map(|&at| texts[at]).collect();
            let done = |done| self.watcher.done(before + done);
            let found = by.source.embed(&chunk, &done)?;
            if let Some(error) = keep.and_then(|cache| cache.add(&chunk, found.rows()).err()) {
                // One word is enough, and the next attempt would fail too.
                self.watcher.notice(&format!("embeddings are not kept for the next time: {error}"));
                keep = None;
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

    /// What a watcher was told.
    #[derive(Default, Clone)]
    struct Seen(Arc<Mutex<Vec<String>>>);

    impl Watcher for Seen {
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
        let usual = Cached::new(Box::new(lengths.clone()), Some(cache(root)));
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
            Cached::new(Box::new(source.clone()), Some(cache))
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
