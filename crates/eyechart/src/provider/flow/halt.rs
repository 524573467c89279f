//! Why a run stops although samples are left.

use std::time::Duration;

use crate::types::{Failure, FailureKind};

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
    /// No request has ever reached the endpoint.
    #[error("the endpoint cannot be reached ({failure}); check that it runs and that the base URL is right")]
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
            FailureKind::Auth => "the API key, what it may use, and its account's credit",
            FailureKind::NotFound => "--base-url and the model's name",
            _ => return None,
        };
        Some(Self::Refused { failure: failure.clone(), check })
    }
}
