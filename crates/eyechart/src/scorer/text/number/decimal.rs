//! Decimal numbers of any length, compared by their digits.

/// A decimal number: an integer in digits, times a power of ten.
///
/// Equal values have equal fields: the digits have no zeros at either end, and zero has no digits, no sign and the
/// exponent 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Decimal {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Returns the number with these ASCII digits before and after the decimal point, times ten to the `power`.
    pub(super) fn new(whole: &str, fraction: &str, power: i64) -> Self {
        let all = format!("{whole}{fraction}");
        let digits = all.trim_end_matches('0');
        let dropped = i64::try_from(all.len() - digits.len()).unwrap_or(i64::MAX);
        let fraction_digits = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
        let exponent = power.saturating_add(dropped).saturating_sub(fraction_digits);
        let digits = digits.trim_start_matches('0').to_owned();
        Self { is_negative: false, exponent: if digits.is_empty() { 0 } else { exponent }, digits }
    }

    /// Reads digits with an optional minus sign, decimal point and exponent; `None` for any other text.
    pub(in super::super) fn from_plain(text: &str) -> Option<Self> {
        let (is_negative, unsigned) = match text.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, text),
        };
        let (mantissa, power) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse().ok()?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_number = !(whole.is_empty() && fraction.is_empty())
            && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
        is_number.then(|| Self::new(whole, fraction, power).with_sign(is_negative))
    }

    pub(super) fn with_sign(mut self, is_negative: bool) -> Self {
        self.is_negative = is_negative && !self.digits.is_empty();
        self
    }

    /// Returns the number times ten to the `power`.
    pub(super) fn shifted(&self, power: i64) -> Self {
        let mut shifted = self.clone();
        if !shifted.digits.is_empty() {
            shifted.exponent = shifted.exponent.saturating_add(power);
        }
        shifted
    }

    /// Returns the nearest `f64`; infinite beyond its range.
    pub(super) fn to_f64(&self) -> f64 {
        let sign = if self.is_negative { "-" } else { "" };
        let digits = if self.digits.is_empty() { "0" } else { &self.digits };
        // A sign, digits and an exponent always parse. NaN would match no number.
        format!("{sign}{digits}e{}", self.exponent).parse().unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_equal_however_they_are_written() {
        assert_eq!(Decimal::from_plain("007.500"), Decimal::from_plain("75e-1"));
        assert_eq!(Decimal::from_plain("-0.0"), Decimal::from_plain("0"));
        assert_eq!(Decimal::from_plain("1200"), Decimal::from_plain("1.2E+3"));
        assert_ne!(Decimal::from_plain("9007199254740993"), Decimal::from_plain("9007199254740992"));
    }

    #[test]
    fn only_plain_numbers_are_read() {
        for text in
            ["", ".", "-", "1,000", "+1", "1e", "e5", "1.2.3", "0x1", "--1", " 1", "1e99999999999999999999"]
        {
            assert_eq!(Decimal::from_plain(text), None, "{text}");
        }
    }

    #[test]
    fn the_value_is_the_nearest_double() {
        assert_eq!(Decimal::new("0", "1", 0).to_f64(), 0.1);
        assert_eq!(Decimal::new("12", "5", -2).with_sign(true).to_f64(), -0.125);
        assert_eq!(Decimal::new("1", "", 400).to_f64(), f64::INFINITY);
        assert_eq!(Decimal::new("5", "", 0).shifted(-2), Decimal::new("", "05", 0));
    }
}
