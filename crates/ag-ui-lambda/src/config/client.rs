//! What clients may send, and the form of the events that they get.

use super::vars::Variables;
use crate::agent::{AgentBuilder, ClientCompat, FrontendTools};

/// What clients may send to the agent, and in which form they get its events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientConfig {
    /// The form in which clients get the events: `AGUI_CLIENT_COMPAT`, `auto` or `legacy`. `auto` by default.
    pub compat: ClientCompat,
    /// The frontend tools that a client may offer to the model: `AGUI_FRONTEND_TOOLS`, `any`, `deny`, or names with
    /// commas. `any` by default.
    pub frontend_tools: FrontendTools,
    /// Whether the model reads the context entries of a client: `AGUI_CLIENT_CONTEXT`, `any` or `deny`. `any` by default.
    pub context: bool,
    /// Whether the model reads the pictures and other media of a client: `AGUI_CLIENT_MEDIA`, `any` or `deny`. `any` by
    /// default.
    pub media: bool,
    /// Whether interrupts contain the time at which they expire: `AGUI_SEND_EXPIRES_AT`, `1` or `0`. `0` by default.
    pub send_expires_at: bool,
    /// Whether anonymous callers may approve calls and answer questions: `AGUI_ANONYMOUS_APPROVALS`, `1` or `0`. `1` by
    /// default in local mode, and `0` elsewhere.
    pub anonymous_approvals: bool,
    /// Whether the model reads only those results of backend tools that this server has signed:
    /// `AGUI_REQUIRE_SIGNED_RESULTS`, `1` or `0`. `0` by default.
    pub require_signed_results: bool,
}

impl ClientConfig {
    /// Sets all of these settings on an agent builder, and returns it. [`lambda::agent`](crate::lambda::agent) does
    /// so already; call it for an agent that starts from [`Agent::builder`](crate::Agent::builder).
    pub fn apply<C>(&self, agent: AgentBuilder<C>) -> AgentBuilder<C> {
        agent
            .client_compat(self.compat)
            .frontend_tools(self.frontend_tools.clone())
            .client_context(self.context)
            .client_media(self.media)
            .send_expires_at(self.send_expires_at)
            .anonymous_approvals(self.anonymous_approvals)
            .require_signed_results(self.require_signed_results)
    }
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    /// Reads what clients may send, and the form of the events that they get. `is_local` lets anonymous callers approve by
    /// default.
    pub(super) fn client(&mut self, is_local: bool) -> ClientConfig {
        let compat = [("auto", ClientCompat::Auto), ("legacy", ClientCompat::Legacy)];
        let is_allowed = [("any", true), ("deny", false)];
        ClientConfig {
            compat: self.choice("AGUI_CLIENT_COMPAT", &compat, ClientCompat::Auto),
            frontend_tools: self.frontend_tools(),
            context: self.choice("AGUI_CLIENT_CONTEXT", &is_allowed, true),
            media: self.choice("AGUI_CLIENT_MEDIA", &is_allowed, true),
            send_expires_at: self.switch("AGUI_SEND_EXPIRES_AT", false),
            anonymous_approvals: self.switch("AGUI_ANONYMOUS_APPROVALS", is_local),
            require_signed_results: self.switch("AGUI_REQUIRE_SIGNED_RESULTS", false),
        }
    }

