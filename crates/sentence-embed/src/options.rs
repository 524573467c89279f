//! How an encoder computes.

use std::num::NonZeroUsize;

/// How an [`Encoder`](crate::Encoder) computes; the default is all cores.
///
/// ```
/// use sentence_embed::Options;
///
/// let options = Options::default().threads(2);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    threads: Option<NonZeroUsize>,
}

impl Options {
    /// How many threads a call may use, the calling one included; 0, the default, stands for one a core.
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        Self { threads: NonZeroUsize::new(threads) }
    }

    /// The threads to use on this machine, at least one.
    pub(crate) fn thread_count(self) -> usize {
        let all = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.threads.unwrap_or_else(all).get()
    }
}
