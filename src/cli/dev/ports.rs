//! Ports are checked before anything starts, so that a busy one is one clear line.

use std::net::{SocketAddr, TcpListener};

use super::super::failure::Failure;
use super::made_with::Shape;

/// Whether each node will be able to listen.
///
/// # Errors
/// A port is in use or may not be used; the first one is named with its node.
pub fn check(shape: Shape) -> Result<(), Failure> {
    for number in shape.numbers() {
        check_one(shape.http_address(number), "the API", number)?;
        check_one(shape.cluster_address(number), "the cluster service", number)?;
    }
    Ok(())
}

fn check_one(address: SocketAddr, purpose: &str, number: u16) -> Result<(), Failure> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::runtime(error)
            .within(format_args!("port {} ({purpose} of node {number}) cannot be used", address.port()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_is_named_with_its_node() {
        let busy = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = busy.local_addr().unwrap().port();
        let error = check_one(busy.local_addr().unwrap(), "the API", 2).unwrap_err().to_string();
        assert!(error.starts_with(&format!("port {port} (the API of node 2) cannot be used: ")), "{error}");
    }
}
