//! Reads from the headers of a request what it presents as the shared token and as the user's token. Nothing here checks them.

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName};

use super::verify_user::UserTokenError;

/// The header that carries the end user's token.
pub(crate) const USER_TOKEN_HEADER: HeaderName = HeaderName::from_static("x-agui-user-token");

/// What a request presents in the header of the shared token, or else as the bearer token of `Authorization`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credential<'a> {
    /// A value that can only be the shared token.
    SharedToken(&'a str),
    /// A bearer token in the form of a JWT, which can only be the user's token.
    UserToken(&'a str),
}

impl<'a> Credential<'a> {
    /// Reads the value of the header `token_header`, or else the bearer token of `Authorization`, which is not looked at if
    /// the first header is there. `None` if the request has neither.
    ///
    /// A bearer token of three parts with dots between them is the user's token if `reads_user_token` is set. It is one of the
    /// two and never both, so no value is compared with the shared token and verified as a JWT as well.
    ///
    /// # Errors
    /// [`HeaderError`] if the header is repeated, or if its value is not ASCII.
    pub(super) fn read(
        headers: &'a HeaderMap,
        token_header: &HeaderName,
        reads_user_token: bool,
    ) -> Result<Option<Self>, HeaderError> {
        if let Some(token) = single_header(headers, token_header)? {
            return Ok(Some(Self::SharedToken(token)));
        }
        let credentials = single_header(headers, &AUTHORIZATION)?.and_then(|value| value.split_once(' '));
        Ok(match credentials {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                let token = token.trim();
                let is_user_token = reads_user_token && token.split('.').count() == 3;
                Some(if is_user_token { Self::UserToken(token) } else { Self::SharedToken(token) })
            }
            _ => None,
        })
    }

    /// Returns the user's token of a request: the value of `x-agui-user-token`, or else this credential, if that is a user's
    /// token. `None` if the request has neither.
    ///
    /// # Errors
    /// [`UserTokenError::Refused`] if the header is repeated or not ASCII, or if the two are different tokens.
    pub(super) fn user_token(
        credential: Option<Self>,
        headers: &'a HeaderMap,
    ) -> Result<Option<&'a str>, UserTokenError> {
        let in_header =
            single_header(headers, &USER_TOKEN_HEADER).map_err(HeaderError::into_user_token_error)?;
        let as_bearer = match credential {
            Some(Self::UserToken(token)) => Some(token),
            Some(Self::SharedToken(_)) | None => None,
        };
        match (in_header, as_bearer) {
            (Some(first), Some(second)) if first != second => {
                Err(UserTokenError::Refused("two different ones were sent"))
            }
            (token, other) => Ok(token.or(other)),
        }
    }
}

/// Why a header cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderError {
    /// Its value holds other bytes than visible ASCII.
    NotAscii,
    /// The request has it more than once.
    Repeated,
}

impl HeaderError {
    /// Turns the error into the one for a request whose header with the user's token cannot be read.
    fn into_user_token_error(self) -> UserTokenError {
        UserTokenError::Refused(match self {
            Self::NotAscii => "it is not ASCII",
            Self::Repeated => "it was sent twice",
        })
    }
}

/// Returns the value of the header `name`; `None` if the request does not have it.
///
/// # Errors
/// [`HeaderError`] if the header is sent more than once, since proxies disagree on which value counts, or if its
/// value is not ASCII.
fn single_header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, HeaderError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| HeaderError::NotAscii),
        (Some(_), Some(_)) => Err(HeaderError::Repeated),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::Credential::{SharedToken, UserToken};
    use super::*;

    const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-agui-token");

    /// Builds request headers from pairs of a name and a value.
    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn bearer_of_three_parts_is_a_user_token_and_nothing_else() {
        for (sent, expected) in [
            (vec![], Ok(None)),
            (vec![("authorization", "Bearer word")], Ok(Some(SharedToken("word")))),
            (vec![("authorization", "Bearer ")], Ok(Some(SharedToken("")))),
            (vec![("authorization", "Bearer a.b")], Ok(Some(SharedToken("a.b")))),
            (vec![("authorization", "Bearer a.b.c")], Ok(Some(UserToken("a.b.c")))),
            (vec![("authorization", "bearer  a.b.c ")], Ok(Some(UserToken("a.b.c")))),
            (vec![("authorization", "Bearer ..")], Ok(Some(UserToken("..")))),
            (vec![("authorization", "Bearer a.b.c.d.e")], Ok(Some(SharedToken("a.b.c.d.e")))),
            (vec![("authorization", "AWS4-HMAC-SHA256 a.b.c")], Ok(None)),
            (vec![("authorization", "a.b.c")], Ok(None)),
            (vec![("x-agui-token", "a.b.c")], Ok(Some(SharedToken("a.b.c")))),
            (vec![("x-agui-token", ""), ("authorization", "Bearer a.b.c")], Ok(Some(SharedToken("")))),
            (
                vec![("authorization", "Bearer a.b.c"), ("authorization", "Bearer a.b.c")],
                Err(HeaderError::Repeated),
            ),
            (vec![("x-agui-token", "t"), ("x-agui-token", "t")], Err(HeaderError::Repeated)),
            (vec![("x-agui-token", "t"), ("authorization", "Bearer a.b.c")], Ok(Some(SharedToken("t")))),
        ] {
            let headers = headers(&sent);
            assert_eq!(Credential::read(&headers, &TOKEN_HEADER, true), expected, "{sent:?}");
        }
        let headers = headers(&[("authorization", "Bearer a.b.c")]);
        let read = Credential::read(&headers, &TOKEN_HEADER, false);
        assert_eq!(read, Ok(Some(SharedToken("a.b.c"))), "where no user's token is read there");
    }

    #[test]
    fn user_token_is_in_its_header_or_the_bearer() {
        let twice = [("x-agui-user-token", "a.b.c"), ("x-agui-user-token", "a.b.c")];
        for (sent, bearer, expected) in [
            (&[][..], None, Ok(None)),
            (&[], Some(SharedToken("a.b.c")), Ok(None)),
            (&[], Some(UserToken("a.b.c")), Ok(Some("a.b.c"))),
            (&twice[..1], None, Ok(Some("a.b.c"))),
            (&twice[..1], Some(SharedToken("t")), Ok(Some("a.b.c"))),
            (&twice[..1], Some(UserToken("a.b.c")), Ok(Some("a.b.c"))),
            (
                &twice[..1],
                Some(UserToken("a.b.d")),
                Err(UserTokenError::Refused("two different ones were sent")),
            ),
            (&twice, Some(UserToken("a.b.c")), Err(UserTokenError::Refused("it was sent twice"))),
        ] {
            let found = headers(sent);
            assert_eq!(Credential::user_token(bearer, &found), expected, "{sent:?}, {bearer:?}");
        }
    }
}
