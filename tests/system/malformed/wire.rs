//! Plain sockets: what goes over them, and what comes back. And requests that are no HTTP.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::request::Malformed;

/// An answer that is not there by then is a hang. (A node answers what it can answer in milliseconds.)
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// The time that a node waits for the rest of a body, and some more.
const SLOW_BODY_LIMIT: Duration = Duration::from_secs(20);

const NO_HTTP: &str = "wire: no HTTP";
const BAD_FRAME: &str = "wire: a body whose end cannot be known";
const CUT_OFF: &str = "wire: a body that ends too early";
const TOO_MUCH: &str = "wire: a head that is too large";

/// A response.
#[derive(Debug)]
pub struct Outcome {
    pub status: u16,
    pub body: Vec<u8>,
    /// True where the connection is at its end.
    pub is_closed: bool,
    headers: BTreeMap<String, String>,
}

impl Outcome {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// Sends all requests over some connections to each node; the outcomes are in their order.
pub fn send_all(urls: &[String], connections: usize, requests: &[Malformed]) -> Vec<Result<Outcome, String>> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for url in urls.iter().flat_map(|url| std::iter::repeat_n(url, connections)) {
            scope.spawn(|| {
                let mut connection = None;
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(request) = requests.get(at) else { return };
                    let outcome = exchange(url, &mut connection, request);
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner).insert(at, outcome);
                }
            });
        }
    });
    outcomes.into_inner().unwrap().into_values().collect()
}

fn connect(url: &str) -> TcpStream {
    let stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(ANSWER_LIMIT)).unwrap();
    stream.set_write_timeout(Some(ANSWER_LIMIT)).unwrap();
    stream
}

/// One request and its answer over the connection, or a new one after its end.
fn exchange(url: &str, connection: &mut Option<TcpStream>, request: &Malformed) -> Result<Outcome, String> {
    let mut stream = connection.take().unwrap_or_else(|| connect(url));
    // The answer may come, and the connection end, before all has been sent.
    let sent = stream.write_all(&request.bytes);
    if request.class == CUT_OFF {
        stream.shutdown(Shutdown::Write).map_err(|error| error.to_string())?;
    }
    let mut outcome = read_answer(&mut stream, request.is_head).map_err(|error| match sent {
        Ok(()) => error,
        Err(unsent) => format!("{error} (sending: {unsent})"),
    })?;
    outcome.is_closed |= outcome.header("connection") == Some("close") || is_closed(&stream);
    if !outcome.is_closed && !request.may_close {
        *connection = Some(stream);
    }
    Ok(outcome)
}

