//! Keyraft: OpenStack Identity as one replicated binary.

pub mod app;
pub mod assignment;
pub mod auth;
pub mod bootstrap;
pub mod catalog;
pub mod clock_text;
pub mod config;
pub mod http;
pub mod identity;
pub mod keys;
pub mod ops;
pub mod policy;
pub mod resource;
pub mod revoke;
pub mod role;
pub mod serve;
pub mod service;
pub mod state;
pub mod token;
