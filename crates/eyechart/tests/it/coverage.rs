//! The study of `scripts/coverage` with few data sets: intervals and tests that are wrong by much fail here.

#[path = "../../examples/coverage/study/mod.rs"]
mod study;

use study::{Effort, Row};

/// Four standard errors of a percentage of 95 in 250 data sets.
const TOLERANCE: f64 = 5.5;

#[test]
fn intervals_cover_what_they_claim_and_equal_runs_seldom_differ() {
    let rows = study::rows(Effort { data_sets: 250, largest: 50 });
    assert!(rows.len() > 20 && rows.iter().all(|row| row.n <= 50), "{rows:#?}");
    let is_right = |row: &&Row| row.is_within(if row.is_exact { 0.0 } else { TOLERANCE });
    let outside: Vec<&Row> = rows.iter().filter(|row| !is_right(row)).collect();
    assert!(outside.is_empty(), "{outside:#?}");
}
