use keyraft_cluster::SeededRandom;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Made with the code of Keystone 30.
const VECTORS: &str = include_str!("../../../tests/vectors/passwords.json");
const ALL: [PasswordAlgorithm; 4] = [
    PasswordAlgorithm::Bcrypt,
    PasswordAlgorithm::BcryptSha256,
    PasswordAlgorithm::Scrypt,
    PasswordAlgorithm::Pbkdf2Sha512,
];

/// A hasher that is quick where the options allow it.
fn hasher(algorithm: PasswordAlgorithm) -> PasswordHasher {
    let rounds = if algorithm == PasswordAlgorithm::Pbkdf2Sha512 { 100 } else { 4 };
    PasswordHasher::new(&PasswordOptions { algorithm, rounds: Some(rounds), ..PasswordOptions::default() })
        .unwrap()
}

fn password(text: &str) -> Password {
    text.to_owned().into()
}

fn hash(hasher: &PasswordHasher, text: &str) -> String {
    hasher.hash(&password(text), &hasher.salt(&SeededRandom::from_seed(1))).unwrap()
}

fn vectors() -> Value {
    serde_json::from_str(VECTORS).unwrap()
}

#[test]
fn every_hash_of_keystone_is_verified() {
    let vectors = vectors();
    let items = vectors["items"].as_array().unwrap();
    assert_eq!(items.len(), 13);
    for item in items {
        let text = item["password"].as_str().unwrap();
        let stored = item["hash"].as_str().unwrap();
        let algorithm = PasswordAlgorithm::named(item["algorithm"].as_str().unwrap()).unwrap();
        assert_eq!(PasswordAlgorithm::of(stored), Ok(algorithm));
        let hasher = hasher(algorithm);
        assert_eq!(hasher.verify(&password(text), stored), Ok(true), "{stored}");
        assert_eq!(hasher.verify(&password(&format!("y{text}")), stored), Ok(false), "{stored}");
    }
}

#[test]
fn hashes_that_keystone_refuses_are_refused() {
    let vectors = vectors();
    let rejected = vectors["rejected"].as_array().unwrap().iter();
    let all: Vec<_> = rejected.chain(vectors["legacy_sha512_crypt"].as_array().unwrap()).collect();
    assert_eq!(all.len(), 5);
    for item in all {
        let stored = item["hash"].as_str().unwrap();
        assert!(hasher(PasswordAlgorithm::Bcrypt).verify(&password("s3cr3t"), stored).is_err(), "{stored}");
        assert!(hasher(PasswordAlgorithm::BcryptSha256).needs_upgrade(stored));
    }
}

#[test]
fn new_hashes_have_the_form_that_keystone_writes() {
    let forms = [
        (PasswordAlgorithm::Bcrypt, "$2b$04$", 60),
        (PasswordAlgorithm::BcryptSha256, "$bcrypt-sha256$v=2,t=2b,r=4$", 28 + 22 + 1 + 31),
        (PasswordAlgorithm::Scrypt, "$scrypt$ln=16,r=8,p=1$", 22 + 22 + 1 + 43),
        (PasswordAlgorithm::Pbkdf2Sha512, "$pbkdf2-sha512$100$", 19 + 22 + 1 + 86),
    ];
    for (algorithm, prefix, length) in forms {
        let hasher = hasher(algorithm);
        let stored = hash(&hasher, "pässwörd");
        assert!(stored.starts_with(prefix), "{stored}");
        assert_eq!(stored.len(), length, "{stored}");
        assert_eq!(hasher.verify(&password("pässwörd"), &stored), Ok(true));
        assert_eq!(hasher.verify(&password("passwörd"), &stored), Ok(false));
        assert!(!hasher.needs_upgrade(&stored));
    }
}

#[test]
fn the_default_is_bcrypt_with_12_rounds() {
    let hasher = PasswordHasher::new(&PasswordOptions::default()).unwrap();
    assert!(hasher.decoy().starts_with("$2b$12$"));
    assert!(hasher.needs_upgrade(&hash(&self::hasher(PasswordAlgorithm::Bcrypt), "x")));
}

#[test]
fn the_configured_algorithm_decides_the_cut_and_not_that_of_the_hash() {
    let long = "x".repeat(80);
    let bcrypt = hasher(PasswordAlgorithm::Bcrypt);
    assert_eq!(bcrypt.verify(&password(&long[..72]), &hash(&bcrypt, &long)), Ok(true));
    assert_eq!(bcrypt.verify(&password(&long[..71]), &hash(&bcrypt, &long)), Ok(false));
    // Made by another configuration from all 80 bytes, checked with 72 of them: it does not match.
    for algorithm in [PasswordAlgorithm::BcryptSha256, PasswordAlgorithm::Pbkdf2Sha512] {
        let other = hasher(algorithm);
        let stored = hash(&other, &long);
        assert_eq!(other.verify(&password(&long), &stored), Ok(true));
        assert_eq!(other.verify(&password(&long[..72]), &stored), Ok(false));
        assert_eq!(bcrypt.verify(&password(&long), &stored), Ok(false));
    }
}

#[test]
fn the_cut_is_at_bytes_even_inside_a_character() {
    let bcrypt = hasher(PasswordAlgorithm::Bcrypt);
    let text = format!("{}é", "x".repeat(71));
    let stored = hash(&bcrypt, &text);
    // Both begin with the same 72 bytes: the second byte of the last character is cut off.
    assert_eq!(bcrypt.verify(&password(&format!("{}è", "x".repeat(71))), &stored), Ok(true));
}

