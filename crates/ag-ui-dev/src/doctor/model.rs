//! The checks of the model: its name, the access to Bedrock, and the other providers.

use super::account::Account;
use super::machine::Machine;
use super::models::{Models, check_names};
use super::project::Project;
use super::report::Finding;
use super::secrets::Secrets;
use super::settings::Settings;
use super::{model_access, providers};

/// Makes the checks of the group "Model".
pub(super) async fn check(
    machine: &Machine,
    project: &Project,
    account: &Account,
    secrets: &Secrets,
) -> Vec<Finding> {
    let models = Models::find(machine, project);
    if let Some(reason) = &models.undecided {
        return Finding::all_skipped(&["model", "bedrock-access", "provider"], reason);
    }
    let settings = Settings { machine, project };
    vec![
        check_names(&models),
        model_access::check(&models, account).await,
        providers::check(settings, &models, account, secrets).await,
    ]
}
