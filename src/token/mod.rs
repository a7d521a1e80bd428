//! Tokens: their formats, their validation and their rendering.

pub mod audit;
pub mod fernet;
pub mod model;
pub mod payload;
pub mod render;
pub mod ring;
pub mod validate;

#[cfg(test)]
mod tests;
