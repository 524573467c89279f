//! The threads of one call. Each thread takes the next step, which is either to read and tokenize some texts or to
//! embed a batch, so that both happen in parallel and no thread waits for another.
//!
//! Memory is bounded by the waiting texts: about `WAITING` full batches and one group of texts per thread.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::batch::{FULL, Text, even_share, take};

/// Number of texts that are read at a time.
const GROUP: usize = 32;

/// Number of full batches per thread that wait before more texts are read. A larger choice fills batches better.
const WAITING: usize = 4;

/// The work of the threads. Each method may run on several threads at the same time.
pub(crate) trait Work: Sync {
    type Error: Send;

    /// Reads and tokenizes up to `most` texts. Returns an empty list at the end.
    fn read(&self, most: usize) -> Result<Vec<Text>, Self::Error>;

    /// Embeds a batch and passes the vectors on.
    fn embed(&self, batch: Vec<Text>) -> Result<(), Self::Error>;
}

/// Performs `work` on `threads` threads, including the calling thread. Stops at the first error.
pub(crate) fn run<W: Work>(work: &W, threads: usize) -> Result<(), W::Error> {
    let crew = Crew { work, threads, state: Mutex::new(State::default()), changed: Condvar::new() };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            // If the system cannot start more threads, the existing threads do the work.
            if std::thread::Builder::new().spawn_scoped(scope, || crew.help()).is_err() {
                break;
            }
        }
        crew.help();
    });
    crew.state.into_inner().unwrap_or_else(PoisonError::into_inner).failure.map_or(Ok(()), Err)
}

struct Crew<'a, W: Work> {
    work: &'a W,
    threads: usize,
    state: Mutex<State<W::Error>>,
    changed: Condvar,
}

struct State<E> {
    waiting: VecDeque<Text>,
    /// The number of tokens of all waiting texts.
    tokens: usize,
    /// The number of threads that are reading.
    reading: usize,
    /// Whether all texts have been read.
    ended: bool,
    /// Whether a thread has panicked, so that the other threads must stop.
    broken: bool,
    failure: Option<E>,
}

impl<E> Default for State<E> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), tokens: 0, reading: 0, ended: false, broken: false, failure: None }
    }
}

/// The next step of a thread.
enum Next {
    Read,
    Embed(Vec<Text>),
    Stop,
}

impl<W: Work> Crew<'_, W> {
    /// Works until all texts are embedded.
    fn help(&self) {
        let _alarm = Alarm(self);
        loop {
            let done = match self.next() {
                Next::Read => self.read(),
                Next::Embed(batch) => self.work.embed(batch),
                Next::Stop => return,
            };
            if let Err(error) = done {
                self.lock().failure.get_or_insert(error);
                self.changed.notify_all();
            }
        }
    }

    fn next(&self) -> Next {
        let mut state = self.lock();
        loop {
            if state.broken || state.failure.is_some() {
                return Next::Stop;
            }
            let all_read = state.ended && state.reading == 0;
            if state.tokens >= self.threads * WAITING * FULL || (all_read && state.tokens > 0) {
                let budget = if all_read { even_share(state.tokens, self.threads) } else { FULL };
                let batch = take(&mut state.waiting, budget);
                state.tokens -= batch.iter().map(|text| text.ids.len()).sum::<usize>();
                return Next::Embed(batch);
            }
            if all_read {
                return Next::Stop;
            }
            if !state.ended {
                state.reading += 1;
                return Next::Read;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn read(&self) -> Result<(), W::Error> {
        let texts = self.work.read(GROUP);
        let mut state = self.lock();
        state.reading -= 1;
        self.changed.notify_all();
        let texts = texts?;
        state.ended |= texts.is_empty();
        state.tokens += texts.iter().map(|text| text.ids.len()).sum::<usize>();
        state.waiting.extend(texts);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State<W::Error>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notifies the other threads if its thread panics, because they would wait for it forever.
struct Alarm<'a, 'b, W: Work>(&'a Crew<'b, W>);

impl<W: Work> Drop for Alarm<'_, '_, W> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().broken = true;
            self.0.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Texts of one length, counted as they pass.
    struct Counter {
        texts: usize,
        length: usize,
        read: AtomicUsize,
        embedded: Mutex<Vec<usize>>,
        fails_at: Option<usize>,
        /// Maximum number of texts that were read and not embedded.
        most: AtomicUsize,
    }

    impl Counter {
        fn new(texts: usize, length: usize) -> Self {
            Self {
                texts,
                length,
                read: AtomicUsize::new(0),
                embedded: Mutex::default(),
                fails_at: None,
                most: AtomicUsize::new(0),
            }
        }
    }

    impl Work for Counter {
        type Error = usize;

        fn read(&self, most: usize) -> Result<Vec<Text>, usize> {
            let start = self.read.fetch_add(most, Ordering::Relaxed).min(self.texts);
            let texts = start..(start + most).min(self.texts);
            self.most.fetch_max(texts.end - self.embedded.lock().unwrap().len(), Ordering::Relaxed);
            Ok(texts.map(|index| Text { index, ids: vec![0; self.length] }).collect())
        }

        fn embed(&self, batch: Vec<Text>) -> Result<(), usize> {
            let indices = batch.iter().map(|text| text.index);
            if let Some(index) = indices.clone().find(|&index| self.fails_at == Some(index)) {
                return Err(index);
            }
            self.embedded.lock().unwrap().extend(indices);
            Ok(())
        }
    }

    #[test]
    fn every_text_is_embedded_once_and_few_are_held() {
        for (texts, length, threads) in [(0, 1, 2), (1, 1, 3), (5000, 7, 1), (5000, 40, 3), (100, 300, 2)] {
            let work = Counter::new(texts, length);
            run(&work, threads).unwrap();
            let mut embedded = work.embedded.into_inner().unwrap();
            embedded.sort_unstable();
            assert!(embedded.into_iter().eq(0..texts));
            let bound = threads * (WAITING + 1) * (FULL / length + 1) + (threads + 1) * GROUP;
            assert!(work.most.into_inner() <= bound, "{length} {threads}");
        }
    }

    #[test]
    fn the_first_error_stops_all_threads() {
        let work = Counter { fails_at: Some(50), ..Counter::new(1_000_000, 100) };
        assert_eq!(run(&work, 3), Err(50));
        assert!(work.embedded.into_inner().unwrap().len() < 10_000);
    }

    #[test]
    fn a_panic_of_one_thread_ends_all() {
        struct Panics(AtomicUsize);
        impl Work for Panics {
            type Error = ();

            fn read(&self, _: usize) -> Result<Vec<Text>, ()> {
                assert!(self.0.fetch_add(1, Ordering::Relaxed) != 1, "the second read panics");
                Ok(vec![Text { index: 0, ids: vec![0] }])
            }

            fn embed(&self, _: Vec<Text>) -> Result<(), ()> {
                Ok(())
            }
        }
        assert!(std::panic::catch_unwind(|| run(&Panics(AtomicUsize::new(0)), 3)).is_err());
    }
}
