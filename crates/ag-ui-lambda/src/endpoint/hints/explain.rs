//! Chooses the hint for each rejection.

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::quote::quoted;
use super::{DeveloperHints, RejectedRequest, auth, input};
use crate::agent::StartRunError;
use crate::budget::{BudgetRefusal, SubjectKind};
use crate::endpoint::rejection::Rejection;
use crate::endpoint::routes::{CAPABILITIES_PATH, HEALTH_PATH};
use crate::suggest::nearest;

/// Returns the hint for a rejection: one or more sentences for the developer. `None` if there is nothing to add to
/// the rejection.
pub(in super::super) fn hint_for(
    hints: &DeveloperHints,
    rejection: &Rejection,
    request: &RejectedRequest<'_>,
) -> Option<String> {
    match rejection {
        Rejection::NotFound => Some(suggest_path(request)),
        Rejection::MethodNotAllowed { allowed } => Some(format!(
            "Send {allowed} {}. {}",
            quoted(request.head.uri.path()),
            list_routes(request)
        )),
        Rejection::Unauthenticated(error) => Some(auth::explain_auth_error(hints, *error, request)),
        Rejection::Forbidden(reason) => Some(auth::explain_forbidden(reason)),
        Rejection::UnsupportedMediaType => Some(explain_media_type(&request.head.headers)),
        Rejection::BodyTooLarge { .. } => Some("AGUI_MAX_BODY_BYTES sets the limit.".into()),
        Rejection::BadJson(error) => input::describe_position(request.body, error.line, error.column),
        Rejection::BadInput(error) => input::describe_fault(request.body, error),
        Rejection::InputTooLarge(_) => {
            Some("Each limit has a variable: see \"Limits\" in docs/configuration.md.".into())
        }
        Rejection::UnsupportedProtocolVersion => {
            let sent = input::value_at(request.body, "/protocolVersion").map(|sent| input::describe(&sent));
            Some(format!("{} Send \"1.0\", or leave it out.", sent.unwrap_or_default()))
        }
        Rejection::Run(StartRunError::ToolNameTaken { index }) => {
            let name = input::value_at(request.body, &format!("/tools/{index}/name"))?;
            Some(format!(
                "The front end's tool {} has the name of a tool of this agent, or of another tool of the front end. \
                 Rename it, or leave it out.",
                quoted(name.as_str()?)
            ))
        }
        Rejection::Run(StartRunError::ApprovalKeyUnavailable) => Some(
            "The key of approvals cannot be read: the log has the cause. On your own machine AGUI_APPROVAL_KEY may \
             hold the key itself."
                .into(),
        ),
        Rejection::BudgetUsed(refusal) => Some(explain_budget(refusal)),
        Rejection::AdmissionUnavailable => {
            Some("Set a timeout on what your function for admission awaits: see docs/admission.md.".into())
        }
        Rejection::BodyUnreadable
        | Rejection::NotAdmitted(_)
        | Rejection::Internal
        | Rejection::ResponseTooLarge { .. } => None,
    }
}

/// Returns the hint for a run for which a budget has no room: which budget it is, and how it begins anew.
fn explain_budget(refusal: &BudgetRefusal) -> String {
    let budget = match refusal.kind {
        SubjectKind::User => "AGUI_BUDGET_USER_TOKENS sets the budget of this user",
        SubjectKind::Organization => "AGUI_BUDGET_ORG_TOKENS sets the budget of this user's organisation",
    };
    format!("{budget}. Without AGUI_TABLE it is counted in memory: a restart begins it anew.")
}

/// Returns a sentence that lists all methods and paths of the endpoint.
fn list_routes(request: &RejectedRequest<'_>) -> String {
    let run_path = request.run_path;
    let mut routes =
        format!("Served are POST / and POST {run_path}, GET {CAPABILITIES_PATH} and GET {HEALTH_PATH}.");
    for path in &request.agent_paths {
        routes.push_str(&format!(" Another agent is at POST {path} and GET {path}{CAPABILITIES_PATH}."));
    }
    routes
}

/// Returns the hint for an unknown path: the known path that is most similar, if one is, and the list of all.
fn suggest_path(request: &RejectedRequest<'_>) -> String {
    let known = [CAPABILITIES_PATH, HEALTH_PATH, request.run_path].into_iter();
    let near = nearest(request.head.uri.path(), known.chain(request.agent_paths.iter().copied()));
    let suggestion = near.map(|path| format!("Did you mean {path}? ")).unwrap_or_default();
    format!("{suggestion}{}", list_routes(request))
}

/// Returns the hint for a body that is not declared as JSON: the content type of the request, and the right one.
fn explain_media_type(headers: &HeaderMap) -> String {
    let send = "Send the header content-type: application/json.";
    match headers.get(CONTENT_TYPE).and_then(|sent| sent.to_str().ok()) {
        Some(sent) => format!("The content type is {}. {send}", quoted(sent)),
        None => format!("The header content-type is missing. {send}"),
    }
}
