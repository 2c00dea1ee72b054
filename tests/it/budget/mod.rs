//! Budgets in a DynamoDB table, which the processes of a function share.

mod across_processes;
