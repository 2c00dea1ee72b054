//! A Bedrock on this machine: HTTP/1.1 on threads, real event-stream frames, and faults by the byte.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_bedrockruntime::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use serde_json::Value;
use tokio::sync::Notify;

use crate::model::Bedrock;

pub(super) const REQUEST_ID: &str = "6c1f9f0e-0000-4000-8000-000000000001";

/// How the body of an answer ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Whole,
    /// The connection is closed before the body's end.
    Dropped,
    /// Nothing more comes.
    Silent,
}

/// One answer.
pub(super) enum Answer {
    /// An event stream of these bytes.
    Events(Vec<u8>, End),
    /// A status line, further header lines and a JSON body.
    Error(&'static str, String, String),
    /// The connection is closed before any byte of an answer.
    Reset,
}

/// What came in: the first line and the body.
pub(super) type Seen = (String, String);

pub(super) struct Server {
    address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<Mutex<usize>>,
    /// The client closed the connection of a silent answer.
    pub(super) hung_up: Arc<Notify>,
}

impl Server {
    /// Gives these answers in this order, over any number of connections; then 404s.
    pub(super) fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers = Arc::new(Mutex::new(answers.into_iter().collect::<VecDeque<_>>()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server =
            Self { address, seen: Arc::default(), connections: Arc::default(), hung_up: Arc::default() };
        let (seen, connections) = (Arc::clone(&server.seen), Arc::clone(&server.connections));
        let hung_up = Arc::clone(&server.hung_up);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                *connections.lock().unwrap() += 1;
                let (answers, seen, hung_up) =
                    (Arc::clone(&answers), Arc::clone(&seen), Arc::clone(&hung_up));
                std::thread::spawn(move || serve(connection.unwrap(), &answers, &seen, &hung_up));
            }
        });
        server
    }

    /// A model that asks this server.
    pub(super) fn model(&self, id: &str) -> Bedrock {
        Bedrock::new(id).with_config(&self.config())
    }

    pub(super) fn config(&self) -> SdkConfig {
        let credentials = Credentials::new("AKIDEXAMPLE", "s3cret", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&self.address)
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build()
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

fn serve(
    connection: TcpStream,
    answers: &Mutex<VecDeque<Answer>>,
    seen: &Mutex<Vec<Seen>>,
    hung_up: &Notify,
) -> Option<()> {
    connection.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(connection.try_clone().ok()?);
    let mut writer = connection;
    loop {
        let (first_line, body) = read(&mut reader)?;
        let is_get = first_line.starts_with("GET");
        seen.lock().unwrap().push((first_line, String::from_utf8(body).ok()?));
        let answer = if is_get { None } else { answers.lock().unwrap().pop_front() };
        match answer {
            Some(Answer::Events(bytes, end)) => {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\n";
                write!(writer, "{head}x-amzn-requestid: {REQUEST_ID}\r\ntransfer-encoding: chunked\r\n\r\n")
                    .ok()?;
                if !bytes.is_empty() {
                    write!(writer, "{:x}\r\n", bytes.len()).ok()?;
                    writer.write_all(&bytes).ok()?;
                    writer.write_all(b"\r\n").ok()?;
                }
                match end {
                    End::Whole => writer.write_all(b"0\r\n\r\n").ok()?,
                    End::Dropped => return None,
                    // Until the client has had enough.
                    End::Silent => {
                        let _ = reader.read(&mut [0]);
                        hung_up.notify_one();
                        return None;
                    }
                }
            }
            Some(Answer::Error(status, headers, body)) => {
                let length = body.len();
                write!(
                    writer,
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-amzn-requestid: {REQUEST_ID}\r\n\
                     {headers}content-length: {length}\r\n\r\n{body}"
                )
                .ok()?;
            }
            Some(Answer::Reset) => return None,
            None => write!(
                writer,
                "HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
            )
            .ok()?,
        }
    }
}

/// First line and body of a request; `None` at the end of the connection.
fn read(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut first_line = String::new();
    reader.read_line(&mut first_line).ok().filter(|read| *read > 0)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((first_line.trim_end().to_owned(), body))
}

/// The bytes of an event.
pub(super) fn event(kind: &str, payload: &Value) -> Vec<u8> {
    frame(&[(":message-type", "event"), (":event-type", kind)], payload)
}

/// The bytes of an exception.
pub(super) fn exception(kind: &str, payload: &Value) -> Vec<u8> {
    frame(&[(":message-type", "exception"), (":exception-type", kind)], payload)
}

fn frame(headers: &[(&'static str, &str)], payload: &Value) -> Vec<u8> {
    let mut message = Message::new(payload.to_string().into_bytes());
    for (name, value) in headers.iter().chain(&[(":content-type", "application/json")]) {
        message = message.add_header(Header::new(*name, HeaderValue::String(value.to_string().into())));
    }
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).unwrap();
    bytes
}
