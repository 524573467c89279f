//! The receiver of progress reports about slow transfers. Does not know how they are shown.

/// Receives reports about slow transfers. `Sync`, because transfers run on their own threads.
pub trait Progress: Sync {
    /// Reports what begins now, such as a download.
    fn announce(&self, message: &str);

    /// Reports the bytes so far of what was announced last, and the total if it is known.
    fn bytes(&self, done: u64, total: Option<u64>);
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn announce(&self, _: &str) {}

    fn bytes(&self, _: u64, _: Option<u64>) {}
}
