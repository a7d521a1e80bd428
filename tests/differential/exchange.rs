//! Sends the requests of a session, and compares what comes back.

use futures::future::join_all;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::callers::callers;
use super::compare::compare;
use super::pair::{Pair, Side};
use super::peer::Peer;
use super::report::Compared;
use super::request::{Body, Request, get};
use super::response::{Response, Responses};
use super::session::Session;
use super::times::{self, Clock, Span};

/// Pages of a list that are walked at most.
const MAX_PAGES: usize = 100;

impl Session {
    /// Sends to both at once, or to ours alone in a replay, and compares; whatever the responses are.
    pub fn exchange(&mut self, caller: &str, request: &Request) -> Responses {
        let (ours, node) = self.build_ours(caller, request);
        let responses = match &mut self.peer {
            Peer::Live(live) => {
                let url = live.url.clone();
                let theirs = self.build(Side::Theirs, &url, caller, request);
                let both = async { tokio::join!(read(theirs, &url), read(ours, &node)) };
                let (theirs, ours) = self.runtime.block_on(both);
                self.record(caller, request, &theirs);
                Responses { theirs, ours }
            }
            Peer::Recorded(_) => {
                let theirs = self.recorded(caller, request);
                Responses { theirs, ours: self.runtime.block_on(read(ours, &node)) }
            }
        };
        self.compared(caller, request, &responses);
        responses
    }

    /// GET and HEAD by each of [`callers`]. In a replay they are sent at once: none depends on another.
    pub fn reads(&mut self, request: &Request) {
        let both = [request.clone(), Request { method: Method::HEAD, ..request.clone() }];
        let mut sent = Vec::new();
        for caller in callers() {
            self.count();
            for request in &both {
                if matches!(self.peer, Peer::Live(_)) {
                    self.exchange(caller, request);
                } else {
                    let theirs = self.recorded(caller, request);
                    let (ours, node) = self.build_ours(caller, request);
                    sent.push(async move { (caller, request, theirs, read(ours, &node).await) });
                }
            }
        }
        for (caller, request, theirs, ours) in self.runtime.block_on(join_all(sent)) {
            self.compared(caller, request, &Responses { theirs, ours });
        }
    }

    /// Follows the pages of a list to its end on both sides. `field` names its rows, and the path has a query.
    pub fn pages(&mut self, caller: &str, path: &str, field: &str) {
        let mut request = get(path).page();
        let mut rows = Pair { theirs: Vec::new(), ours: Vec::new() };
        for _ in 0..MAX_PAGES {
            let responses = self.by(caller, 200, request);
            let members = |response: &Response| response.json[field].as_array().cloned().unwrap_or_default();
            // Our pages come from several nodes, each with its own URL in the links.
            rows.theirs.extend(members(&responses.theirs).iter().map(without_links));
            rows.ours.extend(members(&responses.ours).iter().map(without_links));
            let marker = responses.map(|response| {
                let link = response.text_at("/links/next")?;
                link.rsplit_once("marker=").map(|(_, marker)| marker.to_owned())
            });
            match (marker.theirs, marker.ours) {
                (Some(theirs), Some(ours)) => self.names.set("marker", Pair { theirs, ours }),
                (None, None) => break,
                // The comparison of the page has reported it.
                _ => return,
            }
            request = get(&format!("{path}&marker={{marker}}")).page();
        }
        let whole = |rows: Vec<Value>, base_url: &str| {
            let json = json!({ field: rows });
            let (text, base_url) = (json.to_string(), base_url.to_owned());
            Response { status: 200, headers: HeaderMap::default(), text, json, base_url }
        };
        let ours = whole(rows.ours, &self.nodes[0]);
        // Nobody has sent it, but it is recorded as if: recorded pages do not have the rows.
        let all_pages = get(&format!("{path} on all pages"));
        let theirs = match &self.peer {
            Peer::Live(live) => {
                let theirs = whole(rows.theirs, &live.url);
                self.record(caller, &all_pages, &theirs);
                theirs
            }
            Peer::Recorded(_) => self.recorded(caller, &all_pages),
        };
        self.compared(caller, &get(path), &Responses { theirs, ours });
    }

    fn record(&mut self, caller: &str, request: &Request, theirs: &Response) {
        let span = self.span();
        if let Peer::Live(live) = &mut self.peer {
            live.keep(caller, request, theirs, span);
        }
    }

    /// Takes the recorded response.
    ///
    /// # Panics
    /// It is not that to this request, so that the sequence cannot go on.
    fn recorded(&mut self, caller: &str, request: &Request) -> Response {
        let Peer::Recorded(replay) = &mut self.peer else { panic!("nothing is replayed") };
        replay.next(caller, request).unwrap_or_else(|error| panic!("{error}"))
    }

    fn span(&self) -> Span {
        Span { start: self.start, now: times::now() }
    }

    fn compared(&mut self, caller: &str, request: &Request, responses: &Responses) {
        let clock = match self.peer {
            Peer::Live(_) => Clock::Shared,
            Peer::Recorded(_) => Clock::Recorded(self.span()),
        };
        let differences = compare(responses, request.is_page, clock, &mut self.ids);
        let shown = || {
            let path = |side| self.names.fill(&request.path, side);
            let theirs = shown(&responses.theirs, &path(Side::Theirs));
            format!("{theirs}\n{}", shown(&responses.ours, &path(Side::Ours)))
        };
        self.report.add(&Compared {
            sequence: self.sequence,
            caller,
            request,
            their_status: responses.theirs.status,
            differences: &differences,
            shown: &shown,
        });
    }

    /// A request to a node that chance chooses, and the URL of the node.
    fn build_ours(&mut self, caller: &str, request: &Request) -> (reqwest::RequestBuilder, String) {
        let node = self.draw_node();
        (self.build(Side::Ours, &node, caller, request), node)
    }

    fn build(&self, side: Side, base_url: &str, caller: &str, request: &Request) -> reqwest::RequestBuilder {
        let url = format!("{base_url}{}", self.names.fill(&request.path, side));
        let mut builder = self.http.request(request.method.clone(), url);
        let token = self.tokens.get(caller).unwrap_or_else(|| panic!("there is no caller {caller}"));
        if let Some(token) = token.on(side) {
            builder = builder.header("X-Auth-Token", token);
        }
        for (name, value) in &request.headers {
            builder = builder.header(*name, self.names.fill(value, side));
        }
        match &request.body {
            Body::None => builder,
            Body::Json(body) => builder.json(&self.names.fill_json(body, side)),
            Body::Text(text) => builder.body(self.names.fill(text, side)),
        }
    }
}

async fn read(request: reqwest::RequestBuilder, base_url: &str) -> Response {
    let response =
        request.send().await.unwrap_or_else(|error| panic!("no response of {base_url}: {error:?}"));
    Response::read(response, base_url).await.unwrap_or_else(|error| panic!("{base_url}: {error:?}"))
}

/// A response as a report of differences has it.
fn shown(response: &Response, path: &str) -> String {
    const MAX_SHOWN: usize = 1500;
    let Response { status, headers, text, base_url, .. } = response;
    let names = ["content-type", "location", "allow", "www-authenticate", "vary", "content-length"];
    let headers = names.iter().filter_map(|name| Some(format!(" {name}={:?}", headers.get(*name)?)));
    let text: String = text.chars().take(MAX_SHOWN).collect();
    format!("  {base_url}{path}\n    {status}{}\n    {text}", headers.collect::<String>())
}

fn without_links(row: &Value) -> Value {
    let mut row = row.clone();
    if let Some(fields) = row.as_object_mut() {
        fields.remove("links");
    }
    row
}
