use keyraft_cluster::SeededRandom;
use proptest::prelude::*;

use super::*;
use crate::token::audit::AuditId;

const USER: UuidBytes = [7; 16];

fn id() -> impl Strategy<Value = PayloadId> {
    prop_oneof![
        any::<UuidBytes>().prop_map(PayloadId::Uuid),
        "[a-zäß0-9 _-]{0,31}".prop_map(|text| PayloadId::from(&*text)),
        "[0-9a-f]{64}".prop_map(|text| PayloadId::from(&*text)),
        ".{32,300}".prop_map(|text| PayloadId::from(&*text)),
    ]
}

fn federation() -> impl Strategy<Value = Federation> {
    (proptest::collection::vec(id(), 0..40), id(), ".{0,40}")
        .prop_map(|(groups, identity_provider, protocol)| Federation { groups, identity_provider, protocol })
}

fn scope() -> impl Strategy<Value = PayloadScope> {
    prop_oneof![
        Just(PayloadScope::Unscoped),
        any::<UuidBytes>().prop_map(|domain| PayloadScope::Domain(domain.into())),
        Just(PayloadScope::Domain("default".into())),
        id().prop_map(PayloadScope::Project),
        (proptest::option::of(id()), any::<UuidBytes>())
            .prop_map(|(project, trust)| PayloadScope::Trust { project, trust }),
        federation().prop_map(PayloadScope::FederatedUnscoped),
        (id(), federation())
            .prop_map(|(project, federation)| PayloadScope::FederatedProject { project, federation }),
        (id(), federation())
            .prop_map(|(domain, federation)| PayloadScope::FederatedDomain { domain, federation }),
        (id(), id()).prop_map(|(project, access_token)| PayloadScope::Oauth1 { project, access_token }),
        Just(PayloadScope::System),
        (id(), id()).prop_map(|(project, application_credential)| PayloadScope::ApplicationCredential {
            project,
            application_credential
        }),
        (proptest::option::of(id()), proptest::option::of(id()), ".{0,60}").prop_map(
            |(project, domain, thumbprint)| PayloadScope::Oauth2Mtls { project, domain, thumbprint }
        ),
    ]
}

fn payload() -> impl Strategy<Value = Payload> {
    let audit = (any::<[u8; 16]>(), proptest::option::of(any::<[u8; 16]>())).prop_map(|(own, chain)| {
        AuditIds { own: AuditId::from_bytes(own), chain: chain.map(AuditId::from_bytes) }
    });
    (id(), any::<u64>(), 0..=MAX_TIME_SECONDS, audit, scope()).prop_map(
        |(user, methods, expires_at_seconds, audit, scope)| Payload {
            user,
            methods: MethodMask(methods),
            expires_at_seconds,
            audit,
            scope,
        },
    )
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(payload in payload()) {
        let bytes = payload.encode("default").unwrap();
        prop_assert_eq!(Payload::decode(&bytes, "default").unwrap(), payload);
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Payload::decode(&bytes, "default");
        let _ = ReceiptPayload::decode(&bytes);
    }

    #[test]
    fn a_damaged_payload_is_decoded_or_refused(
        payload in payload(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = payload.encode("default").unwrap();
        for (at, value) in changes {
            *at.get_mut(&mut bytes) = value;
        }
        if let Ok(read) = Payload::decode(&bytes, "default") {
            // Whatever was read says the same again once written.
            let again = read.encode("default").unwrap();
            prop_assert_eq!(Payload::decode(&again, "default").unwrap(), read);
        }
    }

    #[test]
    fn a_payload_cut_short_or_prolonged_is_refused(payload in payload(), cut in any::<prop::sample::Index>()) {
        let mut bytes = payload.encode("default").unwrap();
        let short = &bytes[..cut.index(bytes.len())];
        prop_assert!(Payload::decode(short, "default").is_err());
        bytes.push(0);
        prop_assert_eq!(Payload::decode(&bytes, "default"), Err(PayloadError::TrailingBytes(1)));
    }
}

fn with_scope(scope: PayloadScope) -> Payload {
    Payload {
        user: USER.into(),
        methods: MethodMask(2),
        expires_at_seconds: 1_700_003_600,
        audit: AuditIds::first(&SeededRandom::from_seed(1)),
        scope,
    }
}

#[test]
fn a_domain_that_is_neither_a_uuid_nor_the_default_is_refused_both_ways() {
    let payload = with_scope(PayloadScope::Domain("other".into()));
    assert_eq!(payload.encode("default"), Err(PayloadError::DomainNotStorable));
    let bytes = payload.encode("other").unwrap();
    assert_eq!(Payload::decode(&bytes, "other").unwrap(), payload);
    assert_eq!(Payload::decode(&bytes, "default"), Err(PayloadError::DomainNotStorable));
}

#[test]
fn a_trust_without_a_project_keeps_null_in_its_place() {
    let payload = with_scope(PayloadScope::Trust { project: None, trust: [9; 16] });
    let bytes = payload.encode("default").unwrap();
    assert!(bytes.windows(3).any(|part| part == [0x92, 0xc2, 0xc0]));
    assert_eq!(Payload::decode(&bytes, "default").unwrap(), payload);
}

#[test]
fn an_array_longer_than_the_bytes_behind_it_takes_no_memory() {
    // Version 4, a user, methods, then an array that claims 2^32 - 1 groups.
    let mut bytes = vec![0x98, 4, 0x92, 0xc2, 0xa1, b'u', 2];
    bytes.extend([0xdd, 0xff, 0xff, 0xff, 0xff, 0x92, 0xc2, 0xa1, b'g']);
    assert_eq!(Payload::decode(&bytes, "default"), Err(PayloadError::Truncated { expected: "group" }));
}

#[test]
fn expiries_that_are_no_time_are_refused() {
    let good = with_scope(PayloadScope::Unscoped).encode("default").unwrap();
    let at = good.iter().position(|byte| *byte == 0xcb).unwrap() + 1;
    for bad in [f64::NAN, f64::INFINITY, -1.0, 1e300, 253_402_300_800.0] {
        let mut bytes = good.clone();
        bytes[at..at + 8].copy_from_slice(&bad.to_be_bytes());
        assert_eq!(Payload::decode(&bytes, "default"), Err(PayloadError::ExpiryOutOfRange), "{bad}");
    }
    let mut bytes = good;
    bytes[at..at + 8].copy_from_slice(&1_700_003_600.9_f64.to_be_bytes());
    assert_eq!(Payload::decode(&bytes, "default").unwrap().expires_at_seconds, 1_700_003_600);
}
