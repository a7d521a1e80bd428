//! A node from its start, before it belongs to a cluster and after.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};

use crate::application::Application;
use crate::formation::FormCall;
use crate::node::member::Member;
use crate::node::site::Site;
use crate::published::Publication;

/// What the server, the formation and the node's handle share.
pub(crate) struct Core<A: Application> {
    pub(crate) site: Arc<Site>,
    /// Set once the node belongs to a cluster.
    member: watch::Sender<Option<Arc<Member<A>>>>,
    publication: ArcSwap<Publication<A>>,
    is_formed: AtomicBool,
    form_calls: mpsc::Sender<FormCall>,
}

impl<A: Application> Core<A> {
    pub(crate) fn new(
        site: Arc<Site>,
        publication: Publication<A>,
        form_calls: mpsc::Sender<FormCall>,
    ) -> Arc<Self> {
        Arc::new(Self {
            site,
            member: watch::Sender::new(None),
            publication: ArcSwap::from_pointee(publication),
            is_formed: AtomicBool::new(false),
            form_calls,
        })
    }

    /// What runs here as part of the cluster; none while the node belongs to none.
    pub(crate) fn member(&self) -> Option<Arc<Member<A>>> {
        self.member.borrow().clone()
    }

    /// The same, once it does.
    pub(crate) async fn await_member(&self, limit: Duration) -> Option<Arc<Member<A>>> {
        let mut members = self.member.subscribe();
        let member = tokio::time::timeout(limit, members.wait_for(Option::is_some)).await.ok()?.ok()?;
        member.clone()
    }

    pub(crate) fn set_member(&self, member: Arc<Member<A>>) {
        self.publication.store(Arc::new(member.publication.clone()));
        self.member.send_replace(Some(member));
    }

    pub(crate) fn publication(&self) -> Publication<A> {
        Publication::clone(&self.publication.load())
    }

    /// Whether the cluster that this node belongs to has begun to write its log.
    pub(crate) fn is_formed(&self) -> bool {
        self.is_formed.load(Ordering::SeqCst)
            || self.member().is_some_and(|member| member.raft.data_metrics().borrow().last_log.is_some())
    }

    pub(crate) fn set_formed(&self) {
        self.is_formed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn form_calls(&self) -> &mpsc::Sender<FormCall> {
        &self.form_calls
    }
}
