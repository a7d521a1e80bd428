use keyraft_cluster::SeededRandom;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::token::audit::{AuditId, AuditIds};
use crate::token::payload::{
    Federation, MethodList, MethodMask, PayloadId, PayloadScope, ReceiptPayload, parse_uuid,
};

/// Made with the code of Keystone 30, a fixed clock and a fixed IV.
const VECTORS: &str = include_str!("../../../tests/vectors/fernet.json");
const DEFAULT_DOMAIN: &str = "default";
const EXPIRES_AT_SECONDS: u64 = 1_700_003_600;

struct FixedBytes(Vec<u8>);

impl Random for FixedBytes {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0[..bytes.len()]);
    }
}

struct Vectors {
    all: Value,
    ring: KeyRing,
    iv: FixedBytes,
    issued_at_seconds: u64,
    methods: MethodList,
}

fn key_of(value: &Value) -> FernetKey {
    FernetKey::from_base64(value.as_str().unwrap()).unwrap()
}

fn ring_of(keys: &Value) -> KeyRing {
    let keys = keys.as_object().unwrap().iter().map(|(number, key)| (number.parse().unwrap(), key_of(key)));
    KeyRing::new(keys).unwrap()
}

fn unhex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn vectors() -> Vectors {
    let all: Value = serde_json::from_str(VECTORS).unwrap();
    let fernet = &all["fernet"];
    Vectors {
        ring: ring_of(&fernet["keys"]),
        iv: FixedBytes(unhex(&fernet["iv_hex"])),
        issued_at_seconds: fernet["timestamp"].as_u64().unwrap(),
        methods: MethodList::new(strings(&fernet["auth_methods"])).unwrap(),
        all,
    }
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().unwrap().iter().map(|item| item.as_str().unwrap())
}

/// The payload of a vector, from the attributes that Keystone was given or gave back.
fn payload_of(version: u64, from: &Value, methods: &MethodList) -> Payload {
    assert_eq!(from["expires_at"], "2023-11-14T23:13:20.000000Z");
    let optional = |name: &str| from[name].as_str().map(PayloadId::from);
    let id = |name: &str| optional(name).unwrap();
    let federation = || Federation {
        groups: from["federated_group_ids"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| group["id"].as_str().unwrap().into())
            .collect(),
        identity_provider: id("identity_provider_id"),
        protocol: from["protocol_id"].as_str().unwrap().into(),
    };
    let mut audit = strings(&from["audit_ids"]).map(|text| AuditId::parse(text).unwrap());
    let scope = match version {
        0 => PayloadScope::Unscoped,
        1 => PayloadScope::Domain(id("domain_id")),
        2 => PayloadScope::Project(id("project_id")),
        3 => PayloadScope::Trust {
            project: optional("project_id"),
            trust: parse_uuid(from["trust_id"].as_str().unwrap()).unwrap(),
        },
        4 => PayloadScope::FederatedUnscoped(federation()),
        5 => PayloadScope::FederatedProject { project: id("project_id"), federation: federation() },
        6 => PayloadScope::FederatedDomain { domain: id("domain_id"), federation: federation() },
        7 => PayloadScope::Oauth1 { project: id("project_id"), access_token: id("access_token_id") },
        8 => PayloadScope::System,
        9 => PayloadScope::ApplicationCredential {
            project: id("project_id"),
            application_credential: id("app_cred_id"),
        },
        10 => PayloadScope::Oauth2Mtls {
            project: optional("project_id"),
            domain: optional("domain_id"),
            thumbprint: from["thumbprint"].as_str().unwrap().into(),
        },
        other => panic!("version {other}"),
    };
    Payload {
        user: id("user_id"),
        methods: methods.mask(strings(&from["methods"])),
        expires_at_seconds: EXPIRES_AT_SECONDS,
        audit: AuditIds { own: audit.next().unwrap(), chain: audit.next() },
        scope,
    }
}

#[test]
fn every_token_of_keystone_is_made_byte_for_byte() {
    let vectors = vectors();
    let tokens = vectors.all["fernet"]["tokens"].as_array().unwrap();
    let mut versions = Vec::new();
    for token in tokens {
        let version = token["version"].as_u64().unwrap();
        let payload = payload_of(version, &token["input"], &vectors.methods);
        assert_eq!(payload.methods, MethodMask(token["method_mask"].as_u64().unwrap()));
        assert_eq!(
            payload.encode(DEFAULT_DOMAIN).unwrap(),
            unhex(&token["msgpack_hex"]),
            "{}",
            token["name"]
        );
        let made =
            encode(&vectors.ring, &vectors.iv, &payload, vectors.issued_at_seconds, DEFAULT_DOMAIN).unwrap();
        assert_eq!(made, token["token"].as_str().unwrap(), "{}", token["name"]);
        assert_eq!(made.len(), token["token_length"]);
        versions.push(version);
    }
    versions.dedup();
    assert!((0..=10).all(|version| versions.contains(&version)), "{versions:?}");
}

