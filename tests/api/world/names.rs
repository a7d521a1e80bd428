//! Names for the ids of a world, so that requests can be written before there are any.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::request::Request;

#[derive(Default)]
pub struct Names(Mutex<Known>);

#[derive(Default)]
struct Known {
    values: BTreeMap<String, String>,
    requests: u64,
}

impl Names {
    /// From now on `{name}` means `value`.
    pub fn set(&self, name: &str, value: impl Into<String>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.values.insert(name.to_owned(), value.into());
    }

    pub fn get(&self, name: &str) -> String {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.values.get(name).unwrap_or_else(|| panic!("nothing is called {name}")).clone()
    }

    /// All names with what they mean.
    pub fn all(&self) -> BTreeMap<String, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values.clone()
    }

    /// The request with every name replaced.
    pub fn fill(&self, request: &Request) -> Request {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.requests += 1;
        let number = known.requests.to_string();
        known.values.insert("n".into(), number);
        let headers = request.headers.iter().map(|(name, value)| (*name, known.text(value))).collect();
        let body = request.body.clone().map(|mut body| {
            known.json(&mut body);
            body
        });
        Request { method: request.method.clone(), path: known.text(&request.path), headers, body }
    }
}

impl Known {
    fn text(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or_else(|| panic!("no name ends in {text}"));
            let value = self.values.get(name).unwrap_or_else(|| panic!("{text}: nothing is called {name}"));
            filled.push_str(before);
            filled.push_str(value);
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    fn json(&self, value: &mut Value) {
        match value {
            Value::String(text) if text.contains('{') => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(item)),
            Value::Object(object) => object.values_mut().for_each(|item| self.json(item)),
            _ => {}
        }
    }
}
