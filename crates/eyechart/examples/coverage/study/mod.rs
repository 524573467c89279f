//! How often intervals and tests are right, for data whose true value is known: exact sums where all tables can be
//! listed, else simulated data sets. The tests of this repository run the same scenarios with fewer data sets.

mod draws;
mod layout;
mod means;
mod measures;
mod paired;
mod shares;

/// How much is simulated.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// The number of data sets of each scenario.
    pub data_sets: usize,
    /// Larger samples, or more clusters, are left out.
    pub largest: usize,
}

impl Effort {
    /// The sizes that are not left out.
    fn sizes(self, sizes: &[usize]) -> impl Iterator<Item = usize> + '_ {
        sizes.iter().copied().filter(move |size| *size <= self.largest)
    }

    /// The percentage of data sets for which `is_right` holds. Data sets without a figure do not count.
    fn percentage(self, is_right: impl FnMut() -> Option<bool>) -> f64 {
        let found: Vec<bool> = std::iter::repeat_with(is_right).take(self.data_sets).flatten().collect();
        100.0 * found.iter().filter(|is_right| **is_right).count() as f64 / found.len() as f64
    }
}

/// One scenario at one size.
#[derive(Debug, Clone)]
pub struct Row {
    /// The scenario, in words.
    pub scenario: &'static str,
    /// The number of samples, or of clusters.
    pub n: usize,
    /// The percentage of each setting of the scenario.
    pub found: Vec<f64>,
    /// The lowest and the highest percentage that are right; absent if the scenario is only shown.
    pub must: Option<(f64, f64)>,
    /// Whether the percentages are sums over all tables.
    pub is_exact: bool,
}

impl Row {
    /// A row of simulated data.
    fn simulated(scenario: &'static str, n: usize, found: Vec<f64>, must: Option<(f64, f64)>) -> Self {
        Self { scenario, n, found, must, is_exact: false }
    }

    /// A row of sums over all tables.
    fn exact(scenario: &'static str, n: usize, found: Vec<f64>, must: Option<(f64, f64)>) -> Self {
        Self { scenario, n, found, must, is_exact: true }
    }

    /// The lowest and the highest percentage.
    pub fn lowest_and_highest(&self) -> (f64, f64) {
        let lowest = self.found.iter().copied().fold(f64::INFINITY, f64::min);
        (lowest, self.found.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    }

    /// Whether all percentages are what they must be, give or take `tolerance`.
    pub fn is_within(&self, tolerance: f64) -> bool {
        let (lowest, highest) = self.lowest_and_highest();
        self.must.is_none_or(|(low, high)| lowest >= low - tolerance && highest <= high + tolerance)
    }
}

/// All rows.
pub fn rows(effort: Effort) -> Vec<Row> {
    let groups = [
        shares::independent(effort),
        means::independent(effort),
        means::clustered(effort),
        shares::clustered(effort),
        paired::shares(effort),
        means::paired(effort),
        measures::tables(effort),
        measures::ranks(effort),
        paired::equal_shares(effort),
        means::equal_means(effort),
        paired::equal_ratios(effort),
    ];
    groups.into_iter().flatten().collect()
}
