//! Who may call: the shared token, IAM principals, the end user's token, and the claims that describe the caller.

use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderName, ORIGIN};
use secrecy::SecretString;

use super::claim_names::{GROUPS, PERMISSIONS, PLAN, PRINCIPAL_ID, SCOPE, SCP, USER_ARN};
use super::vars::Variables;
use crate::auth::claim_names::{ORGANIZATION, SUBJECT};
use crate::auth::{
    Algorithm, AuthMode, USER_TOKEN_HEADER, UnknownAlgorithmError, UserTokenConfig, UserTokenConfigError,
    UserTokens,
};
use crate::endpoint::builder::TOKEN_HEADER;

/// The number of parts of an ARN, which are separated by `:`.
const ARN_PARTS: usize = 6;

/// Where the shared token is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TokenSource {
    /// In AWS Secrets Manager, under this name or ARN: `AGUI_TOKEN_SECRET_ID`.
    Secret(String),
    /// In the configuration itself, which only local mode allows: `AGUI_TOKEN`.
    Literal(SecretString),
}

/// The names of the claims from which a caller is read.
///
/// The library itself binds approvals to `user` and `org`. The rest is for the application, which makes its caller of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClaimNames {
    /// The user is in the first of these claims that is present: `AGUI_CLAIM_USER`, a list with commas. `sub`,
    /// `principalId`, `userArn` by default.
    pub user: Vec<String>,
    /// The claim that names the organisation: `AGUI_CLAIM_ORG`. `custom:org_id` by default.
    pub org: String,
    /// The claim that names the plan: `AGUI_CLAIM_PLAN`. `custom:plan` by default.
    pub plan: String,
    /// The permissions of the user, collected from all of these claims: `AGUI_CLAIM_PERMISSIONS`, a list with commas.
    /// `permissions` by default.
    pub permissions: Vec<String>,
    /// The scopes of the user's token, collected from all of these claims: `AGUI_CLAIM_SCOPES`, a list with commas. `scope`,
    /// `scp` by default.
    pub scopes: Vec<String>,
    /// The claim that lists the groups: `AGUI_CLAIM_GROUPS`. `cognito:groups` by default.
    pub groups: String,
}

impl ClaimNames {
    /// Returns the claims of everything but the user and the organisation: plan, permissions, scopes and groups.
    pub(crate) fn of_grants(&self) -> impl Iterator<Item = &String> {
        [&self.plan, &self.groups].into_iter().chain(&self.permissions).chain(&self.scopes)
    }
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    /// Reads which proof a request must carry. It is the shared token if the variable is not set.
    pub(super) fn auth_mode(&mut self) -> AuthMode {
        let modes = [
            ("token", AuthMode::Token),
            ("authorizer", AuthMode::Authorizer),
            ("both", AuthMode::Both),
            ("jwt", AuthMode::Jwt),
            ("token_or_jwt", AuthMode::TokenOrJwt),
        ];
        self.choice("AGUI_AUTH", &modes, AuthMode::Token)
    }

    /// Reads where the shared token is. `None` if neither of its variables is set, which is reported if `mode`
    /// requires the token. A literal token is reported unless `is_local` is set.
    pub(super) fn token(&mut self, mode: AuthMode, is_local: bool) -> Option<TokenSource> {
        let (secret, literal) = (self.resource("AGUI_TOKEN_SECRET_ID"), self.text("AGUI_TOKEN"));
        if literal.is_some() && !is_local {
            self.report(
                "AGUI_TOKEN",
                "is for local mode (AGUI_LOCAL=1); name a secret in AGUI_TOKEN_SECRET_ID instead",
            );
        } else if literal.is_some() && secret.is_some() {
            self.report("AGUI_TOKEN", "and AGUI_TOKEN_SECRET_ID are both set; keep one of them");
        } else if literal.is_none() && secret.is_none() && mode.uses_shared_token() {
            self.report("AGUI_TOKEN_SECRET_ID", missing_token_problem(is_local));
        }
        secret.map(TokenSource::Secret).or_else(|| literal.map(|token| TokenSource::Literal(token.into())))
    }

    /// Reads the name of the header of the shared token. An invalid name is reported, and so is a header that means
    /// something else.
    pub(super) fn token_header(&mut self) -> HeaderName {
        const VARIABLE: &str = "AGUI_TOKEN_HEADER";
        const OTHERS: [HeaderName; 7] =
            [ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, ORIGIN, USER_TOKEN_HEADER];
        let header = self.parse(VARIABLE, TOKEN_HEADER, "must be the name of an HTTP header");
        if header == AUTHORIZATION {
            self.report(
                VARIABLE,
                "cannot be `authorization`, because that header is read as `Bearer` anyway",
            );
        }
        if OTHERS.contains(&header) {
            self.report(
                VARIABLE,
                "cannot be a header that every request has, or that holds the user's token",
            );
        }
        header
    }

