//! Which process has the other end of a connection on this machine.

use std::fs;
use std::net::{IpAddr, SocketAddr};

/// The inode of the socket that is bound to this local address; IPv4 alone.
#[must_use]
pub fn inode_of(local: SocketAddr) -> Option<u64> {
    let IpAddr::V4(ip) = local.ip() else { return None };
    // The kernel prints the address as a number of the machine, whose first byte is the last.
    let wanted = format!("{:08X}:{:04X}", u32::from_le_bytes(ip.octets()), local.port());
    let table = fs::read_to_string("/proc/self/net/tcp").ok()?;
    let lines = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut found = lines.filter(|fields| fields.get(1) == Some(&wanted.as_str()));
    found.find_map(|fields| fields.get(9)?.parse().ok().filter(|inode| *inode != 0))
}

/// Whether a process has this socket open.
#[must_use]
pub fn has(process: u32, inode: u64) -> bool {
    let wanted = format!("socket:[{inode}]");
    let entries = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|target| target.as_os_str() == wanted.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_of_a_connection_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let inode = inode_of(stream.local_addr().unwrap()).unwrap();
        assert!(has(std::process::id(), inode));
        assert!(!has(1, inode) || std::process::id() == 1);
    }
}
