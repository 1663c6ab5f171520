//! `netctl bridge` beside brctl from Debian's bridge-utils: the same effect in the kernel, the same columns, the same
//! refusals. Each test has network namespaces of its own.

mod columns;
mod effect;
mod namespace;
mod refusal;
#[path = "../shared/namespace.rs"]
mod shared;
