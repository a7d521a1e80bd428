//! Invocations and ends by time, as a list out of which calls are lifted and into which they are put back.

use std::time::Duration;

use crate::checker::linearizable::Call;

/// Something in the list.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// The call could be done from here on.
    Invocation(usize),
    /// A call must have been done by now.
    End(Duration),
}

/// The list. A place links to the one before and the one after; place 0 is before all of them.
pub(super) struct Events {
    events: Vec<Event>,
    before: Vec<usize>,
    after: Vec<usize>,
    /// For each call the place of its invocation, and that of its end.
    places: Vec<(usize, Option<usize>)>,
}

impl Events {
    pub(super) fn new(calls: &[Call<'_>]) -> Self {
        let mut moments = Vec::with_capacity(2 * calls.len());
        for (number, call) in calls.iter().enumerate() {
            moments.push((call.from, false, number));
            if let Some(deadline) = call.deadline {
                moments.push((deadline.max(call.from), true, number));
            }
        }
        // At the same moment invocations come first: what touches is concurrent.
        moments.sort_unstable();
        let mut places = vec![(0, None); calls.len()];
        let mut events = vec![Event::End(Duration::ZERO)];
        for (moment, is_end, number) in moments {
            if let Some(place) = places.get_mut(number) {
                if is_end {
                    place.1 = Some(events.len());
                } else {
                    place.0 = events.len();
                }
            }
            events.push(if is_end { Event::End(moment) } else { Event::Invocation(number) });
        }
        let count = events.len();
        let before = (0..count).map(|place| place.saturating_sub(1)).collect();
        // After the last there is place 0 again.
        let after = (0..count).map(|place| if place + 1 < count { place + 1 } else { 0 }).collect();
        let mut events = Self { events, before, after, places };
        if let Some(first) = events.before.first_mut() {
            *first = count - 1;
        }
        events
    }

    pub(super) fn first(&self) -> Option<usize> {
        self.after(Some(0))
    }

    pub(super) fn after(&self, place: Option<usize>) -> Option<usize> {
        self.after.get(place?).copied().filter(|after| *after != 0)
    }

    pub(super) fn get(&self, place: usize) -> Option<Event> {
        self.events.get(place).copied()
    }

    pub(super) fn invocation(&self, call: usize) -> Option<usize> {
        self.places.get(call).map(|(invocation, _)| *invocation)
    }

    pub(super) fn lift(&mut self, call: usize) {
        let Some((invocation, end)) = self.places.get(call).copied() else { return };
        for place in std::iter::once(invocation).chain(end) {
            let (before, after) = self.neighbours(place);
            self.link(before, after);
        }
    }

    /// Puts back what was lifted last.
    pub(super) fn unlift(&mut self, call: usize) {
        let Some((invocation, end)) = self.places.get(call).copied() else { return };
        for place in end.into_iter().chain(std::iter::once(invocation)) {
            let (before, after) = self.neighbours(place);
            self.link(before, place);
            self.link(place, after);
        }
    }

    fn neighbours(&self, place: usize) -> (usize, usize) {
        let of = |links: &[usize]| links.get(place).copied().unwrap_or_default();
        (of(&self.before), of(&self.after))
    }

    fn link(&mut self, before: usize, after: usize) {
        if let Some(link) = self.after.get_mut(before) {
            *link = after;
        }
        if let Some(link) = self.before.get_mut(after) {
            *link = before;
        }
    }
}
