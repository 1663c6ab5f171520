//! Harness: starts a switch, speaks to it, reads what the kernel says about it.
