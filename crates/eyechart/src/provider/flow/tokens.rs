//! What a request is expected to cost in tokens: the mean of the requests so far, newer ones weighing more.

/// The expected cost before any request was answered.
const FIRST_GUESS: f64 = 1_500.0;
/// No request is believed to cost more, whatever the endpoint reports.
const MOST: f64 = 2e6;
/// The weight of the newest request in the mean.
const NEWEST: f64 = 0.1;

/// The expected cost of a request.
#[derive(Debug, Default)]
pub(super) struct TokenEstimate(Option<f64>);

impl TokenEstimate {
    /// Tokens that the next request is expected to cost, prompt and answer together.
    pub(super) fn tokens(&self) -> f64 {
        self.0.unwrap_or(FIRST_GUESS)
    }

    /// Takes the reported cost of a request into the mean. Returns the cost as far as it is believed.
    pub(super) fn record(&mut self, reported: u64) -> f64 {
        let tokens = (reported as f64).min(MOST);
        self.0 = Some(self.0.map_or(tokens, |mean| mean + NEWEST * (tokens - mean)));
        tokens
    }
}
