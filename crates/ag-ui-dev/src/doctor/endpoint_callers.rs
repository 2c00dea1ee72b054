//! Who may call an entry point, and how a caller proves it: the same as the first run after `make deploy` sends.

/// The header in which a user's JWT is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JwtHeader {
    /// `Authorization: Bearer ...`, as a page sends it.
    Bearer,
    /// `Authorization` with the JWT alone, which an authorizer of a REST API gets as it is.
    Authorization,
    /// `x-agui-user-token`, where something else is in `Authorization` or decides who may call.
    UserToken,
}

/// What the callers of an entry point send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Callers {
    /// Whether they send the shared token.
    pub(super) has_token: bool,
    /// How they send the JWT of a user, if they send one.
    pub(super) jwt: Option<JwtHeader>,
}

impl Callers {
    /// Returns what callers send. `entry_point` is the output of the deployed stack, or empty without a stack; `has_issuer` says
    /// whether the stack has `UserJwtIssuer`. Of an entry point that is not known, a JWT that was given is sent as a page does.
    pub(super) fn of(entry_point: &str, has_issuer: bool, has_jwt: bool) -> Self {
        let user_token = has_issuer.then_some(JwtHeader::UserToken);
        let (has_token, jwt) = match entry_point {
            "server-token" => (true, user_token),
            "cloudfront" => (!has_issuer, user_token),
            "browser-jwt" => (false, Some(JwtHeader::Bearer)),
            "rest-cognito" | "rest-lambda" => (false, Some(JwtHeader::Authorization)),
            _ => (!has_jwt, has_jwt.then_some(JwtHeader::Bearer)),
        };
        Self { has_token, jwt }
    }

    /// Returns the headers that a page sends to the entry point, for which a browser asks in a preflight; `None` if its callers
    /// send the shared token, which no page may have. Without a deployed stack the callers may be pages.
    pub(super) fn page_headers(&self, entry_point: &str) -> Option<&'static str> {
        match (entry_point, self.has_token) {
            ("", _) => Some("authorization,content-type"),
            (_, true) => None,
            ("cloudfront", false) => Some("content-type,x-agui-user-token,x-amz-content-sha256"),
            (_, false) => Some("authorization,content-type"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_send_what_their_entry_point_reads() {
        use JwtHeader::{Authorization, Bearer, UserToken};
        for (entry_point, has_issuer, has_jwt, has_token, jwt) in [
            ("server-token", false, false, true, None),
            ("server-token", true, true, true, Some(UserToken)),
            ("browser-jwt", true, false, false, Some(Bearer)),
            ("cloudfront", false, false, true, None),
            ("cloudfront", true, true, false, Some(UserToken)),
            ("rest-cognito", false, true, false, Some(Authorization)),
            ("rest-lambda", false, true, false, Some(Authorization)),
            ("", false, false, true, None),
            ("", false, true, false, Some(Bearer)),
        ] {
            let callers = Callers::of(entry_point, has_issuer, has_jwt);
            assert_eq!(callers, Callers { has_token, jwt }, "{entry_point} {has_issuer} {has_jwt}");
        }
    }

    #[test]
    fn pages_send_no_shared_token() {
        for (entry_point, has_issuer, headers) in [
            ("", false, Some("authorization,content-type")),
            ("server-token", false, None),
            ("server-token", true, None),
            ("browser-jwt", true, Some("authorization,content-type")),
            ("cloudfront", false, None),
            ("cloudfront", true, Some("content-type,x-agui-user-token,x-amz-content-sha256")),
            ("rest-cognito", false, Some("authorization,content-type")),
        ] {
            let callers = Callers::of(entry_point, has_issuer, false);
            assert_eq!(callers.page_headers(entry_point), headers, "{entry_point} {has_issuer}");
        }
    }
}
