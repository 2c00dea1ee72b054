//! Which version of the protocol clients are answered in, and what they may bring into the prompt.

use super::{ConfigError, Variables, fault};
use crate::agent::{AgentBuilder, ClientCompat, FrontendTools};

/// What the agent lets clients do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientConfig {
    /// Which shapes of the protocol the events of a run have.
    pub compat: ClientCompat,
    /// Which tools of its own a client may offer to the model.
    pub frontend_tools: FrontendTools,
    /// Whether the model reads the context entries that clients send.
    pub context: bool,
    /// Whether the model reads pictures and other media that clients send.
    pub media: bool,
    /// Whether interrupts say when they expire.
    pub send_expires_at: bool,
}

impl ClientConfig {
    /// Sets all of it on an agent. `aws::agent` does so; an agent that starts from `Agent::builder` needs it.
    pub fn apply<C>(&self, agent: AgentBuilder<C>) -> AgentBuilder<C> {
        agent
            .client_compat(self.compat)
            .frontend_tools(self.frontend_tools.clone())
            .client_context(self.context)
            .client_media(self.media)
            .send_expires_at(self.send_expires_at)
    }
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    pub(super) fn client(&self) -> Result<ClientConfig, ConfigError> {
        Ok(ClientConfig {
            compat: match self.text("AGUI_CLIENT_COMPAT").as_deref() {
                None | Some("auto") => ClientCompat::Auto,
                Some("legacy") => ClientCompat::Legacy,
                Some(_) => return Err(fault("AGUI_CLIENT_COMPAT", "must be `auto` or `legacy`")),
            },
            frontend_tools: self.frontend_tools()?,
            context: self.is_any("AGUI_CLIENT_CONTEXT")?,
            media: self.is_any("AGUI_CLIENT_MEDIA")?,
            send_expires_at: match self.text("AGUI_SEND_EXPIRES_AT").as_deref() {
                None | Some("0") => false,
                Some("1") => true,
                Some(_) => return Err(fault("AGUI_SEND_EXPIRES_AT", "must be 0 or 1")),
            },
        })
    }

    fn frontend_tools(&self) -> Result<FrontendTools, ConfigError> {
        const VARIABLE: &str = "AGUI_FRONTEND_TOOLS";
        match self.text(VARIABLE).as_deref() {
            None | Some("any") => return Ok(FrontendTools::Any),
            Some("deny") => return Ok(FrontendTools::Deny),
            Some(_) => {}
        }
        let names = self.list(VARIABLE);
        // `any` among names, or written `Any`, would close what it was to open.
        let is_no_name = |name: &String| {
            ["any", "deny"].iter().any(|word| name.eq_ignore_ascii_case(word))
                || name.contains(char::is_whitespace)
        };
        if names.is_empty() || names.iter().any(is_no_name) {
            return Err(fault(VARIABLE, "must be `any`, `deny`, or names of tools, separated by commas"));
        }
        Ok(FrontendTools::Allow(names))
    }

    fn is_any(&self, variable: &'static str) -> Result<bool, ConfigError> {
        match self.text(variable).as_deref() {
            None | Some("any") => Ok(true),
            Some("deny") => Ok(false),
            Some(_) => Err(fault(variable, "must be `any` or `deny`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    fn client(variables: &[(&str, &str)]) -> Result<ClientConfig, String> {
        let base = [("AGUI_TOKEN_SECRET_ID", "token"), ("AGUI_MODEL", "scripted/demo")];
        read(&[&base, variables].concat()).map(|config| config.client).map_err(|error| error.to_string())
    }

    #[test]
    fn clients_may_bring_everything_unless_a_variable_says_otherwise() {
        let open = ClientConfig {
            compat: ClientCompat::Auto,
            frontend_tools: FrontendTools::Any,
            context: true,
            media: true,
            send_expires_at: false,
        };
        let same = [
            ("AGUI_CLIENT_COMPAT", "auto"),
            ("AGUI_FRONTEND_TOOLS", "any"),
            ("AGUI_CLIENT_CONTEXT", "any"),
            ("AGUI_CLIENT_MEDIA", "any"),
            ("AGUI_SEND_EXPIRES_AT", "0"),
        ];
        let other = [
            ("AGUI_CLIENT_COMPAT", "legacy"),
            ("AGUI_FRONTEND_TOOLS", "deny"),
            ("AGUI_CLIENT_CONTEXT", "deny"),
            ("AGUI_CLIENT_MEDIA", "deny"),
            ("AGUI_SEND_EXPIRES_AT", "1"),
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
            })
        );
    }

    #[test]
    fn tools_are_named_and_an_unusable_list_is_a_fault() {
        let fault = "AGUI_FRONTEND_TOOLS must be `any`, `deny`, or names of tools, separated by commas";
        for (value, names) in [
            ("paint", Some(&["paint"][..])),
            ("paint, change_background,", Some(&["paint", "change_background"])),
            ("many", Some(&["many"])),
            (",", None),
            ("Any", None),
            ("DENY", None),
            ("any,paint", None),
            ("paint,deny", None),
            ("paint draw", None),
        ] {
            let tools = client(&[("AGUI_FRONTEND_TOOLS", value)]).map(|client| client.frontend_tools);

            let names = names.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            assert_eq!(tools, names.map(FrontendTools::Allow).ok_or(fault.into()), "{value}");
        }
    }

    #[test]
    fn a_fault_names_the_variable_and_what_it_may_hold() {
        for (variable, value, may_hold) in [
            ("AGUI_CLIENT_COMPAT", "1.0", "must be `auto` or `legacy`"),
            ("AGUI_CLIENT_CONTEXT", "none", "must be `any` or `deny`"),
            ("AGUI_CLIENT_MEDIA", "image/png", "must be `any` or `deny`"),
            ("AGUI_SEND_EXPIRES_AT", "true", "must be 0 or 1"),
        ] {
            assert_eq!(client(&[(variable, value)]), Err(format!("{variable} {may_hold}")), "{value}");
        }
    }
}
