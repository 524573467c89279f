//! Whoever is told what a slow transfer is at. Knows nobody who shows it.

/// Told what a slow transfer is at. `Sync`, as transfers run on threads of their own.
pub trait Progress: Sync {
    /// What begins now, such as a download.
    fn say(&self, message: &str);

    /// Bytes so far of what was last announced, and of how many where that is known.
    fn bytes(&self, done: u64, total: Option<u64>);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn say(&self, _: &str) {}

    fn bytes(&self, _: u64, _: Option<u64>) {}
}
