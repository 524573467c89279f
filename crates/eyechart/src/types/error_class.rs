//! What kind of trouble an error is, whatever module it comes from.

/// The class of an error. The exit code of a command follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// What was asked for makes no sense: nothing was sent.
    Usage,
    /// The data, a task or a recorded file is not what it should be: nothing was sent.
    Data,
    /// The endpoint cannot be asked or does not answer.
    Endpoint,
    /// What the user allows is used up.
    Budget,
    /// Something that worked stopped working: a disk, a file, a thread.
    Machine,
    /// A mistake in eyechart.
    Defect,
}
