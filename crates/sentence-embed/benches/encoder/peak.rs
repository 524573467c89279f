//! The most that the machine can do: independent multiply-adds on registers, nothing else.

use std::hint::black_box;

use sentence_embed::Precision;

use super::clock::{median, own_time, wall_time};
use super::kernels::Machine;
use super::kernels::simd::{Pass, Simd};

const ROUNDS: usize = 9;

/// Operations of a multiply-add of one number.
const PAIR: f64 = 2.0;

/// What is multiplied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    F32,
    Bf16,
    Int8,
}

impl From<Precision> for Kind {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::Bf16 => Self::Bf16,
            _ => Self::F32,
        }
    }
}

/// Giga-operations a second of one thread, by its own time; none without instructions for it.
pub fn of_thread(kind: Kind) -> Option<f64> {
    let mut operations = 0.0;
    let time = own_time(|| operations = multiply(kind));
    (operations > 0.0).then(|| operations / time.as_secs_f64() / 1e9)
}

/// Giga-operations a second of `threads` threads together, by the clock.
pub fn of_threads(kind: Kind, threads: usize) -> Option<f64> {
    let mut operations = 0.0;
    let time = wall_time(|| {
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..threads).map(|_| scope.spawn(|| multiply(kind))).collect();
            operations = all.into_iter().filter_map(|thread| thread.join().ok()).sum();
        });
    });
    (operations > 0.0).then(|| operations / time.as_secs_f64() / 1e9)
}

pub fn print() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!("peak, Gop/s                  one thread   {threads} threads");
    for kind in [Kind::F32, Kind::Bf16, Kind::Int8] {
        let one: Option<Vec<f64>> = (0..ROUNDS).map(|_| of_thread(kind)).collect();
        let all: Option<Vec<f64>> = (0..ROUNDS).map(|_| of_threads(kind, threads)).collect();
        match one.zip(all) {
            Some((one, all)) => println!("  {kind:<26?} {:>10.0} {:>11.0}", median(one), median(all)),
            None => println!("  {kind:<26?} no instructions for it"),
        }
    }
}

/// Runs some tens of milliseconds; returns the operations done.
fn multiply(kind: Kind) -> f64 {
    const STEPS: usize = 2_000_000;
    let mut operations = 0.0;
    let machine = Machine::detect();
    match kind {
        Kind::F32 => machine.run(Peak::<false> { steps: STEPS, operations: &mut operations }),
        Kind::Bf16 if machine.has_bf16() => {
            machine.run(Peak::<true> { steps: STEPS, operations: &mut operations });
        }
        Kind::Bf16 => (),
        Kind::Int8 => operations = int8(STEPS),
    }
    operations
}

struct Peak<'a, const BF16: bool> {
    steps: usize,
    operations: &'a mut f64,
}

impl<const BF16: bool> Pass for Peak<'_, BF16> {
    /// As many sums as are needed to keep the units busy and fit into the registers.
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let numbers = if BF16 { 2 * S::WIDTH } else { S::WIDTH };
        let sums = if S::WIDTH == 16 {
            sums::<S, BF16, 24>(s, self.steps);
            24
        } else {
            sums::<S, BF16, 10>(s, self.steps);
            10
        };
        *self.operations = PAIR * (self.steps * sums * numbers) as f64;
    }
}

#[inline(always)]
fn sums<S: Simd, const BF16: bool, const N: usize>(s: S, steps: usize) {
    let mut sums = [s.splat(black_box(1.0)); N];
    let (a, b) = (s.splat(black_box(0.999)), s.splat(black_box(0.001)));
    let words = s.pack_bf16(a, b);
    for _ in 0..steps {
        for sum in &mut sums {
            *sum = if BF16 { s.add_bf16(*sum, words, words) } else { s.fma(*sum, a, b) };
        }
    }
    black_box(sums);
}

#[cfg(target_arch = "x86_64")]
fn int8(steps: usize) -> f64 {
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx512f,avx512vnni")]
    fn inside(steps: usize) {
        let mut sums = [_mm512_set1_epi32(black_box(1)); 24];
        let words = _mm512_set1_epi32(black_box(0x0101_0101));
        for _ in 0..steps {
            for sum in &mut sums {
                *sum = _mm512_dpbusd_epi32(*sum, words, words);
            }
        }
        black_box(sums);
    }

    if !is_x86_feature_detected!("avx512f") || !is_x86_feature_detected!("avx512vnni") {
        return 0.0;
    }
    // SAFETY: the machine has the features that the function is compiled for.
    unsafe { inside(steps) };
    PAIR * (steps * 24 * 64) as f64
}

#[cfg(not(target_arch = "x86_64"))]
fn int8(_: usize) -> f64 {
    0.0
}
