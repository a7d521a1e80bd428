//! Objects that exist, so that each request has one fault only.

use std::path::Path;

use serde_json::json;

use super::routes::{self, Route};
use crate::support::{Client, DevCluster};
use keyraft::token::fernet::{FernetKey, KeyRing};

/// A cluster with one of everything.
pub struct World {
    /// A token of the admin.
    pub admin: String,
    /// The keys that the cluster makes tokens with.
    pub keys: KeyRing,
    pub routes: Vec<Route>,
    /// The values of the parameters of paths.
    ids: Vec<(&'static str, String)>,
}

impl World {
    pub async fn make(cluster: &DevCluster) -> Self {
        let url = cluster.url(0);
        let client = Client::admin(&url).await;
        let admin = client.token.clone().unwrap();
        let id = |made: &serde_json::Value| made["id"].as_str().unwrap().to_owned();
        let user = client.create(&url, "user", json!({"name": "malformed", "password": "right"})).await;
        let group = client.create(&url, "group", json!({"name": "malformed"})).await;
        let project = client.create(&url, "project", json!({"name": "malformed", "tags": ["tag"]})).await;
        let domain = client.create(&url, "domain", json!({"name": "malformed"})).await;
        let role = client.create(&url, "role", json!({"name": "malformed"})).await;
        let implied = client.create(&url, "role", json!({"name": "implied"})).await;
        let region = client.create(&url, "region", json!({"id": "malformed"})).await;
        let service = client.create(&url, "service", json!({"type": "malformed"})).await;
        let endpoint = json!({"service_id": service["id"], "interface": "public", "url": "http://malformed"});
        let endpoint = client.create(&url, "endpoint", endpoint).await;
        let ids = vec![
            ("user_id", id(&user)),
            ("group_id", id(&group)),
            ("project_id", id(&project)),
            ("domain_id", id(&domain)),
            ("role_id", id(&role)),
            ("implied_role_id", id(&implied)),
            ("region_id", id(&region)),
            ("service_id", id(&service)),
            ("endpoint_id", id(&endpoint)),
            ("value", "tag".to_owned()),
        ];
        let routes = routes::described(&client.get(&format!("{url}/openapi.json")).await);
        Self { admin, keys: keys(cluster), routes, ids }
    }

    /// The path with its parameters, as they exist.
    pub fn path(&self, template: &str) -> String {
        let fill = |path: String, (name, id): &(&str, String)| path.replace(&format!("{{{name}}}"), id);
        let path = self.ids.iter().fold(template.to_owned(), fill);
        assert!(!path.contains('{'), "there is nothing for a parameter of {template}");
        path
    }

    /// The path with one parameter that names something else.
    pub fn path_with(&self, template: &str, parameter: &str, value: &str) -> String {
        self.path(&template.replace(&format!("{{{parameter}}}"), value))
    }
}

fn keys(cluster: &DevCluster) -> KeyRing {
    let folder = tempfile::tempdir().unwrap();
    let exported = folder.path().join("keys");
    let output = cluster.administer(0, &["fernet", "export"], &[exported.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let read = |path: &Path| FernetKey::from_base64(&std::fs::read_to_string(path).unwrap()).unwrap();
    let files = std::fs::read_dir(&exported).unwrap().map(|file| file.unwrap());
    let keys = files.map(|file| (file.file_name().to_str().unwrap().parse().unwrap(), read(&file.path())));
    KeyRing::new(keys).unwrap()
}
