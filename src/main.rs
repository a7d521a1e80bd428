//! The `keyraft` binary.
fn main() {}
