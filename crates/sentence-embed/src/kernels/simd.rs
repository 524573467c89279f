//! Chooses at run time between two compilations of the same loop. Without it the compiler may use
//! only what every machine of the architecture has, on x86-64 vectors of four numbers.

/// Runs `pass` as it is compiled for the machine at hand.
///
/// Its argument says whether the machine has a fused multiply-add, which is slow where it has not:
/// see [`multiply_add`]. For `pass` to be compiled twice, it and all that it calls in its loops
/// must be `#[inline(always)]`.
#[inline(always)]
pub(super) fn vectorized(pass: impl FnOnce(bool)) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the machine has the features that `with_avx2` is compiled for.
        unsafe { with_avx2(pass) };
        return;
    }
    // A fused multiply-add is part of every 64-bit ARM.
    pass(cfg!(target_arch = "aarch64"));
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2(pass: impl FnOnce(bool)) {
    pass(true);
}

/// a * b + c, rounded once if `fused`, else twice.
#[inline(always)]
pub(super) fn multiply_add(a: f32, b: f32, c: f32, fused: bool) -> f32 {
    if fused { a.mul_add(b, c) } else { a * b + c }
}