#[test]
fn a_strict_check_refuses_what_would_be_cut() {
    let options = PasswordOptions { rounds: Some(4), is_strict: true, ..PasswordOptions::default() };
    let hasher = PasswordHasher::new(&options).unwrap();
    let salt = hasher.salt(&SeededRandom::from_seed(1));
    assert!(hasher.hash(&password(&"x".repeat(72)), &salt).is_ok());
    let too_long = Err(PasswordError::TooLong { limit_bytes: 72 });
    assert_eq!(hasher.hash(&password(&"x".repeat(73)), &salt), too_long);
    let options = PasswordOptions { max_password_bytes: 5, ..options };
    let hasher = PasswordHasher::new(&options).unwrap();
    assert_eq!(hasher.hash(&password("123456"), &salt), Err(PasswordError::TooLong { limit_bytes: 5 }));
}

#[test]
fn salts_differ_and_hashes_with_them() {
    let hasher = hasher(PasswordAlgorithm::Bcrypt);
    let random = SeededRandom::from_seed(2);
    let both = [hasher.salt(&random), hasher.salt(&random)].map(|salt| hasher.hash(&password("x"), &salt));
    assert_ne!(both[0], both[1]);
}

#[test]
fn weaker_and_other_hashes_need_an_upgrade() {
    let with_rounds = |algorithm, rounds| {
        PasswordHasher::new(&PasswordOptions {
            algorithm,
            rounds: Some(rounds),
            ..PasswordOptions::default()
        })
        .unwrap()
    };
    for (algorithm, less, more) in [
        (PasswordAlgorithm::Bcrypt, 4, 5),
        (PasswordAlgorithm::BcryptSha256, 4, 5),
        (PasswordAlgorithm::Pbkdf2Sha512, 10, 11),
    ] {
        let (weak, strong) = (with_rounds(algorithm, less), with_rounds(algorithm, more));
        assert!(strong.needs_upgrade(&weak.decoy()));
        assert!(!weak.needs_upgrade(&strong.decoy()));
    }
    let scrypt = hasher(PasswordAlgorithm::Scrypt);
    assert!(scrypt.needs_upgrade("$scrypt$ln=15,r=8,p=1$AAAA$AAAA"));
    assert!(!scrypt.needs_upgrade("$scrypt$ln=16,r=8,p=2$AAAA$AAAA"));
    for stored in ALL.map(|algorithm| (algorithm, hasher(algorithm).decoy())) {
        for algorithm in ALL {
            assert_eq!(hasher(algorithm).needs_upgrade(&stored.1), algorithm != stored.0);
        }
    }
}

#[test]
fn costs_out_of_range_are_refused_in_configuration_and_in_hashes() {
    let new = |options: PasswordOptions| PasswordHasher::new(&options).map(drop);
    for rounds in [3, 32] {
        let options = PasswordOptions { rounds: Some(rounds), ..PasswordOptions::default() };
        assert_eq!(new(options), Err(PasswordError::CostOutOfRange { algorithm: "bcrypt" }));
    }
    let scrypt = PasswordOptions { algorithm: PasswordAlgorithm::Scrypt, ..PasswordOptions::default() };
    let huge = PasswordOptions { scrypt_block_size: Some(1 << 20), ..scrypt.clone() };
    assert_eq!(new(huge), Err(PasswordError::CostOutOfRange { algorithm: "scrypt" }));
    assert_eq!(
        new(PasswordOptions { salt_bytes: Some(97), ..scrypt }),
        Err(PasswordError::SaltTooLong { bytes: 97 })
    );
    let hasher = hasher(PasswordAlgorithm::Bcrypt);
    for stored in [
        "$scrypt$ln=40,r=8,p=1$AAAA$AAAA",
        "$scrypt$ln=16,r=4294967295,p=1$AAAA$AAAA",
        "$scrypt$ln=16,r=8,p=4294967295$AAAA$AAAA",
        "$scrypt$ln=0,r=8,p=1$AAAA$AAAA",
        "$pbkdf2-sha512$4294967295$AAAA$AAAA",
        "$pbkdf2-sha512$0$AAAA$AAAA",
        "$2b$99$YPQlZ700yGECa6nh4zl6N.sWPlv6gpPdhtKc.nXn63l70ZhTgaYcK",
    ] {
        let outcome = hasher.verify(&password("x"), stored);
        assert!(matches!(outcome, Err(PasswordError::CostOutOfRange { .. })), "{stored}: {outcome:?}");
    }
}

#[test]
fn the_dot_of_passlib_is_read_as_plus() {
    let hasher = hasher(PasswordAlgorithm::Pbkdf2Sha512);
    let seeds = (0..).map(SeededRandom::from_seed);
    let stored = seeds
        .map(|random| hasher.hash(&password("x"), &hasher.salt(&random)).unwrap())
        .find(|stored| stored.contains('+'))
        .unwrap();
    assert_eq!(hasher.verify(&password("x"), &stored.replace('+', ".")), Ok(true));
}

#[test]
fn passwords_do_not_show() {
    let password = password("s3cr3t");
    assert_eq!(format!("{password:?}"), "Password(redacted)");
    assert_eq!(password.expose(), "s3cr3t");
}

proptest! {
    #[test]
    fn any_text_is_checked_or_refused(
        prefix in prop::sample::select(vec!["", "$2b$04$", "$2b$", "$bcrypt-sha256$", "$bcrypt-sha256$v=2,t=2b,r=4$", "$scrypt$", "$scrypt$ln=1,r=1,p=1$", "$pbkdf2-sha512$", "$pbkdf2-sha512$1$"]),
        rest in "[./A-Za-z0-9$=,+é]{0,80}",
    ) {
        // Refused or not equal; it never passes.
        let outcome = hasher(PasswordAlgorithm::Bcrypt).verify(&password("x"), &format!("{prefix}{rest}"));
        prop_assert!(!matches!(outcome, Ok(true)));
    }
}
