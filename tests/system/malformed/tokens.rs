//! Tokens that were valid before something happened to them, and tokens that are sealed with the right keys and say
//! what cannot be.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use keyraft::token::payload::{Payload, PayloadId, PayloadScope};
use keyraft_cluster::Random;
use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::request::{Draft, Malformed};
use super::shapes::valid_body;
use super::world::World;

const ALTERED: &str = "token: altered";
const ALTERED_SUBJECT: &str = "token: altered, in X-Subject-Token";
const ALTERED_LOGIN: &str = "token: altered, in a log-in";
const SEALED: &str = "token: sealed with the right key around rubbish";
const SEALED_SUBJECT: &str = "token: sealed around rubbish, in X-Subject-Token";

/// The default domain of the cluster.
const DEFAULT_DOMAIN: &str = "default";

pub fn add(world: &World, rng: &mut ChaCha8Rng, requests: &mut Vec<Malformed>) {
    for route in world.routes.iter().filter(|route| route.needs_token) {
        let path = world.path(&route.path);
        let body = valid_body(route);
        let draft = || Draft::new(&route.method, &path).maybe_json(body.as_ref());
        for _ in 0..4 {
            requests.push(draft().token(Some(&altered(&world.admin, rng))).expect(ALTERED, 401));
        }
        requests.push(draft().token(Some(&sealed(world, rng))).expect(SEALED, 401));
    }
    for method in ["GET", "HEAD", "DELETE"] {
        for _ in 0..50 {
            let draft = || Draft::new(method, "/v3/auth/tokens").token(Some(&world.admin));
            let token = altered(&world.admin, rng);
            let about = draft().header("X-Subject-Token", token.as_bytes());
            requests.push(about.expect(ALTERED_SUBJECT, 404));
            let token = sealed(world, rng);
            let about = draft().header("X-Subject-Token", token.as_bytes());
            requests.push(about.expect(SEALED_SUBJECT, 404));
        }
    }
    for _ in 0..60 {
        let token = if rng.random() { altered(&world.admin, rng) } else { sealed(world, rng) };
        let body = json!({"auth": {"identity": {"methods": ["token"], "token": {"id": token}}}});
        requests.push(Draft::new("POST", "/v3/auth/tokens").json(&body).expect(ALTERED_LOGIN, 404));
    }
}

/// The token after something has happened to it. It never comes out as it was: padding after its end is ignored, so
/// none is put there.
fn altered(token: &str, rng: &mut ChaCha8Rng) -> String {
    let mut bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
    let last = bytes.len();
    match rng.random_range(0..14) {
        // Any bit.
        0..=2 => {
            let at = rng.random_range(0..last);
            bytes[at] ^= 1 << rng.random_range(0..8);
        }
        // Another version.
        3 => bytes[0] = *[0x00, 0x7f, 0x81, 0xff, 0x90].choose(rng).unwrap(),
        // Issued in the future, at the end of time, or before it began.
        4 => {
            let now = u64::from_be_bytes(bytes[1..9].try_into().unwrap());
            let other = *[now + 1, now + 3_600, now << 1, u64::MAX, i64::MAX as u64, 0].choose(rng).unwrap();
            bytes[1..9].copy_from_slice(&other.to_be_bytes());
        }
        5 => bytes.truncate(rng.random_range(0..last)),
        6 => bytes.extend((0..rng.random_range(1..100)).map(|_| rng.random::<u8>())),
        // Without a signature, or with one of nothing.
        7 => bytes[last - 32..].fill(0),
        // The same blocks in another order.
        8 => {
            let (one, other) = (25, last - 48);
            (0..16).for_each(|step| bytes.swap(one + step, other + step));
            bytes[last - 1] ^= 1;
        }
        // Text that is no base64, or another one.
        9 => {
            let at = rng.random_range(1..token.len());
            let inserted =
                *["=", "==", " ", "%3D", ".", "\t", "\u{e9}", "+", "/", "\"", ","].choose(rng).unwrap();
            return format!("{}{inserted}{}", &token[..at], &token[at..]);
        }
        10 => return token[..rng.random_range(1..token.len())].to_owned(),
        11 => return format!("{token}{token}"),
        12 => return format!("{}+/", STANDARD_NO_PAD.encode(&bytes)),
        _ => {
            let mut characters: Vec<char> = token.chars().collect();
            characters.shuffle(rng);
            return format!("x{}", characters.into_iter().collect::<String>());
        }
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with a right signature around a payload that is none, or that is of nobody, or over.
fn sealed(world: &World, rng: &mut ChaCha8Rng) -> String {
    let opened = world.keys.open(&world.admin).unwrap();
    let issued_at = *[0, opened.issued_at_seconds, u64::MAX].choose(rng).unwrap();
    let payload = Payload::decode(&opened.plaintext, DEFAULT_DOMAIN).unwrap();
    let encoded = |payload: Payload| payload.encode(DEFAULT_DOMAIN).unwrap();
    let mut bytes = opened.plaintext.clone();
    let plaintext = match rng.random_range(0..9) {
        0 => Vec::new(),
        1 => bytes[..rng.random_range(1..bytes.len())].to_vec(),
        2 => [&bytes[..], &[rng.random()]].concat(),
        // An unknown version.
        3 => {
            bytes[1] = rng.random_range(11..0x80);
            bytes
        }
        // Lengths that promise more than there is.
        4 => {
            let claims: &[&[u8]] = &[
                b"\xdd\xff\xff\xff\xff",
                b"\xdc\xff\xff",
                b"\xdf\xff\xff\xff\xff",
                b"\xc6\xff\xff\xff\xff",
                b"\x9f",
                b"\x95\x00\xdb\xff\xff\xff\xff",
                b"\x96\x04\x92\xc3\xc6\xff\xff\xff\xff",
            ];
            claims.choose(rng).unwrap().to_vec()
        }
        5 => vec![0x91; rng.random_range(1_000..8_000)],
        6 => encoded(Payload { user: PayloadId::Uuid(rng.random()), ..payload }),
        7 => encoded(Payload { expires_at_seconds: rng.random_range(0..1_000_000_000), ..payload }),
        _ => encoded(Payload { scope: PayloadScope::Project(PayloadId::Uuid(rng.random())), ..payload }),
    };
    world.keys.seal(&Drawn(rng.random()), issued_at, &plaintext)
}

/// Randomness for one token.
struct Drawn([u8; 16]);

impl Random for Drawn {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.iter_mut().zip(self.0.iter().cycle()).for_each(|(to, from)| *to = *from);
    }
}
