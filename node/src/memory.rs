//! Keeps the allocator lean.

/// One arena instead of eight a core: a switch allocates at a call's set-up and end, never on a packet's way,
/// so threads hardly wait for one another, and what one call gave back is there for the next, whichever thread
/// sets it up. With two, a burst of calls left more resident each time it came. To be called before any thread
/// is started.
pub fn keep_lean() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt(3) takes two integers and touches nothing but the allocator's own settings.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}
