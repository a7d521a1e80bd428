//! Compiles the `.proto` files with `protox`, so that no `protoc` is needed on the machine.

use std::error::Error;

const FILES: [&str; 2] = ["keyraft/cluster.proto", "keyraft/identity.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    tonic_prost_build::configure().bytes(".").btree_map(".").compile_fds(descriptors)?;
    Ok(())
}
