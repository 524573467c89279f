//! Numbers for people.

/// Formats a whole number with a comma between groups of three digits: `90,211`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

/// Formats US dollars without a sign: cents from 10 dollars up, four decimals below.
#[must_use]
pub fn usd(amount: f64) -> String {
    if amount >= 10.0 { format!("{amount:.2}") } else { format!("{amount:.4}") }
}

/// A number with its noun, which gets an `s` unless the number is 1: `1 sample`, `3 samples`.
#[must_use]
pub fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_every_other_number_is_plural() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "sample")).join(" "), "0 samples 1 sample 2 samples");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            [0, 12, 123, 1_234, 123_456, 1_234_567].map(grouped).join(" "),
            "0 12 123 1,234 123,456 1,234,567"
        );
    }

    #[test]
    fn small_amounts_of_money_keep_their_digits() {
        assert_eq!([0.0012, 9.5, 10.0, 1234.567].map(usd).join(" "), "0.0012 9.5000 10.00 1234.57");
    }
}