/// Returns true if the other end has closed the connection, or sent more than its response.
fn is_closed(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let seen = stream.peek(&mut [0]);
    stream.set_nonblocking(false).unwrap();
    !matches!(seen, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

fn read_answer(stream: &mut TcpStream, is_head: bool) -> Result<Outcome, String> {
    let started = Instant::now();
    let mut received = Vec::new();
    let mut more = |received: &mut Vec<u8>| {
        if started.elapsed() > ANSWER_LIMIT {
            return Err(format!("no answer within {ANSWER_LIMIT:?}"));
        }
        let mut buffer = [0; 8192];
        match stream.read(&mut buffer) {
            Ok(0) => Ok(false),
            Ok(count) => {
                received.extend_from_slice(&buffer[..count]);
                Ok(true)
            }
            Err(error) => Err(format!("no answer: {error}")),
        }
    };
    let head_end = loop {
        if let Some(at) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if !more(&mut received)? {
            return Err("the connection was closed without an answer".into());
        }
    };
    let head = String::from_utf8_lossy(&received[..head_end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status = status.ok_or_else(|| format!("the answer begins with {head}"))?;
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(Ok(0), |length| length.parse::<usize>());
    let length =
        if is_head || matches!(status, 204 | 304) { 0 } else { length.map_err(|error| error.to_string())? };
    let mut is_closed = false;
    while received.len() < head_end + length {
        if !more(&mut received)? {
            is_closed = true;
            break;
        }
    }
    Ok(Outcome { status, body: received.split_off(head_end), is_closed, headers })
}

/// A body that never comes to its end. It is not waited for while everything else is sent.
pub struct SlowBody(JoinHandle<Result<(u16, Duration), String>>);

impl SlowBody {
    pub fn start(url: &str) -> Self {
        let url = url.to_owned();
        Self(std::thread::spawn(move || {
            let mut stream = connect(&url);
            let head = "POST /v3/users HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"user\": ";
            stream.write_all(head.as_bytes()).map_err(|error| error.to_string())?;
            stream.set_read_timeout(Some(SLOW_BODY_LIMIT)).unwrap();
            let started = Instant::now();
            let mut received = [0; 1024];
            let count = stream.read(&mut received).map_err(|error| format!("no answer: {error}"))?;
            let answer = String::from_utf8_lossy(&received[..count]).into_owned();
            let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
            Ok((status.ok_or(answer)?, started.elapsed()))
        }))
    }

    /// The node has to have ended the wait.
    pub fn check(self) {
        let (status, after) = self.0.join().unwrap().unwrap();
        eprintln!("     1  {status}     wire: a body that does not come (answered after {after:?})");
        assert_eq!(status, 408);
    }
}

pub fn add(rng: &mut ChaCha8Rng, requests: &mut Vec<Malformed>) {
    let mut push = |class, bytes: Vec<u8>, expected: &[u16]| {
        let expected = expected.to_vec();
        let is_of_api = class == CUT_OFF;
        requests.push(Malformed { class, bytes, expected, is_head: false, may_close: true, is_of_api });
    };
    let host = "Host: x\r\n";
    for line in NO_REQUESTS {
        push(NO_HTTP, [line, format!("\r\n{host}\r\n").as_bytes()].concat(), &[400]);
    }
    for header in NO_HEADERS {
        push(NO_HTTP, [b"GET /v3/users HTTP/1.1\r\n", *header, b"\r\n\r\n"].concat(), &[400]);
    }
    for framing in BAD_FRAMES {
        push(
            BAD_FRAME,
            format!("POST /v3/users HTTP/1.1\r\n{host}{framing}\r\n\r\n{{}}").into_bytes(),
            &[400],
        );
    }
    for body in BAD_CHUNKS {
        let head = format!("POST /v3/users HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n");
        push(CUT_OFF, [head.as_bytes(), body].concat(), &[400]);
    }
    for _ in 0..20 {
        let length = rng.random_range(20..100_000);
        let head = format!("POST /v3/users HTTP/1.1\r\n{host}Content-Length: {length}\r\n\r\n{{\"user\"");
        push(CUT_OFF, head.into_bytes(), &[400]);
        let junk: Vec<u8> = (0..rng.random_range(1..300)).map(|_| rng.random_range(0x80..=0xff)).collect();
        push(NO_HTTP, [&junk[..], b"\r\n\r\n"].concat(), &[400]);
        let value = vec![b'a'; *[450_000, 700_000].choose(rng).unwrap()];
        push(TOO_MUCH, [b"GET /v3 HTTP/1.1\r\nX: ", &value[..], b"\r\n\r\n"].concat(), &[431]);
        let many = "X: y\r\n".repeat(rng.random_range(101..500));
        push(TOO_MUCH, format!("GET /v3 HTTP/1.1\r\n{many}\r\n").into_bytes(), &[431]);
        let path = "a".repeat(rng.random_range(65_536..100_000));
        push(TOO_MUCH, format!("GET /{path} HTTP/1.1\r\n{host}\r\n").into_bytes(), &[414]);
    }
}

const NO_REQUESTS: &[&[u8]] = &[
    b"GET",
    b"GET /v3",
    b"GET  HTTP/1.1",
    b"GET /v3 HTTP/9.9",
    b"GET /v3 HTTP/1.2",
    b"GET /v3 HTTPS/1.1",
    b"GET /v3 http/1.1",
    b"GET /v3 HTTP/1.1 x",
    b"GET /v3 users HTTP/1.1",
    b"/v3 GET HTTP/1.1",
    b"G\0T /v3 HTTP/1.1",
    b"GET /v3/\0 HTTP/1.1",
    b"GET /v3/\x01 HTTP/1.1",
    b"GET /v3\t HTTP/1.1",
    b"(GET) /v3 HTTP/1.1",
    b"GET /v3/users?a=\x7f HTTP/1.1",
    b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    b"{\"user\": {}}",
    b"GET /v3 HTTP/",
    b"GET /v3/<x> HTTP/1.1",
    b"GET http:// HTTP/1.1",
    b"SSH-2.0-x",
];

const NO_HEADERS: &[&[u8]] = &[
    b"Host",
    b"X-Auth-Token",
    b"X-Auth-Token : x",
    b" X: y",
    b": x",
    b"X-\0: y",
    b"X: a\0b",
    b"X: a\x01b",
    b"X-\xff: y",
    b"X(y): z",
    b"X: y\r\n\x0b: z",
    b"X Y: z",
    b"X-Auth-Token: a\x7fb",
    b"X\r: y",
];

const BAD_FRAMES: &[&str] = &[
    "Content-Length: abc",
    "Content-Length: -1",
    "Content-Length: +2",
    "Content-Length: 2, 3",
    "Content-Length: 0x2",
    "Content-Length: 2\r\nContent-Length: 3",
    "Content-Length: 99999999999999999999999",
    "Content-Length: 2.0",
    "Content-Length: ",
    "Content-Length: 2 2",
    "Transfer-Encoding: gzip",
    "Transfer-Encoding: chunked, gzip",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: identity",
    "Content-Length: 2\r\nTransfer-Encoding: gzip",
];

const BAD_CHUNKS: &[&[u8]] = &[
    b"zz\r\n{}\r\n0\r\n\r\n",
    b"-2\r\n{}\r\n0\r\n\r\n",
    b"2\r\n{}x\r\n0\r\n\r\n",
    b"2\r\n{}",
    b"2\r\n{}\r\n",
    b"5\r\n{}",
    b"fffffffffffffffff\r\n{}\r\n",
    b"2\n{}\n0\n\n",
    b"\r\n{}\r\n0\r\n\r\n",
    b"2 2\r\n{}\r\n0\r\n\r\n",
];
