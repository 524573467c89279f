//! The layout of activations: panels of 32 tokens, in which each feature is one row of 32 lanes.
//!
//! In this layout everything between the matrix products works lane by lane: layer norm, softmax and GELU need no sums
//! across a vector, for any number of features.

use super::simd::{HALF, LANES, Row};

/// `tokens` columns of `height` words each, 32 columns per panel. The last panel may be partly filled; the values of
/// its other lanes are not defined.
#[derive(Debug, Default)]
pub(crate) struct Panels<T = f32> {
    rows: Vec<Row<T>>,
    height: usize,
    tokens: usize,
}

impl<T: Copy + Default> Panels<T> {
    /// Creates panels of a given size, filled with zeros.
    pub(crate) fn new(tokens: usize, height: usize) -> Self {
        let mut panels = Self::default();
        panels.reshape(tokens, height);
        panels
    }

    /// Changes the size. The content of the panels is not defined afterwards.
    pub(crate) fn reshape(&mut self, tokens: usize, height: usize) {
        (self.tokens, self.height) = (tokens, height);
        self.rows.resize_with(self.count() * height, Row::default);
    }
}

impl<T> Panels<T> {
    pub(crate) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Returns the number of words per token.
    pub(crate) fn height(&self) -> usize {
        self.height
    }

    /// Returns the number of panels.
    pub(crate) fn count(&self) -> usize {
        self.tokens.div_ceil(LANES)
    }

    /// Returns the rows of panel `p`, one per word.
    pub(crate) fn panel(&self, p: usize) -> &[Row<T>] {
        &self.rows[p * self.height..][..self.height]
    }

    pub(crate) fn panel_mut(&mut self, p: usize) -> &mut [Row<T>] {
        &mut self.rows[p * self.height..][..self.height]
    }

    /// Returns the halves of panel `p` that contain tokens.
    pub(crate) fn halves(&self, p: usize) -> Halves {
        let tokens = (self.tokens - p * LANES).min(LANES);
        Halves::of(0, tokens)
    }

    /// Returns the number of lanes of panel `p` that are tokens.
    pub(crate) fn filled(&self, p: usize) -> usize {
        (self.tokens - p * LANES).min(LANES)
    }
}

/// Which halves of a row to compute: the first, the second or both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Halves {
    First,
    Second,
    Both,
}

impl Halves {
    /// Returns the halves that contain the lanes `start..end`.
    pub(crate) fn of(start: usize, end: usize) -> Self {
        match (start < HALF, end > HALF) {
            (true, true) => Self::Both,
            (true, false) => Self::First,
            (false, _) => Self::Second,
        }
    }

    /// Returns the vectors of `width` lanes in the halves.
    #[inline(always)]
    pub(crate) fn vectors(self, width: usize) -> std::ops::Range<usize> {
        let half = HALF / width;
        match self {
            Self::First => 0..half,
            Self::Second => half..2 * half,
            Self::Both => 0..2 * half,
        }
    }
}

/// Rows of 32 features of one token each, token after token. It is the transpose of [`Panels`], for values that are
/// read one at a time. More than 32 features are stored in further blocks of rows.
#[derive(Debug, Default)]
pub(crate) struct TokenRows {
    rows: Vec<Row>,
    stride: usize,
}

impl TokenRows {
    /// Makes room for `tokens` tokens, rounded up to whole panels plus a tile of keys.
    pub(crate) fn reshape(&mut self, tokens: usize, blocks: usize) {
        self.stride = tokens.next_multiple_of(LANES) + LANES;
        self.rows.resize_with(blocks * self.stride, Row::default);
    }

    /// Returns the rows of block `block` from token `token`.
    pub(crate) fn starting_at(&self, block: usize, token: usize) -> &[Row] {
        &self.rows[block * self.stride..][..self.stride][token..]
    }

    pub(crate) fn starting_at_mut(&mut self, block: usize, token: usize) -> &mut [Row] {
        &mut self.rows[block * self.stride..][..self.stride][token..]
    }
}
