//! Statistics: pure functions from scores to estimates, intervals and tests. They do not know what a score means.
//!
//! Sums are taken in the order of the input, so the same input gives the same bits. `docs/statistics.md` explains the
//! choice of each method.

mod agreement;
mod clusters;
mod distribution;
mod epochs;
mod estimate;
mod interval;
mod jackknife;
mod order;
mod paired;
mod power;
mod ranks;
mod spearman;

pub use agreement::{KappaWeights, Measurement, kappa, krippendorff_alpha};
pub use clusters::{bell_mccaffrey_df, cluster_mean, cluster_share, standard_errors};
pub use epochs::{consistency, pass_at_k, variance_split};
pub use estimate::{mean, quantile, share_above, top_k};
pub use interval::{Interval, Level, Scale, Spread, score_interval, t_interval, wilson};
pub use jackknife::{ClusterPart, jackknife_spread, jackknife_variance};
pub use order::{quantile_interval, top_count, top_share};
pub use paired::{
    DifferenceTest, PairedCounts, PairedMean, compare_means, equal_differences_test, holm, mcnemar,
    not_worse, t_test, tango,
};
pub use power::{
    detectable_difference, detectable_difference_of_means, mcnemar_power, samples_needed,
    samples_needed_for_means,
};
pub use ranks::{Correlation, kendall_tau_b};
pub use spearman::{mean_ranks, spearman_rho};
