//! Drives real Keyraft processes from outside.
