//! The shared token, through the real function and Secrets Manager as moto plays it.

use crate::support::function::{Reply, TOKEN, function, says, url_event};
use crate::support::moto::Moto;

#[tokio::test]
async fn given_a_secret_when_a_request_shows_its_token_then_it_is_served_and_others_are_not() {
    let moto = Moto::shared();
    moto.create_secret("served", &format!(r#"{{"token":"{TOKEN}"}}"#)).await;
    let variables = [("AGUI_TOKEN_SECRET_ID", "served"), ("AGUI_MODEL", "scripted/demo")];
    let function = function(moto.env().iter().chain(&variables)).await;

    let served = Reply::to(&function, &url_event(&[("x-agui-token", TOKEN)], &says("Hello"))).await;
    let refused = Reply::to(&function, &url_event(&[("x-agui-token", "guess")], &says("Hello"))).await;

    assert_eq!((served.status, refused.status), (200, 401));
    assert!(!served.events.is_empty());
    assert_eq!(refused.json()["error"]["code"], "UNAUTHENTICATED");
}
