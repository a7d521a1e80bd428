use super::*;

#[test]
fn the_floor_follows_the_oldest_write_under_way() {
    let sequences = Arc::new(Sequences::default());
    assert_eq!(sequences.lowest(), 1);
    let (first, second) = (Ticket::draw(&sequences), Ticket::draw(&sequences));
    assert_eq!((first.sequence, second.sequence), (1, 2));
    assert_eq!(sequences.lowest(), 1);
    drop(first);
    assert_eq!(sequences.lowest(), 2);
    drop(second);
    assert_eq!(sequences.lowest(), 3);
}

/// A site that believes it leads, and requests that nobody takes from its queue.
fn waiting() -> (Arc<Site>, Arc<Forwarder>, crate::proposer::Packer) {
    let environment = crate::environment::Environment::system().unwrap();
    let host = crate::host::Host::system();
    let site = Site::new(crate::config::NodeConfig::default(), environment, &host);
    site.leader.send_replace(Some(site.me()));
    let (proposer, packer) = crate::proposer::proposer(&site);
    let forwarder = Arc::new(Forwarder::new(&site, proposer, 1));
    (site, forwarder, packer)
}

fn forward(forwarder: &Arc<Forwarder>) -> tokio::task::JoinHandle<Result<Proposal, ProposeError>> {
    let forwarder = Arc::clone(forwarder);
    let body = proto::request::Body::Command(bytes::Bytes::from_static(b"c"));
    tokio::spawn(async move { forwarder.forward(body).await })
}

#[tokio::test]
async fn a_fault_leaves_the_outcome_of_a_write_under_way_unknown() {
    let (site, forwarder, mut packer) = waiting();
    let writing = forward(&forwarder);
    let _taken = packer.next().await.unwrap();
    site.faults.raise(Fault::Lost { reason: "a test".into() });
    let answered = writing.await.unwrap();
    assert!(matches!(answered, Err(ProposeError::Unknown { .. })), "{answered:?}");
}

#[tokio::test]
async fn a_fault_before_a_write_was_sent_says_that_it_was_not_written() {
    let (site, forwarder, _packer) = waiting();
    site.leader.send_replace(None);
    let fault = Fault::Lost { reason: "a test".into() };
    let writing = forward(&forwarder);
    while forwarder.slots.available_permits() == site.config.requests_in_flight {
        tokio::task::yield_now().await;
    }
    site.faults.raise(fault.clone());
    assert_eq!(writing.await.unwrap(), Err(ProposeError::Faulty(fault)));
}

#[tokio::test]
async fn a_later_life_leaves_the_outcome_of_an_attempt_that_was_lost_unknown() {
    let superseded = || {
        let outcome = proto::Outcome {
            refusal: proto::outcome::Refusal::Superseded.into(),
            latest_boot: 9,
            ..Default::default()
        };
        Ok(Proposal { outcome, log_index: 5 })
    };
    let (_site, forwarder, mut packer) = waiting();
    let writing = forward(&forwarder);
    packer.next().await.unwrap().1.send(superseded()).unwrap();
    let answered = writing.await.unwrap();
    assert!(matches!(answered, Err(ProposeError::Faulty(_))), "{answered:?}");

    let (_site, forwarder, mut packer) = waiting();
    let writing = forward(&forwarder);
    packer.next().await.unwrap().1.send(Err(NotProposed::Lost)).unwrap();
    packer.next().await.unwrap().1.send(superseded()).unwrap();
    let answered = writing.await.unwrap();
    assert!(matches!(answered, Err(ProposeError::Unknown { .. })), "{answered:?}");
}

#[test]
fn only_a_leaders_own_refusal_says_that_nothing_was_written() {
    for refusal in [NotProposed::Busy, NotProposed::NotLeader { leader: None }] {
        assert_eq!(NotProposed::from_status(&refusal.to_status()), refusal);
        // As tonic names a connection that the other side has given up.
        let code = refusal.to_status().code();
        assert_eq!(NotProposed::from_status(&tonic::Status::new(code, "h2")), NotProposed::Lost);
    }
    assert_eq!(NotProposed::from_status(&NotProposed::Lost.to_status()), NotProposed::Lost);
}
