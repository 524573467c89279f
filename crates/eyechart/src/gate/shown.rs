//! Values in messages, in the units that conditions have.

/// How the values of a figure are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// A fraction, in percent.
    Share,
    /// A number as it is.
    Plain,
}

impl Unit {
    /// The unit in which tables show a figure with this range.
    pub(super) fn of([low, high]: [f64; 2]) -> Self {
        if low >= -1.0 && high <= 1.0 { Self::Share } else { Self::Plain }
    }

    pub(super) fn value(self, value: f64) -> String {
        match self {
            Self::Share => format!("{}%", rounded(value * 100.0)),
            Self::Plain => rounded(value),
        }
    }

    pub(super) fn difference(self, difference: f64) -> String {
        match self {
            Self::Share => format!("{}pp", rounded(difference * 100.0)),
            Self::Plain => rounded(difference),
        }
    }
}

/// A difference of a figure with this range: `2pp` if the figure is a share.
#[must_use]
pub fn shown_difference(range: [f64; 2], difference: f64) -> String {
    Unit::of(range).difference(difference)
}

/// A number with at most four digits after the point.
pub(super) fn rounded(value: f64) -> String {
    // Adding 0 makes 0 of −0.
    ((value * 1e4).round() / 1e4 + 0.0).to_string()
}

/// A part of all samples or pairs: `2 of 50 (4%)`.
pub(super) fn part(count: usize, total: usize) -> String {
    let share = if total > 0 {
        format!(" ({})", Unit::Share.value(count as f64 / total as f64))
    } else {
        String::new()
    };
    format!("{count} of {total}{share}")
}
