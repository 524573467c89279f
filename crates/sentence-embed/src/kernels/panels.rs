//! Where activations lie: panels of 32 tokens, in which each feature is one row of 32 lanes.
//!
//! So everything between the matrix products works lane by lane: layer norm, softmax and GELU need no
//! sums across a vector, whatever the number of features.

use super::simd::{HALF, LANES, Row};

/// `tokens` columns of `height` words each, 32 columns a panel. The last panel may be filled in part;
/// its other lanes hold anything.
#[derive(Debug, Default)]
pub(crate) struct Panels<T = f32> {
    rows: Vec<Row<T>>,
    height: usize,
    tokens: usize,
}

impl<T: Copy + Default> Panels<T> {
    /// Panels of a given size, filled with zeros.
    pub(crate) fn new(tokens: usize, height: usize) -> Self {
        let mut panels = Self::default();
        panels.reshape(tokens, height);
        panels
    }

    /// Makes room for another size; what the panels hold then is not defined.
    pub(crate) fn reshape(&mut self, tokens: usize, height: usize) {
        (self.tokens, self.height) = (tokens, height);
        self.rows.resize_with(self.count() * height, Row::default);
    }
}

impl<T> Panels<T> {
    pub(crate) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Words a token.
    pub(crate) fn height(&self) -> usize {
        self.height
    }

    /// The number of panels.
    pub(crate) fn count(&self) -> usize {
        self.tokens.div_ceil(LANES)
    }

    /// The rows of panel `p`, one a word.
    pub(crate) fn panel(&self, p: usize) -> &[Row<T>] {
        &self.rows[p * self.height..][..self.height]
    }

    pub(crate) fn panel_mut(&mut self, p: usize) -> &mut [Row<T>] {
        &mut self.rows[p * self.height..][..self.height]
    }

    /// The halves of panel `p` in which there are tokens.
    pub(crate) fn halves(&self, p: usize) -> Halves {
        let tokens = (self.tokens - p * LANES).min(LANES);
        Halves::of(0, tokens)
    }

    /// How many lanes of panel `p` are tokens.
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
    /// The halves that the lanes `start..end` touch.
    pub(crate) fn of(start: usize, end: usize) -> Self {
        match (start < HALF, end > HALF) {
            (true, true) => Self::Both,
            (true, false) => Self::First,
            (false, _) => Self::Second,
        }
    }

    /// The vectors of `width` lanes in them.
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

/// Rows of 32 features of one token each, token after token: the other way round than [`Panels`], for
/// what is read one number at a time. More than 32 features lie in further blocks of rows.
#[derive(Debug, Default)]
pub(crate) struct TokenRows {
    rows: Vec<Row>,
    stride: usize,
}

impl TokenRows {
    /// Room for `tokens` tokens, rounded up to whole panels and a tile of keys beyond.
    pub(crate) fn reshape(&mut self, tokens: usize, blocks: usize) {
        self.stride = tokens.next_multiple_of(LANES) + LANES;
        self.rows.resize_with(blocks * self.stride, Row::default);
    }

    /// The rows of block `block` from token `token` on.
    pub(crate) fn starting_at(&self, block: usize, token: usize) -> &[Row] {
        &self.rows[block * self.stride..][..self.stride][token..]
    }

    pub(crate) fn starting_at_mut(&mut self, block: usize, token: usize) -> &mut [Row] {
        &mut self.rows[block * self.stride..][..self.stride][token..]
    }
}
