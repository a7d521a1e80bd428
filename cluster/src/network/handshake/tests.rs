use tokio::io::duplex;

use super::*;
use crate::environment::SeededRandom;

fn secret(byte: u8) -> ClusterSecret {
    ClusterSecret::derive(KeyId([byte; KEY_ID_BYTES]), &[byte; 32])
}

/// What both sides make of a connection from node 1, which looks for `to`, to node 2.
async fn meet(
    caller: &ClusterSecret,
    receiver: &ClusterSecret,
    to: NodeId,
) -> (Result<(), HandshakeError>, Result<NodeId, HandshakeError>) {
    let (mut here, mut there) = duplex(1024);
    let random = SeededRandom::from_seed(1);
    let calling =
        async move { greet(&mut here, Own { node_id: 1, secret: caller, random: &random }, to).await };
    let random = SeededRandom::from_seed(2);
    let receiving =
        async move { receive(&mut there, Own { node_id: 2, secret: receiver, random: &random }).await };
    tokio::join!(calling, receiving)
}

#[tokio::test]
async fn nodes_with_the_same_key_know_each_other() {
    assert_eq!(meet(&secret(1), &secret(1), 2).await, (Ok(()), Ok(1)));
}

#[tokio::test]
async fn both_sides_name_both_keys_where_they_differ() {
    let (own, peer) = (secret(1).id(), secret(2).id());
    let both = meet(&secret(1), &secret(2), 2).await;
    let expected =
        (Err(HandshakeError::OtherKey { own, peer }), Err(HandshakeError::OtherKey { own: peer, peer: own }));
    assert_eq!(both, expected);
}

#[tokio::test]
async fn a_node_at_the_address_of_another_is_not_taken_for_it() {
    let other = || HandshakeError::OtherNode { wanted: 3, reached: 2 };
    assert_eq!(meet(&secret(1), &secret(1), 3).await, (Err(other()), Err(other())));
}

#[tokio::test]
async fn who_names_the_key_and_does_not_have_it_proves_nothing() {
    let impostor = ClusterSecret::derive(secret(1).id(), &[9; 32]);
    assert_eq!(meet(&secret(1), &impostor, 2).await.0, Err(HandshakeError::WrongProof));

    let (mut here, mut there) = duplex(1024);
    let random = SeededRandom::from_seed(1);
    let calling = async move {
        let own = Own { node_id: 1, secret: &impostor, random: &random };
        here.write_all(&own.hello(2).encode()).await.unwrap();
        here.write_all(&[0; PROOF_BYTES]).await.unwrap();
        here
    };
    let (honest, random) = (secret(1), SeededRandom::from_seed(2));
    let receiving = receive(&mut there, Own { node_id: 2, secret: &honest, random: &random });
    assert_eq!(tokio::join!(calling, receiving).1, Err(HandshakeError::WrongProof));
}

/// What node 1 has heard from node 2 opens no other connection to node 2.
#[tokio::test]
async fn a_proof_that_was_overheard_is_good_for_nothing() {
    let honest = secret(1);
    let (mut caller, mut receiver) = duplex(1024);
    let (one, two, again) =
        (SeededRandom::from_seed(1), SeededRandom::from_seed(2), SeededRandom::from_seed(3));
    let hello = Own { node_id: 1, secret: &honest, random: &one }.hello(2).encode();
    let calling = async {
        caller.write_all(&hello).await.unwrap();
        let theirs = Hello::read(&mut caller).await.unwrap();
        let _: [u8; PROOF_BYTES] = read(&mut caller).await.unwrap();
        let both = [hello.as_slice(), &theirs.encode()].concat();
        let proof = honest.prove(&[CALLER, &both]);
        caller.write_all(&proof).await.unwrap();
        proof
    };
    let own = |random| Own { node_id: 2, secret: &honest, random };
    let (proof, received) = tokio::join!(calling, receive(&mut receiver, own(&two)));
    assert_eq!(received, Ok(1));

    let (mut replay, mut receiver) = duplex(1024);
    replay.write_all(&hello).await.unwrap();
    replay.write_all(&proof).await.unwrap();
    assert_eq!(receive(&mut receiver, own(&again)).await, Err(HandshakeError::WrongProof));
}

#[tokio::test]
async fn a_stranger_gets_not_one_byte() {
    for (sent, expected) in [
        (&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], HandshakeError::OtherProtocol),
        (b"keyraft\x02", HandshakeError::OtherVersion { version: 2 }),
    ] {
        let (mut here, mut there) = duplex(1024);
        here.write_all(sent).await.unwrap();
        let (honest, random) = (secret(1), SeededRandom::from_seed(2));
        let own = Own { node_id: 2, secret: &honest, random: &random };
        assert_eq!(receive(&mut there, own).await, Err(expected));
        drop(there);
        let mut got = Vec::new();
        here.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"");
    }
}
