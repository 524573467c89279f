//! Why a run stops although samples are left.

use std::time::Duration;

use crate::types::{Failure, FailureKind};

/// What the user should check if the endpoint refuses a key.
const CHECK_KEY: &str = "the API key, what it may use, and its account's credit";

/// Why the run must stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// The endpoint refuses the key, the address or the model's name.
    #[error("the endpoint refuses to answer ({failure}); check {check}")]
    Refused {
        /// The endpoint's reply.
        failure: Failure,
        /// What the user should check.
        check: &'static str,
    },
    /// This machine has a shortage that does not pass.
    #[error(
        "this machine has no room for requests ({reason}): close other programs or raise its limits (`ulimit -n` for open \
         files)"
    )]
    Shortage {
        /// What is missing.
        reason: String,
    },
    /// The endpoint wants a key, and none was sent.
    #[error(
        "the endpoint refuses to answer ({failure}); check {CHECK_KEY}: no key was sent, because the environment \
         variable {variable} is not set"
    )]
    KeyMissing {
        /// The endpoint's reply.
        failure: Failure,
        /// The variable that was read.
        variable: &'static str,
    },
    /// No request has ever reached the endpoint.
    #[error(
        "the endpoint cannot be reached ({failure}); check that it runs and that the base URL is right \
         (--wait-for-endpoint 10m waits for a server that still starts)"
    )]
    Unreachable {
        /// The last failure.
        failure: Failure,
    },
    /// No connection to the endpoint could ever be encrypted.
    #[error(
        "no secure connection to the endpoint ({failure}); check whether the base URL begins with https or http, and \
         the certificate (--ca FILE.pem or SSL_CERT_FILE names a file of certificates that are trusted)"
    )]
    Insecure {
        /// What was wrong with the connection.
        failure: Failure,
    },
    /// The endpoint has answered no request for too long.
    #[error("the endpoint has answered nothing for {} s ({failure}); --give-up-after waits longer", silence.as_secs())]
    Silent {
        /// The time without an answer.
        silence: Duration,
        /// The last failure.
        failure: Failure,
    },
    /// Every reply since the start is one of a proxy, a web page or a server error.
    #[error(
        "every reply for {} s was an error of a server or a proxy ({failure}); check the base URL and the proxy \
         (--wait-for-endpoint 10m waits for a server that still loads)",
        silence.as_secs()
    )]
    NoReplyOfApi {
        /// The time since the first failure.
        silence: Duration,
        /// The last failure.
        failure: Failure,
    },
    /// The endpoint has not become ready in the time that the user allows.
    #[error("the endpoint is not ready after {} s ({reason}); --wait-for-endpoint waits longer", waited.as_secs())]
    NotReady {
        /// The time that was waited.
        waited: Duration,
        /// Why it is not ready.
        reason: String,
    },
    /// The endpoint asks for a wait that is too long for a run.
    #[error("the endpoint asks to wait for {} min before the next request: resume the run then", wait.as_secs().div_ceil(60))]
    Postponed {
        /// The wait that the endpoint asks for.
        wait: Duration,
    },
}

impl Halt {
    /// The halt for a final failure that every other request would meet too; `None` if only this sample meets it.
    pub(super) fn of_final_failure(failure: &Failure) -> Option<Self> {
        let check = match failure.kind {
            FailureKind::Auth => CHECK_KEY,
            FailureKind::NotFound => "--base-url and the model's name",
            _ => return None,
        };
        Some(Self::Refused { failure: failure.clone(), check })
    }
}
