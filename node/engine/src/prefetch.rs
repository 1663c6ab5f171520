//! Asks the processor for memory before it is needed.
//!
//! With thousands of streams, what a packet touches has left every cache since the stream's last packet, and
//! waiting for it is most of what our own code costs. A hint changes no value and cannot fail.

/// Bytes of a line in the cache.
const LINE: usize = 64;

/// Has the first `lines` lines of a value fetched.
#[inline]
pub(crate) fn prefetch<T>(value: &T, lines: usize) {
    for line in 0..lines.min(size_of::<T>().div_ceil(LINE)) {
        hint(std::ptr::from_ref(value).cast::<i8>().wrapping_add(line * LINE));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn hint(address: *const i8) {
    // SAFETY: a prefetch of any address is defined: it is a hint, and never faults.
    unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address) }
}

#[cfg(target_arch = "aarch64")]
#[inline]
fn hint(address: *const i8) {
    // SAFETY: as above; it reads and writes no register of ours.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{0}]", in(reg) address, options(nostack, readonly, preserves_flags))
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline]
fn hint(_: *const i8) {}
