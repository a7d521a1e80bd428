# The commands of this repository. `just` alone lists them; tests/tools/prepare provides it.

_list:
    @just --list --unsorted

# Before every commit: format, lints, unit tests
check: fmt lint unit

# Format the code
fmt:
    cargo fmt --all

# Lints, spelling, dependencies
lint:
    cargo clippy --workspace --all-targets -- -D warnings
    tests/tools/deny || [ $? = 77 ]  # left out
    PATH=$(tests/tools/prepare):$PATH typos

# Unit tests, or those whose names contain FILTER
unit *FILTER:
    tests/run --lib --bins {{ FILTER }}

# API tests in process
api *FILTER:
    tests/run --test api {{ FILTER }}

# Tests of the whole system, on clusters of real processes
system *FILTER:
    tests/run --test system {{ FILTER }}

# Compare with Keystone's recorded responses; SEQUENCES as `users,groups`
diff SEQUENCES='':
    {{ if SEQUENCES == '' { '' } else { 'KEYRAFT_DIFFERENTIAL=' + SEQUENCES } }} tests/run --test differential

# Compare with a real Keystone and show what its recordings lack; --record replaces them
diff-live *SEQUENCES:
    tests/differential/live {{ SEQUENCES }}

# Simulate SEEDS runs of the nodes
sim SEEDS='50':
    KEYRAFT_SIMULATION_SEEDS={{ SEEDS }} tests/run --test simulation of_the_seeds

# Break the world of real nodes: --smoke, --short or --long
chaos *LENGTH='--smoke':
    cargo build --release --workspace --bins
    target/release/keyraft-jepsen suite {{ LENGTH }}

# Fuzz TARGETS, all of them unless some are named, for SECONDS each
fuzz SECONDS='600' *TARGETS:
    fuzz/run {{ SECONDS }} {{ TARGETS }}

# Run what a change has to pass
ci:
    .ci/run

# Run one nightly part, or those whose inputs have changed
nightly *PART:
    .ci/nightly {{ PART }}
