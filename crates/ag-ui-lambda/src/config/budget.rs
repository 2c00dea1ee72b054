//! Budgets of tokens, and the table that all processes of a function share.

#[cfg(not(feature = "dynamodb"))]
use super::vars::VariableError;
use super::vars::Variables;

/// How many tokens users and organisations may use on a day, and where it is counted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BudgetConfig {
    /// The tokens of each user: `AGUI_BUDGET_USER_TOKENS`. `None` if users have no budget.
    pub user_tokens: Option<u64>,
    /// The tokens of each organisation: `AGUI_BUDGET_ORG_TOKENS`. `None` if organisations have no budget.
    pub org_tokens: Option<u64>,
    /// The name of the DynamoDB table that counts them: `AGUI_TABLE`. `None` only in local mode, where they are counted in
    /// memory.
    pub table: Option<String>,
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    /// Reads the name of the table that all processes of the function share. Its older name is read as well.
    pub(super) fn table(&mut self) -> Option<String> {
        let (table, older) = (self.resource("AGUI_TABLE"), self.resource("AGUI_APPROVAL_TABLE"));
        if table.is_some() && older.as_ref().is_some_and(|older| table.as_ref() != Some(older)) {
            let problem =
                "is the older name of AGUI_TABLE, and the two name different tables; keep AGUI_TABLE";
            self.report("AGUI_APPROVAL_TABLE", problem);
        }
        #[cfg(not(feature = "dynamodb"))]
        if table.is_some() || older.is_some() {
            let VariableError { variable, problem } = tables_unsupported_error();
            self.report(variable, problem);
        }
        table.or(older)
    }

    /// Reads the budgets; `None` if none is set. A budget without a table is reported unless `is_local` is set, because each
    /// process of a function would count for itself.
    pub(super) fn budgets(&mut self, is_local: bool, table: Option<String>) -> Option<BudgetConfig> {
        let user_tokens = self.optional_count("AGUI_BUDGET_USER_TOKENS");
        let org_tokens = self.optional_count("AGUI_BUDGET_ORG_TOKENS");
        user_tokens.or(org_tokens)?;
        if table.is_none() && !is_local {
            self.report(
                "AGUI_TABLE",
                "must name a DynamoDB table if AGUI_BUDGET_USER_TOKENS or AGUI_BUDGET_ORG_TOKENS is set, \
                 because all processes of the function count a budget together",
            );
        }
        Some(BudgetConfig { user_tokens, org_tokens, table })
    }
}

/// Returns the error for `AGUI_TABLE` in a build without the feature `dynamodb`, which cannot use a table.
#[cfg(not(feature = "dynamodb"))]
pub(crate) fn tables_unsupported_error() -> VariableError {
    VariableError::new(
        "AGUI_TABLE",
        "needs the feature `dynamodb` of ag-ui-lambda, which this function was built without",
    )
}
