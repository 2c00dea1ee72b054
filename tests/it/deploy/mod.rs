//! What is deployed: the SAM template, `make deploy`, and the dependencies of the packaged function.

mod dependencies;
mod make_deploy;
mod template;
