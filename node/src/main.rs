//! The switch's binary: wiring only.
fn main() {}
