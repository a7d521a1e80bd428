//! Endpoint URLs with substitutions, `$(name)s` or `%(name)s`, as Keystone allows them.

/// One piece of an endpoint URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text as it is.
    Text(String),
    /// The token's project: `tenant_id` and `project_id`.
    ProjectId,
    /// The token's user.
    UserId,
    /// The public URL of the node that answers.
    PublicEndpoint,
    /// `compute_host`, an option that Keystone deprecated and Keyraft does not have.
    ComputeHost,
}

/// A URL that is no valid template. No endpoint is created with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Cannot create an endpoint with an invalid URL: {url}.")]
pub struct MalformedUrl {
    /// The URL as it was given.
    pub url: String,
}

/// Takes a URL template apart.
///
/// # Errors
/// [`MalformedUrl`] for an unknown name, an unfinished `$(` or `%(`, or a missing `s` after `)`.
pub fn parse(url: &str) -> Result<Vec<Piece>, MalformedUrl> {
    let malformed = || MalformedUrl { url: url.to_owned() };
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = url;
    while let Some(at) = rest.find(['$', '%']) {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let Some(name_on) = from.strip_prefix("$(").or_else(|| from.strip_prefix("%(")) else {
            // Python's formatting, which Keystone uses after it has turned `$(` into `%(`, takes `%%` for
            // a percent sign and refuses any other lone percent sign.
            if let Some(after) = from.strip_prefix("%%") {
                text.push('%');
                rest = after;
            } else if let Some(after) = from.strip_prefix('$') {
                text.push('$');
                rest = after;
            } else {
                return Err(malformed());
            }
            continue;
        };
        let (name, after) = name_on.split_once(')').ok_or_else(malformed)?;
        rest = after.strip_prefix('s').ok_or_else(malformed)?;
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        pieces.push(match name {
            "tenant_id" | "project_id" => Piece::ProjectId,
            "user_id" => Piece::UserId,
            "public_endpoint" => Piece::PublicEndpoint,
            "compute_host" => Piece::ComputeHost,
            _ => return Err(malformed()),
        });
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_substitution_are_read() {
        let text = |text: &str| Piece::Text(text.into());
        assert_eq!(
            parse("$(public_endpoint)s/v3/%(tenant_id)s").unwrap(),
            vec![Piece::PublicEndpoint, text("/v3/"), Piece::ProjectId]
        );
        assert_eq!(parse("http://h/a%%b$c").unwrap(), vec![text("http://h/a%b$c")]);
    }

    #[test]
    fn a_template_that_python_would_refuse_is_malformed() {
        for url in
            ["http://h/$(nobody)s", "http://h/%(user_id)", "http://h/%(user_id)d", "http://h/%x", "$(x"]
        {
            assert!(parse(url).is_err(), "{url}");
        }
    }
}