    /// Reads how long the previous token is accepted after a rotation. With 0 s it is never accepted.
    pub(super) fn token_grace(&mut self) -> Duration {
        self.seconds("AGUI_TOKEN_GRACE_S", Duration::from_secs(3600), 0)
    }

    /// Reads the patterns of the IAM principals whose signed requests count as proof. A pattern that no ARN can match is
    /// reported.
    pub(super) fn iam_principals(&mut self) -> Vec<String> {
        const VARIABLE: &str = "AGUI_IAM_PRINCIPALS";
        let patterns = self.list(VARIABLE);
        let is_pattern = |pattern: &String| {
            (pattern.starts_with("arn:") || pattern.starts_with('*'))
                && pattern.split(':').count() >= ARN_PARTS
        };
        if !patterns.iter().all(is_pattern) {
            let problem = "must be ARNs of users or roles, separated by commas; `*` stands for characters other than `/` \
                and `:`";
            self.report(VARIABLE, problem);
        }
        patterns
    }

    /// Reads how the end user's token is verified. `None` if none of its variables is set: requests then need no such
    /// token. If one is set, or if the user's token admits requests in `mode`, a missing issuer or audience is reported.
    pub(super) fn user_tokens(&mut self, mode: AuthMode) -> Option<UserTokenConfig> {
        let issuer = self.text("AGUI_JWT_ISSUER");
        let audiences = self.list("AGUI_JWT_AUDIENCE");
        let jwks_url = self.text("AGUI_JWKS_URL");
        let names = self.list("AGUI_JWT_ALGORITHMS");
        let is_unset = issuer.is_none() && audiences.is_empty() && jwks_url.is_none() && names.is_empty();
        if is_unset && !mode.admits_user_token() {
            return None;
        }
        let can_check = issuer.is_some() || jwks_url.is_some();
        if issuer.is_none() {
            self.report("AGUI_JWT_ISSUER", "must name the issuer of the users' tokens");
        }
        if audiences.is_empty() {
            self.report("AGUI_JWT_AUDIENCE", "must name the audience of the users' tokens");
        }
        let algorithms = match names.as_slice() {
            [] => Ok(Algorithm::DEFAULT.to_vec()),
            names => names.iter().map(|name| name.parse()).collect::<Result<_, UnknownAlgorithmError>>(),
        };
        let algorithms = algorithms.unwrap_or_else(|error| {
            self.report("AGUI_JWT_ALGORITHMS", format!("has an entry that cannot be used: {error}"));
            Algorithm::DEFAULT.to_vec()
        });
        let issuer = issuer.unwrap_or_default();
        let config = UserTokenConfig { issuer, audiences, jwks_url, algorithms };
        if can_check && let Err(error) = UserTokens::new(config.clone()) {
            let unusable = format!("is unusable: {error}");
            match error {
                UserTokenConfigError::Issuer => self.report("AGUI_JWT_ISSUER", unusable),
                UserTokenConfigError::JwksUrl => self.report("AGUI_JWKS_URL", unusable),
                // That it is missing was reported above.
                UserTokenConfigError::Audience => {}
            }
        }
        Some(config)
    }

    /// Reads the names of the claims that describe the caller. A claim whose variable is not set has its default
    /// name.
    pub(super) fn claim_names(&mut self) -> ClaimNames {
        ClaimNames {
            user: self.claim_list("AGUI_CLAIM_USER", &[SUBJECT, PRINCIPAL_ID, USER_ARN]),
            org: self.claim_name("AGUI_CLAIM_ORG", ORGANIZATION),
            plan: self.claim_name("AGUI_CLAIM_PLAN", PLAN),
            permissions: self.claim_list("AGUI_CLAIM_PERMISSIONS", &[PERMISSIONS]),
            scopes: self.claim_list("AGUI_CLAIM_SCOPES", &[SCOPE, SCP]),
            groups: self.claim_name("AGUI_CLAIM_GROUPS", GROUPS),
        }
    }

    /// Reads the name of one claim; `default` if the variable is not set.
    fn claim_name(&mut self, variable: &'static str, default: &str) -> String {
        self.name(variable).unwrap_or_else(|| default.into())
    }

    /// Reads the names of several claims; `defaults` if the variable is not set.
    fn claim_list(&mut self, variable: &'static str, defaults: &[&str]) -> Vec<String> {
        let names = self.list(variable);
        if names.is_empty() { defaults.iter().map(|name| (*name).to_owned()).collect() } else { names }
    }
}

/// Returns the error text for a shared token that is required and not set; it continues a sentence that begins with
/// `AGUI_TOKEN_SECRET_ID`. In local mode it also offers a literal token.
fn missing_token_problem(is_local: bool) -> &'static str {
    if is_local {
        "must name the secret of the shared token, or AGUI_TOKEN hold the token itself, unless AGUI_AUTH is `authorizer` or \
         `jwt`"
    } else {
        "must name the secret of the shared token, unless AGUI_AUTH is `authorizer` or `jwt`; on your own machine set \
         AGUI_LOCAL=1"
    }
}
