//! Behaviour that takes several requests, or the passing of time.

mod cluster_key;
mod hash_upgrade;
mod multi_factor;
mod operations;
mod password_change;
mod security_compliance;
mod token_life;