#[test]
fn every_token_of_keystone_is_read_as_keystone_reads_it() {
    let vectors = vectors();
    for token in vectors.all["fernet"]["tokens"].as_array().unwrap() {
        let text = token["token"].as_str().unwrap();
        let (payload, issued_at_seconds) = decode(&vectors.ring, text, DEFAULT_DOMAIN).unwrap();
        let decoded = &token["decoded"];
        let version = token["version"].as_u64().unwrap();
        assert_eq!(payload, payload_of(version, decoded, &vectors.methods), "{}", token["name"]);
        assert_eq!(issued_at_seconds, vectors.issued_at_seconds);
        let methods: Vec<_> = vectors.methods.names(payload.methods).collect();
        let expected: Vec<_> = strings(&decoded["methods"]).collect();
        assert_eq!(methods, expected, "{}", token["name"]);
        let padded = format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4));
        assert!(vectors.ring.open(&padded).is_ok());
    }
}

#[test]
fn secondary_keys_open_and_unknown_keys_do_not() {
    let vectors = vectors();
    let mut outcomes = Vec::new();
    for token in vectors.all["fernet"]["secondary_key_tokens"].as_array().unwrap() {
        let read = decode(&vectors.ring, token["token"].as_str().unwrap(), DEFAULT_DOMAIN);
        match token["expect"].as_str().unwrap() {
            "valid" => assert_eq!(read.unwrap().1, vectors.issued_at_seconds),
            _ => assert_eq!(read, Err(FernetError::UnknownKey.into())),
        }
        outcomes.push(token["expect"] == "valid");
    }
    assert_eq!(outcomes, [true, true, false]);
}

#[test]
fn payloads_older_than_msgpack_1_are_read() {
    let vectors = vectors();
    let legacy = &vectors.all["fernet"]["legacy_msgpack"];
    let (payload, _) = decode(&vectors.ring, legacy["token"].as_str().unwrap(), DEFAULT_DOMAIN).unwrap();
    assert!(payload.user.is("0123456789abcdef0123456789abcdef"));
    assert_eq!(payload.scope, PayloadScope::Project("fedcba9876543210fedcba9876543210".into()));
    assert_eq!(payload.audit.own.to_string(), "AAECAwQFBgcICQoLDA0ODw");
}

#[test]
fn an_unknown_payload_version_is_refused() {
    let vectors = vectors();
    let token = vectors.all["fernet"]["unknown_version"]["token"].as_str().unwrap();
    assert_eq!(
        decode(&vectors.ring, token, DEFAULT_DOMAIN),
        Err(TokenError::Payload(PayloadError::UnknownVersion(42)))
    );
}

#[test]
fn every_receipt_of_keystone_is_made_byte_for_byte_and_read() {
    let vectors = vectors();
    let receipts = vectors.all["receipts"].as_array().unwrap();
    assert_eq!(receipts.len(), 2);
    for receipt in receipts {
        let payload = ReceiptPayload {
            user: receipt["user_id"].as_str().unwrap().into(),
            methods: vectors.methods.mask(strings(&receipt["methods"])),
            expires_at_seconds: EXPIRES_AT_SECONDS,
        };
        let bytes = payload.encode().unwrap();
        assert_eq!(bytes, unhex(&receipt["msgpack_hex"]));
        let text = vectors.ring.seal(&vectors.iv, vectors.issued_at_seconds, &bytes);
        assert_eq!(text, receipt["receipt"].as_str().unwrap());
        let opened = vectors.ring.open(&text).unwrap();
        assert_eq!(ReceiptPayload::decode(&opened.plaintext).unwrap(), payload);
        assert!(decode(&vectors.ring, &text, DEFAULT_DOMAIN).is_err(), "a receipt is not a token");
    }
}

#[test]
fn credential_blobs_of_keystone_are_opened() {
    let vectors = vectors();
    let credentials = &vectors.all["credentials"];
    let null_key = FernetKey::from_bytes(&[0; KEY_BYTES]).unwrap();
    let keys = credentials["keys"].as_object().unwrap().iter();
    let keys = keys.map(|(number, key)| (number.parse::<u32>().unwrap() + 1, key_of(key)));
    let ring = KeyRing::new(keys.chain([(0, null_key)])).unwrap();
    for item in credentials["items"].as_array().unwrap() {
        let opened = ring.open(item["encrypted_blob"].as_str().unwrap()).unwrap();
        assert_eq!(opened.plaintext, item["plaintext"].as_str().unwrap().as_bytes());
    }
}

