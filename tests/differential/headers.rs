//! Headers that are compared.

use super::response::Response;

/// Headers that are the same text on both sides, but for ids and the server's URL.
pub const TEXT_HEADERS: &[&str] = &["content-type", "vary", "www-authenticate", "location"];
/// Headers that are there on both sides or on neither.
pub const PRESENT_HEADERS: &[&str] =
    &["content-length", "x-subject-token", "openstack-auth-receipt", "retry-after"];
pub const REQUEST_ID: &str = "x-openstack-request-id";

/// Methods of `Allow`, in order.
pub fn allowed_methods(response: &Response) -> Vec<String> {
    let methods = response.header("allow").unwrap_or_default().split(',');
    let mut methods: Vec<_> = methods.map(|method| method.trim().to_owned()).collect();
    methods.sort();
    methods
}

/// A request id without what is another each time.
pub fn digits_hidden(text: &str) -> String {
    text.chars().map(|character| if character.is_ascii_hexdigit() { 'x' } else { character }).collect()
}
