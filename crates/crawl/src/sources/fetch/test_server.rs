//! A web server on loopback that says what a test wrote down.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::sources::Source;

/// The bytes of one answer, and what comes after them.
#[derive(Clone)]
pub(super) enum Answer {
    /// The end.
    Close(Vec<u8>),
    /// Silence.
    Stall(Vec<u8>),
}

/// Gives each connection the next answer, and stops when dropped.
pub(super) struct TestServer {
    addr: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    _task: AbortOnDropHandle<()>,
}

impl TestServer {
    pub(super) async fn start(answers: &[Answer]) -> TestServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(serve(listener, answers.to_vec(), requests.clone()));
        TestServer {
            addr,
            requests,
            _task: AbortOnDropHandle::new(task),
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(super) fn source(&self, path: &str) -> Source {
        Source::Url(self.url() + path)
    }

    /// Returns the heads of all requests so far.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(listener: TcpListener, answers: Vec<Answer>, requests: Arc<Mutex<Vec<String>>>) {
    // Held, so that their connections stay open.
    let mut stalled = Vec::new();
    for answer in answers {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = read_head(&mut stream).await;
        requests.lock().unwrap().push(head);
        let (Answer::Close(bytes) | Answer::Stall(bytes)) = &answer;
        // A client that has seen enough is free to go.
        let _ = stream.write_all(bytes).await;
        match answer {
            Answer::Close(_) => drop(stream),
            Answer::Stall(_) => stalled.push(stream),
        }
    }
    std::future::pending::<()>().await;
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap().to_lowercase()
}

/// Packs bytes as gzip.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
