//! `DIR/node-i/config.toml`

use std::fmt::Write;

use super::made_with::Shape;

/// The configuration of one node. Its paths are relative, so that the folder of the cluster may move.
pub fn text(shape: Shape, number: u16) -> String {
    let http = shape.http_address(number);
    let cluster = shape.cluster_address(number);
    let mut peers = String::new();
    for peer in shape.numbers() {
        // Writing to a string cannot fail.
        let _ = writeln!(peers, "    {{ id = {peer}, address = \"{}\" }},", shape.cluster_address(peer));
    }
    format!(
        "# Written by keyraft dev for node {number}; keyraft.sample.toml documents every key.\n\
         # To start this node by itself: keyraft serve --config FILE, with this file.\n\n\
         [node]\nid = {number}\ndata_dir = \".\"\ncluster_key_file = \"../cluster.key\"\n\
         public_endpoint = \"http://{http}\"\n\n\
         [http]\nlisten = \"{http}\"\n\n\
         [cluster]\nlisten = \"{cluster}\"\npeers = [\n{peers}]\n\n\
         [operations]\nstatus_without_credentials = true\nmetrics = true\n"
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use keyraft::config::Config;

    use super::*;

    #[test]
    fn a_node_accepts_its_configuration() {
        let text = text(Shape { nodes: 3, http_port: 5000 }, 2);
        let config = Config::parse(Path::new("config.toml"), &text).unwrap();
        assert_eq!(config.node.id, 2);
        assert_eq!(config.public_endpoint(), "http://127.0.0.1:5002");
        let peers: Vec<_> = config.cluster.peers.iter().map(|peer| peer.address.as_str()).collect();
        assert_eq!(peers, ["127.0.0.1:5100", "127.0.0.1:5101", "127.0.0.1:5102"]);
        assert_eq!(config.cluster.listen.to_string(), "127.0.0.1:5102");
    }
}
