//! What is deployed: the templates, `make deploy`, and the dependencies of the packaged function.

mod cargo_lambda;
mod dependencies;
mod machine;
mod make_deploy;
mod make_deploy_faults;
mod stacks;
mod template;
mod workflow;
