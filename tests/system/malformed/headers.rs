//! Headers: tokens that are none, and rubbish beside a request that is refused for another reason.

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::request::{Draft, Malformed};
use super::shapes::valid_body;
use super::world::World;

const TOKEN: &str = "header: X-Auth-Token is none";
const TWO_TOKENS: &str = "header: two X-Auth-Token";
const SUBJECT: &str = "header: X-Subject-Token is none";
const RUBBISH: &str = "header: rubbish beside a refused request";

pub fn add(world: &World, rng: &mut ChaCha8Rng, requests: &mut Vec<Malformed>) {
    for route in world.routes.iter().filter(|route| route.needs_token) {
        let path = world.path(&route.path);
        let body = valid_body(route);
        let draft = || Draft::new(&route.method, &path).maybe_json(body.as_ref());
        for _ in 0..3 {
            requests.push(draft().header("X-Auth-Token", &no_token(rng)).expect(TOKEN, 401));
        }
        let (first, second) =
            if rng.random() { ("", world.admin.as_str()) } else { (world.admin.as_str(), "x") };
        let two = draft().header("X-Auth-Token", first.as_bytes()).header("X-Auth-Token", second.as_bytes());
        requests.push(two.expect(TWO_TOKENS, 401));
        for _ in 0..2 {
            let (name, value) = rubbish(rng);
            requests.push(draft().header(name, &value).expect(RUBBISH, 401));
        }
    }
    for method in ["GET", "HEAD", "DELETE"] {
        for _ in 0..40 {
            let draft = Draft::new(method, "/v3/auth/tokens").header("X-Subject-Token", &no_token(rng));
            requests.push(draft.clone().token(Some(&world.admin)).expect(SUBJECT, 404));
            requests.push(draft.expect(SUBJECT, 401));
        }
        let draft = Draft::new(method, "/v3/auth/tokens").token(Some(&world.admin));
        requests.push(draft.expect(SUBJECT, 404));
    }
    for _ in 0..60 {
        let (name, value) = rubbish(rng);
        let draft = Draft::new("GET", "/v3/users/nobody").token(Some(&world.admin));
        requests.push(draft.header(name, &value).expect(RUBBISH, 404));
    }
}

/// A value that HTTP lets pass and that is no token.
fn no_token(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let fixed: &[&[u8]] = &[
        b"",
        b"x",
        b"null",
        b"None",
        b"undefined",
        b"ADMIN",
        b"Bearer gAAAAAB",
        b"gAAAAAB",
        b"=",
        b"====",
        b"\"\"",
        b"../../etc/passwd",
        b"%00",
        b"' OR '1'='1",
        b"{\"id\": 1}",
        b"\xff\xfe\xfd",
        b"caf\xc3\xa9",
        b"\xc3",
        b"a\tb",
        b"00000000000000000000000000000000",
        b"$(id)",
        b"${jndi:ldap://x}",
        b"<script>",
        b"a, b",
        b"a; b",
    ];
    match rng.random_range(0..4) {
        0 => {
            let length = *[300, 5_000, 16_384, 16_385, 60_000].choose(rng).unwrap();
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let prefix = b"gAAAAAB".to_vec();
            prefix.into_iter().chain((0..length).map(|_| *alphabet.choose(rng).unwrap())).collect()
        }
        1 => (0..rng.random_range(1..200)).map(|_| rng.random_range(0x80..=0xff)).collect(),
        _ => fixed.choose(rng).unwrap().to_vec(),
    }
}

/// A header that changes nothing about the answer.
fn rubbish(rng: &mut ChaCha8Rng) -> (&'static str, Vec<u8>) {
    let names = [
        "Accept",
        "Accept-Language",
        "Accept-Encoding",
        "Accept-Charset",
        "Range",
        "If-None-Match",
        "If-Modified-Since",
        "Cookie",
        "Authorization",
        "X-Service-Token",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "Forwarded",
        "Origin",
        "Referer",
        "User-Agent",
        "Openstack-Auth-Receipt",
        "X-Openstack-Request-Id",
        "X-Http-Method-Override",
        "Via",
        "X-Is-Admin",
        "X-Remote-User",
        "Remote-User",
        "OpenStack-Identity-Access-Rules",
        "X-Domain-Id",
        "Cache-Control",
    ];
    let values: &[&[u8]] = &[
        b"",
        b"*/*;q=x",
        b";;;",
        b"application/json;q=9e999",
        b"text/html, */*;q=0",
        b"bytes=0-1,5-3,-",
        b"\xff\xfe",
        b"\"unterminated",
        b"Sat, 99 Foo 9999 99:99:99 GMT",
        b"for=\"[::1\";proto=javascript",
        b"evil.example/\"><x",
        b"a b",
        b"=;=;=",
        b"Basic !!!!",
        b"DELETE",
        b"1",
        b"gzip;q=-1, \t,",
        b"${jndi:ldap://x}",
    ];
    let name = *names.choose(rng).unwrap();
    if rng.random_range(0..6) == 0 {
        return (name, b"x,".repeat(rng.random_range(1_000..10_000)));
    }
    (name, values.choose(rng).unwrap().to_vec())
}
