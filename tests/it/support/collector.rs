//! A trace collector that speaks OpenTelemetry's protocol over HTTP. It can hold its response back.

use std::collections::BTreeMap;
use std::convert::Infallible;

use ag_ui_dev::loopback::Loopback;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::{Value, json};
use tokio::sync::watch;

/// A running collector. It stops when it is dropped.
pub(crate) struct Collector {
    pub(crate) url: String,
    handler: ExportHandler,
    _server: Loopback,
}

#[derive(Clone)]
struct ExportHandler {
    is_open: watch::Sender<bool>,
    /// The request bodies received so far, whether or not a response was sent.
    batches: watch::Sender<Vec<Bytes>>,
}

impl Collector {
    /// Starts a collector. If `is_open` is false, it receives batches and never responds.
    pub(crate) async fn start(is_open: bool) -> Self {
        let handler =
            ExportHandler { is_open: watch::Sender::new(is_open), batches: watch::Sender::new(Vec::new()) };
        let answers = handler.clone();
        let server = Loopback::serve(move |request| answers.clone().answer(request)).unwrap();
        Self { url: server.url(), handler, _server: server }
    }

    /// Waits until the collector has received at least one batch.
    pub(crate) async fn wait_for_batch(&self) {
        let mut came = self.handler.batches.subscribe();
        came.wait_for(|came| !came.is_empty()).await.unwrap();
    }

    /// Returns the batches received so far, encoded in Protobuf.
    pub(crate) fn batches(&self) -> Vec<Bytes> {
        self.handler.batches.borrow().clone()
    }

    /// Returns the spans received so far, in the order in which they ended.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let batches =
            self.batches().into_iter().map(|bytes| ExportTraceServiceRequest::decode(bytes).unwrap());
        let resources = batches.flat_map(|batch| batch.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }

    /// Returns the resource attributes of the first batch.
    pub(crate) fn resource(&self) -> BTreeMap<String, Value> {
        let batch = ExportTraceServiceRequest::decode(self.batches().remove(0)).unwrap();
        attributes(&batch.resource_spans[0].resource.as_ref().unwrap().attributes)
    }
}

/// Converts OpenTelemetry attributes to JSON, by name.
pub(crate) fn attributes(attributes: &[KeyValue]) -> BTreeMap<String, Value> {
    attributes.iter().map(|pair| (pair.key.clone(), json_of(pair.value.as_ref()))).collect()
}

/// Converts the value of an attribute to JSON. It panics for a type that the function never sends.
fn json_of(value: Option<&AnyValue>) -> Value {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Any::StringValue(text)) => json!(text),
        Some(Any::BoolValue(is)) => json!(is),
        Some(Any::IntValue(number)) => json!(number),
        Some(Any::ArrayValue(list)) => list.values.iter().map(|value| json_of(Some(value))).collect(),
        other => panic!("{other:?}"),
    }
}

impl ExportHandler {
    /// Records the batch in a request, and responds once the collector is open.
    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        assert_eq!(request.uri().path(), "/v1/traces");
        let body = request.into_body().collect().await.unwrap().to_bytes();
        self.batches.send_modify(|came| came.push(body));
        let mut is_open = self.is_open.subscribe();
        is_open.wait_for(|is_open| *is_open).await.unwrap();
        let answer = Response::builder().header("content-type", "application/x-protobuf");
        Ok(answer.body(Full::default()).unwrap())
    }
}
