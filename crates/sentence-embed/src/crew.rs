//! The threads of one call: each takes whatever is next to be done, reading and splitting some texts or
//! embedding a batch, so that both go on at once and no thread waits for another.
//!
//! Memory is bounded by what may wait: about `WAITING` full batches and a group of texts a thread.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::batch::{FULL, Text, even_share, take};

/// Texts that are read at a time.
const GROUP: usize = 32;

/// Full batches for each thread that wait before more texts are read: enough to choose from, so that
/// batches are filled well.
const WAITING: usize = 4;

/// What the threads do. Each method runs on any thread, several at once.
pub(crate) trait Work: Sync {
    type Error: Send;

    /// Reads up to `most` texts and splits them into tokens; none at the end.
    fn read(&self, most: usize) -> Result<Vec<Text>, Self::Error>;

    /// Embeds a batch and hands over the vectors.
    fn embed(&self, batch: Vec<Text>) -> Result<(), Self::Error>;
}

/// Does all of `work` on `threads` threads, the calling one among them; stops at the first error.
pub(crate) fn run<W: Work>(work: &W, threads: usize) -> Result<(), W::Error> {
    let crew = Crew { work, threads, state: Mutex::new(State::default()), changed: Condvar::new() };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            // Where the system gives no more threads, those that there are do the work.
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
    /// The tokens of all that wait.
    tokens: usize,
    /// Threads that are reading.
    reading: usize,
    /// Whether there is nothing more to read.
    ended: bool,
    /// Whether a thread has panicked: the others stop too.
    broken: bool,
    failure: Option<E>,
}

impl<E> Default for State<E> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), tokens: 0, reading: 0, ended: false, broken: false, failure: None }
    }
}

/// What a thread does next.
enum Next {
    Read,
    Embed(Vec<Text>),
    Stop,
}

impl<W: Work> Crew<'_, W> {
    /// Works until nothing is left.
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

/// Tells the others when its thread panics, which would else leave them waiting for it.
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
        /// The most texts that were read and not embedded.
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
