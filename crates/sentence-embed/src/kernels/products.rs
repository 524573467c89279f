//! Matrix products: the one place that knows which library
//! or kernel computes them.

use gemm::{Parallelism, gemm};

/// The place of a matrix in a slice: element (r, c) is at `start + r * row_stride + c * col_stride`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub start: usize,
    pub rows: usize,
    pub cols: usize,
    pub row_stride: usize,
    pub col_stride: usize,
}

impl Layout {
    /// Rows of `cols` elements, one after the other.
    pub(crate) fn row_major(rows: usize, cols: usize) -> Self {
        Self::block(0, rows, cols, cols)
    }

    /// Rows of `cols` elements whose starts are `row_stride` apart, the first one at `start`.
    pub(crate) fn block(start: usize, rows: usize, cols: usize, row_stride: usize) -> Self {
        Self { start, rows, cols, row_stride, col_stride: 1 }
    }

    /// The same elements with rows and columns exchanged.
    pub(crate) fn transposed(self) -> Self {
        Self {
            start: self.start,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }

    /// One past the place of the last element; `start` without elements.
    fn end(&self) -> usize {
        if self.rows == 0 || self.cols == 0 {
            return self.start;
        }
        let down = (self.rows - 1).saturating_mul(self.row_stride);
        let along = (self.cols - 1).saturating_mul(self.col_stride);
        let last = self.start.saturating_add(down).saturating_add(along);
        last.saturating_add(1)
    }

    /// Whether no two elements share a place: rows do not overlap, or columns do not.
    fn is_disjoint(&self) -> bool {
        let by_rows = self.col_stride >= 1 && self.row_stride >= self.cols * self.col_stride;
        let by_cols = self.row_stride >= 1 && self.col_stride >= self.rows * self.row_stride;
        by_rows || by_cols
    }
}

/// A matrix to read.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub data: &'a [f32],
    pub layout: Layout,
}

/// A matrix to write.
pub(crate) struct MatrixMut<'a> {
    pub data: &'a mut [f32],
    pub layout: Layout,
}

/// `out = factor * (left x right)`, on the calling thread. What `out` held before does not matter.
///
/// # Panics
///
/// If the sizes do not fit together or a layout leaves its slice: an error of this crate.
pub(crate) fn multiply(out: MatrixMut<'_>, left: Matrix<'_>, right: Matrix<'_>, factor: f32) {
    let (to, a, b) = (out.layout, left.layout, right.layout);
    assert!(a.rows == to.rows && b.cols == to.cols && a.cols == b.rows);
    assert!(to.end() <= out.data.len() && to.is_disjoint());
    assert!(a.end() <= left.data.len() && b.end() <= right.data.len());
    if to.rows == 0 || to.cols == 0 {
        return;
    }
    let stride = |stride: usize| isize::try_from(stride).expect("strides are below a slice's length");
    // SAFETY: the assertions above prove that every element of the three matrices, and each start,
    // lies within its slice, that no two elements of `out` share a place, and that the sizes agree. `out` is
    // borrowed mutably, so it overlaps neither `left` nor `right`. f32 has no invalid values.
    unsafe {
        gemm(
            to.rows,
            to.cols,
            a.cols,
            out.data.as_mut_ptr().add(to.start),
            stride(to.col_stride),
            stride(to.row_stride),
            false,
            left.data.as_ptr().add(a.start),
            stride(a.col_stride),
            stride(a.row_stride),
            right.data.as_ptr().add(b.start),
            stride(b.col_stride),
            stride(b.row_stride),
            0.0,
            factor,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// The weights of a dense layer, without its bias.
pub(crate) struct Dense {
    inputs: usize,
    outputs: usize,
    /// Row-major `outputs x inputs`, as the file has it.
    weights: Vec<f32>,
}

impl Dense {
    /// A layer from `inputs` to `outputs` numbers; `weights` is row-major, `outputs x inputs`.
    pub(crate) fn new(inputs: usize, outputs: usize, weights: Vec<f32>) -> Self {
        assert_eq!(weights.len(), inputs * outputs);
        Self { inputs, outputs, weights }
    }

    /// Writes to `out` (`rows x outputs`) the product of `x` (`rows x inputs`) and the weights.
    pub(crate) fn apply(&self, x: &[f32], out: &mut [f32]) {
        let rows = x.len() / self.inputs;
        let left = Matrix { data: x, layout: Layout::row_major(rows, self.inputs) };
        let right =
            Matrix { data: &self.weights, layout: Layout::row_major(self.outputs, self.inputs).transposed() };
        let layout = Layout::row_major(rows, self.outputs);
        multiply(MatrixMut { data: out, layout }, left, right, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 31 % 17) as f32 - 8.0) / 8.0).collect()
    }

    #[test]
    fn a_dense_layer_is_the_product_with_the_transposed_weights() {
        let (rows, inputs, outputs) = (5, 24, 19);
        let (x, w) = (numbers(rows * inputs), numbers(inputs * outputs));
        let mut out = vec![f32::NAN; rows * outputs];
        Dense::new(inputs, outputs, w.clone()).apply(&x, &mut out);
        for (place, &found) in out.iter().enumerate() {
            let (r, c) = (place / outputs, place % outputs);
            let term = |k: usize| f64::from(x[r * inputs + k]) * f64::from(w[c * inputs + k]);
            let expected: f64 = (0..inputs).map(term).sum();
            assert!((f64::from(found) - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn a_product_writes_only_its_block() {
        let x = numbers(12);
        let mut out = vec![7.0; 20];
        let matrix = |layout| Matrix { data: &x, layout };
        let to = MatrixMut { layout: Layout::block(1, 2, 2, 10), data: &mut out };
        let left = matrix(Layout::row_major(2, 3));
        multiply(to, left, matrix(Layout::row_major(2, 3).transposed()), 2.0);
        let dot = |a: usize, b: usize| (0..3).map(|k| x[a * 3 + k] * x[b * 3 + k]).sum::<f32>();
        for (place, &found) in out.iter().enumerate() {
            let expected = match place {
                1 => 2.0 * dot(0, 0),
                2 => 2.0 * dot(0, 1),
                11 => 2.0 * dot(1, 0),
                12 => 2.0 * dot(1, 1),
                _ => 7.0,
            };
            assert!((found - expected).abs() < 1e-6, "{place}: {found} {expected}");
        }
    }

    #[test]
    #[should_panic(expected = "assertion")]
    fn a_layout_beyond_its_slice_panics() {
        let mut out = [0.0; 4];
        let matrix = Matrix { data: &[1.0; 3], layout: Layout::row_major(2, 2) };
        let layout = Layout::row_major(2, 2);
        multiply(MatrixMut { data: &mut out, layout }, matrix, matrix, 1.0);
    }
}