    /// Reads which frontend tools a client may offer to the model: any, none, or those that are named. A value that
    /// is not a list of names is reported.
    fn frontend_tools(&mut self) -> FrontendTools {
        const VARIABLE: &str = "AGUI_FRONTEND_TOOLS";
        match self.text(VARIABLE).as_deref() {
            None | Some("any") => return FrontendTools::Any,
            Some("deny") => return FrontendTools::Deny,
            Some(_) => {}
        }
        let names = self.list(VARIABLE);
        // `any` among the names, or written as `Any`, would deny what it is meant to allow.
        let is_not_a_name = |name: &String| {
            ["any", "deny"].iter().any(|word| name.eq_ignore_ascii_case(word))
                || name.contains(char::is_whitespace)
        };
        if names.is_empty() || names.iter().any(is_not_a_name) {
            self.report(VARIABLE, "must be `any`, `deny`, or names of tools, separated by commas");
        }
        FrontendTools::Allow(names)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    fn client(variables: &[(&str, &str)]) -> Result<ClientConfig, String> {
        let base = [("AGUI_TOKEN_SECRET_ID", "token"), ("AGUI_MODEL", "scripted/demo")];
        read(&[&base[..], variables].concat()).map(|config| config.client).map_err(|error| error.to_string())
    }

    #[test]
    fn clients_may_send_everything_by_default() {
        let open = ClientConfig {
            compat: ClientCompat::Auto,
            frontend_tools: FrontendTools::Any,
            context: true,
            media: true,
            send_expires_at: false,
            anonymous_approvals: false,
            require_signed_results: false,
        };
        let same = [
            ("AGUI_CLIENT_COMPAT", "auto"),
            ("AGUI_FRONTEND_TOOLS", "any"),
            ("AGUI_CLIENT_CONTEXT", "any"),
            ("AGUI_CLIENT_MEDIA", "any"),
            ("AGUI_SEND_EXPIRES_AT", "0"),
            ("AGUI_ANONYMOUS_APPROVALS", "0"),
            ("AGUI_REQUIRE_SIGNED_RESULTS", "0"),
        ];
        let other = [
            ("AGUI_CLIENT_COMPAT", "legacy"),
            ("AGUI_FRONTEND_TOOLS", "deny"),
            ("AGUI_CLIENT_CONTEXT", "deny"),
            ("AGUI_CLIENT_MEDIA", "deny"),
            ("AGUI_SEND_EXPIRES_AT", "1"),
            ("AGUI_ANONYMOUS_APPROVALS", "1"),
            ("AGUI_REQUIRE_SIGNED_RESULTS", "1"),
        ];

        assert_eq!(client(&[]).as_ref(), Ok(&open));
        assert_eq!(client(&same), Ok(open));
        assert_eq!(
            client(&other),
            Ok(ClientConfig {
                compat: ClientCompat::Legacy,
                frontend_tools: FrontendTools::Deny,
                context: false,
                media: false,
                send_expires_at: true,
                anonymous_approvals: true,
                require_signed_results: true,
            })
        );
    }

    #[test]
    fn anonymous_callers_may_approve_in_local_mode() {
        let local = [("AGUI_LOCAL", "1"), ("AGUI_TOKEN", "token")];
        for (variables, expected) in
            [(&local[..], true), (&[&local[..], &[("AGUI_ANONYMOUS_APPROVALS", "0")]].concat(), false)]
        {
            assert_eq!(read(variables).unwrap().client.anonymous_approvals, expected, "{variables:?}");
        }
    }

    #[test]
    fn frontend_tools_are_any_none_or_named() {
        let error = "AGUI_FRONTEND_TOOLS must be `any`, `deny`, or names of tools, separated by commas";
        for (value, names) in [
            ("paint", Some(&["paint"][..])),
            ("paint, change_background", Some(&["paint", "change_background"])),
            ("many", Some(&["many"])),
            ("Any", None),
            ("DENY", None),
            ("any,paint", None),
            ("paint,deny", None),
            ("paint draw", None),
        ] {
            let tools = client(&[("AGUI_FRONTEND_TOOLS", value)]).map(|client| client.frontend_tools);

            let names = names.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            assert_eq!(tools, names.map(FrontendTools::Allow).ok_or(error.into()), "{value}");
        }
    }

    #[test]
    fn error_names_the_variable_and_its_choices() {
        for (variable, value, may_hold) in [
            ("AGUI_CLIENT_COMPAT", "1.0", "must be `auto` or `legacy`"),
            ("AGUI_CLIENT_CONTEXT", "none", "must be `any` or `deny`"),
            ("AGUI_CLIENT_MEDIA", "image/png", "must be `any` or `deny`"),
            ("AGUI_SEND_EXPIRES_AT", "true", "must be `0` or `1`"),
            ("AGUI_ANONYMOUS_APPROVALS", "yes", "must be `0` or `1`"),
            ("AGUI_REQUIRE_SIGNED_RESULTS", "on", "must be `0` or `1`"),
        ] {
            assert_eq!(client(&[(variable, value)]), Err(format!("{variable} {may_hold}")), "{value}");
        }
    }
}
