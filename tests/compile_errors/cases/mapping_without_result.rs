//! The mapping from claims returns the caller itself.

use ag_ui_lambda::{Agent, Claims, Endpoint, demo};

struct Caller {
    org: Option<String>,
}

fn caller(claims: &Claims) -> Caller {
    Caller { org: claims.text("org").map(str::to_owned) }
}

fn main() {
    let agent = Agent::builder(demo(Default::default())).build().unwrap();
    let _endpoint = Endpoint::builder(agent, caller);
}
