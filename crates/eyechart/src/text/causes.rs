//! Errors in one line.

/// Joins an error and its chain of causes into one line. A text that repeats the one before it is left out.
#[must_use]
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut causes = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        next = cause.source();
    }
    causes.join(": ")
}

#[cfg(test)]
mod tests {
    use super::causes;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    #[test]
    fn each_cause_is_named_once() {
        let inner = Layer { text: "connection refused", source: None };
        let repeated = Layer { text: "connection refused", source: Some(inner.into()) };
        let outer = Layer { text: "cannot send the request", source: Some(repeated.into()) };
        assert_eq!(causes(&outer), "cannot send the request: connection refused");
    }
}
