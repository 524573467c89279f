//! The guard around foreign decoders: a panic becomes an error, and nothing is printed about it.
//!
//! Decoders of other projects read bytes that anybody may have made. They promise not to panic, and some do. The guard
//! cannot limit memory: each caller checks the sizes that the bytes announce before it starts a decoder.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// Characters of a panic's message that are shown.
const SHOWN: usize = 80;

thread_local! {
    /// Whether this thread runs a guarded decoder.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// A decoder that panicked.
#[derive(Debug, thiserror::Error)]
#[error("it is damaged: the decoder broke off ({0})")]
pub(crate) struct DecoderPanicked(String);

/// The result of `decode`, or the reason why it panicked. The state that `decode` has changed must not be used after a
/// panic.
///
/// # Errors
/// [`DecoderPanicked`] with the start of the panic's message.
pub(crate) fn guarded<T>(decode: impl FnOnce() -> T) -> Result<T, DecoderPanicked> {
    silence_guarded_threads();
    let was_guarded = IS_GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(decode));
    IS_GUARDED.set(was_guarded);
    result.map_err(|panic| DecoderPanicked(message(panic.as_ref())))
}

/// Makes the panic hook of the process print nothing about threads that run a guarded decoder.
fn silence_guarded_threads() {
    static IS_DONE: Once = Once::new();
    IS_DONE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_GUARDED.get() {
                print(panic);
            }
        }));
    });
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
    text.unwrap_or("without a message").chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_with_the_start_of_its_message() {
        assert_eq!(guarded(|| 1).unwrap(), 1);
        let index = std::hint::black_box(3);
        let error = guarded(|| [1, 2][index]).unwrap_err().to_string();
        assert!(error.starts_with("it is damaged: the decoder broke off (index out of bounds"), "{error}");
        let long = guarded(|| panic!("{}", "x".repeat(1000))).unwrap_err().to_string();
        assert!(long.len() < 200, "{long}");
        assert!(!IS_GUARDED.get());
    }
}