#[test]
fn the_fernet_crate_opens_our_tokens_and_we_open_its() {
    let random = SeededRandom::from_seed(3);
    let key = FernetKey::generate(&random);
    let judge = fernet::Fernet::new(&key.to_base64()).unwrap();
    let ring = KeyRing::new([(1, key)]).unwrap();
    for length in 0..70 {
        let plaintext = vec![b'x'; length];
        let ours = ring.seal(&random, 1_700_000_000, &plaintext);
        assert_eq!(judge.decrypt_at_time(&ours, None, 1_700_000_000).unwrap(), plaintext);
        let theirs = judge.encrypt_at_time(&plaintext, 1_700_000_000);
        let opened = ring.open(&theirs).unwrap();
        assert_eq!(opened, Opened { plaintext, issued_at_seconds: 1_700_000_000 });
    }
}

#[test]
fn the_primary_has_the_highest_number_whatever_the_order_given() {
    let random = SeededRandom::from_seed(4);
    let keys: Vec<_> = [3, 0, 7].map(|number| (number, FernetKey::generate(&random))).into();
    let ring = KeyRing::new(keys.clone()).unwrap();
    let token = ring.seal(&random, 1, b"x");
    for (number, key) in keys {
        let alone = KeyRing::new([(number, key)]).unwrap();
        assert_eq!(alone.open(&token).is_ok(), number == 7);
    }
}

#[test]
fn a_ring_has_at_least_one_key_and_a_bounded_number() {
    let key = FernetKey::from_bytes(&[1; 32]).unwrap();
    assert_eq!(KeyRing::new([]).unwrap_err(), FernetError::NoKeys);
    assert!(KeyRing::new((0..128).map(|number| (number, key.clone()))).is_ok());
    assert_eq!(
        KeyRing::new((0..).map(|number| (number, key.clone()))).unwrap_err(),
        FernetError::TooManyKeys
    );
}

#[test]
fn keys_do_not_show_and_their_text_reads_back() {
    let key = FernetKey::generate(&SeededRandom::from_seed(5));
    assert_eq!(format!("{key:?}"), "FernetKey(redacted)");
    let text = key.to_base64();
    assert_eq!(text.len(), 44);
    assert_eq!(FernetKey::from_base64(&text).unwrap(), key);
    assert_eq!(FernetKey::from_base64(&format!("{}\n", *text)).unwrap(), key);
    assert_eq!(FernetKey::from_base64(&text[..43]), Err(FernetError::MalformedKey { found_bytes: 0 }));
    assert_eq!(FernetKey::from_bytes(&[0; 31]), Err(FernetError::MalformedKey { found_bytes: 31 }));
    assert_eq!(FernetKey::from_bytes(&[0; 33]), Err(FernetError::MalformedKey { found_bytes: 33 }));
}

#[test]
fn a_token_longer_than_the_limit_is_not_even_decoded() {
    let ring = vectors().ring;
    let random = SeededRandom::from_seed(6);
    let longest = ring.seal(&random, 1, &vec![0; 12_000]);
    assert!(longest.len() <= MAX_TOKEN_CHARS);
    assert!(ring.open(&longest).is_ok());
    let too_long = ring.seal(&random, 1, &vec![0; 13_000]);
    assert_eq!(ring.open(&too_long).unwrap_err(), FernetError::MalformedToken);
}

proptest! {
    #[test]
    fn any_text_is_refused(text in ".{0,300}") {
        prop_assert!(vectors().ring.open(&text).is_err());
    }

    #[test]
    fn any_envelope_without_a_signature_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut token = vec![VERSION];
        token.extend(bytes);
        prop_assert!(vectors().ring.open(&URL_SAFE_NO_PAD.encode(token)).is_err());
    }

    #[test]
    fn a_changed_bit_is_noticed(at in any::<prop::sample::Index>(), bit in 0..8) {
        let ring = vectors().ring;
        let token = ring.seal(&SeededRandom::from_seed(7), 1_700_000_000, b"some content");
        let mut bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
        *at.get_mut(&mut bytes) ^= 1_u8 << bit;
        prop_assert!(ring.open(&URL_SAFE_NO_PAD.encode(bytes)).is_err());
    }

    #[test]
    fn a_signed_envelope_with_a_broken_inside_is_refused(inside in proptest::collection::vec(any::<u8>(), 0..80)) {
        // Signed by a key of ours, but not what an envelope holds: lengths and padding at random.
        let key = FernetKey::from_bytes(&[1; 32]).unwrap();
        let mut token = vec![VERSION];
        token.extend(&inside);
        let mac = key.mac(&token).finalize().into_bytes();
        token.extend(mac);
        let _ = KeyRing::new([(1, key)]).unwrap().open(&URL_SAFE_NO_PAD.encode(token));
    }
}
