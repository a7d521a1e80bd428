//! Keyraft: OpenStack Identity as one replicated binary.
