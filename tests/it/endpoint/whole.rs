//! A whole answer, for a door that takes no stream: all of a run and nothing else, within the room that there is.

use std::time::Duration;

use ag_ui_lambda::endpoint::{Endpoint, Room, RunDeadline, Tenant};
use ag_ui_lambda::model::{Script, Scripted};
use bytes::Bytes;
use http::Response;
use serde_json::Value;
use tokio::time::Instant;

use crate::support::endpoint::{Asked, endpoint, endpoint_of, post};
use crate::support::oracle;
use crate::support::scenario::Caller;
use crate::support::sse::events;

const ENOUGH: Room = Room { limit: 1 << 20, reserve: 1 << 10, weigh: <[u8]>::len };

fn playing(script: impl Fn() -> Script + Send + Sync + 'static) -> Endpoint<Caller> {
    endpoint_of(Scripted::new(move |_| script())).build().unwrap()
}

fn words(count: usize) -> Endpoint<Caller> {
    playing(move || Script::new().words(&"word ".repeat(count)))
}

async fn whole(endpoint: &Endpoint<Caller>, asked: Asked, room: &Room) -> Response<String> {
    let response = endpoint.handle_whole(asked.request(), room).await;
    response.map(|body: Bytes| String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn given_a_long_silence_then_there_is_no_comment_in_a_whole_answer() {
    let endpoint = playing(|| Script::new().pause(Duration::from_secs(40)).text("Hi"));

    let answer = whole(&endpoint, post(), &ENOUGH).await;

    assert!(!answer.body().contains("keep-alive"));
    assert_eq!(oracle::check(&events(answer.body())), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn given_a_deadline_then_a_whole_answer_is_complete_2_s_before_it() {
    let endpoint = playing(|| Script::new().text("Let me").pause(Duration::from_secs(3600)));
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut request = post().request();
    request.extensions_mut().insert(RunDeadline(deadline));

    let answer = endpoint.handle_whole(request, &ENOUGH).await;

    assert_eq!(deadline - Instant::now(), Duration::from_secs(2));
    let events = events(std::str::from_utf8(answer.body()).unwrap());
    assert_eq!(events.last().unwrap()["metadata"]["ag_ui_lambda"]["reason"], "DEADLINE");
}

#[tokio::test]
async fn given_less_room_than_a_run_takes_then_it_ends_as_cancelled_within_the_room() {
    for limit in [4 << 10, 8 << 10, 64 << 10] {
        let room = Room { limit, ..ENOUGH };

        let answer = whole(&words(10_000), post(), &room).await;

        assert_eq!(answer.status(), 200);
        assert!(answer.body().len() <= limit, "{} of {limit}", answer.body().len());
        let events = events(answer.body());
        assert_eq!(oracle::check(&events), Ok(()), "{limit}");
        let last = events.last().unwrap();
        assert_eq!(last["metadata"]["ag_ui_lambda"]["reason"], "MAX_RESPONSE_BYTES", "{limit}");
    }
}

#[tokio::test]
async fn given_a_room_that_is_weighed_another_way_then_the_weight_counts() {
    let heavy = Room { weigh: |bytes| bytes.len() * 100, reserve: 100 << 10, ..ENOUGH };

    let light = whole(&words(1000), post(), &ENOUGH).await;
    let heavy = whole(&words(1000), post(), &heavy).await;

    assert_eq!(events(light.body()).last().unwrap()["outcome"]["type"], "success");
    assert_eq!(events(heavy.body()).last().unwrap()["outcome"]["type"], "cancelled");
}

#[tokio::test]
async fn given_an_event_that_is_longer_than_the_room_then_the_answer_is_a_refusal() {
    let room = Room { limit: 2048, ..ENOUGH };
    let endpoint = playing(|| Script::new().text("a".repeat(4096)));

    let answer = whole(&endpoint, post(), &room).await;

    assert_eq!(answer.status(), 500);
    assert_eq!(answer.headers()["content-type"], "application/json");
    let body: Value = serde_json::from_str(answer.body()).unwrap();
    assert_eq!(body["error"]["code"], "RESPONSE_TOO_LARGE");
    assert!(body["error"]["message"].as_str().unwrap().contains("2048"));
}

#[tokio::test]
async fn a_refusal_is_the_same_whole_as_streamed() {
    let endpoint = endpoint().build().unwrap();
    for asked in [post().without("x-agui-token"), post().at("GET", "/"), post().at("POST", "/nowhere")] {
        let streamed = asked.clone().to(&endpoint).await;

        let answer = whole(&endpoint, asked, &ENOUGH).await;

        assert_eq!((answer.status().as_u16(), answer.headers()), (streamed.status, &streamed.headers));
        assert_eq!(*answer.body(), streamed.text);
    }
}

#[tokio::test]
async fn given_an_environment_of_a_tenant_then_an_anonymous_caller_is_of_another() {
    let endpoint = endpoint().build().unwrap();
    let mut request = post().request();
    request.extensions_mut().insert(Tenant("acme".into()));

    assert_eq!(endpoint.handle(request).await.status(), 403);
}
