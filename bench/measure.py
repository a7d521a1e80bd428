"""What the measurements in this folder share: a cluster of release nodes, wrk, and the clock of the machine."""

import contextlib
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
PASSWORD = "bench"
LIMIT_S = 120
QUIET_SHARE = 0.1


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def target_folder():
    words = ["cargo", "metadata", "--format-version=1", "--no-deps", "--manifest-path", f"{ROOT}/Cargo.toml"]
    return json.loads(subprocess.check_output(words))["target_directory"]


def build():
    words = ["cargo", "build", "--release", "--manifest-path", f"{ROOT}/Cargo.toml", "--bin", "keyraft"]
    subprocess.run([*words, "--example", "hello"], check=True)


def free_port(count=1):
    """A port such that the next ones, and those a hundred further, are free as well."""
    for port in range(31_000, 32_500, 20):
        with contextlib.ExitStack() as bound:
            try:
                for wanted in [*range(port, port + count), *range(port + 100, port + 100 + count)]:
                    listener = bound.enter_context(socket.socket())
                    listener.bind(("127.0.0.1", wanted))
                return port
            except OSError:
                continue
    sys.exit("bench: no free ports")


def wait_for_port(port):
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    sys.exit(f"bench: nothing listens on port {port}")


class Cluster:
    """Nodes of `keyraft dev`; without leases, every read asks the leader and no write waits for a holder."""

    def __init__(self, binary, folder, nodes=3, has_leases=True):
        self.binary, self.folder, self.nodes, self.port = binary, folder, nodes, free_port(nodes)
        self.start("--nodes", str(nodes), "--http-port", str(self.port), "--admin-password", PASSWORD)
        if not has_leases:
            self.close()
            for number in range(nodes):
                name = f"{folder}/node-{number}/config.toml"
                with open(name) as file:
                    text = file.read()
                with open(name, "w") as file:
                    file.write(text.replace("[cluster]\n", "[cluster]\nleases = false\n"))
            self.start()
        status = json.loads(subprocess.check_output([binary, "status", "--json", "--url", self.url(0)]))
        self.leader = status["leader"]
        self.follower = next(node["number"] for node in status["nodes"] if node["role"] == "follower")
        self.pids = [int(open(f"{folder}/node-{number}/pid").read()) for number in range(nodes)]

    def start(self, *arguments):
        words = [self.binary, "dev", "--data-dir", self.folder, *arguments]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        if not self.process.stdout.readline().startswith("ready"):
            sys.exit("bench: keyraft dev did not get ready")

    def lease_holders(self, token):
        """How many nodes beside the leader answer a read by their lease."""
        by_lease = lambda url: sum(
            float(line.split()[1]) for line in call(f"{url}/metrics")[1].decode().splitlines()
            if line.startswith('keyraft_reads_total{by="lease"}'))
        holders = 0
        for url in (self.url(number) for number in range(self.nodes) if number != self.leader):
            before = by_lease(url)
            call(f"{url}/v3/regions", token=token)
            holders += by_lease(url) > before
        return holders

    def url(self, number):
        return f"http://127.0.0.1:{self.port + number}"

    def close(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(LIMIT_S)


def call(url, body=None, token=None, subject=None, method=None):
    """(headers, body bytes) of one request."""
    headers = {"Content-Type": "application/json"}
    headers |= {"X-Auth-Token": token} if token else {}
    headers |= {"X-Subject-Token": subject} if subject else {}
    request = urllib.request.Request(url, data=json.dumps(body).encode() if body else None, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
        return answer.headers, answer.read()


def log_in(url, identity):
    scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
    headers, _ = call(f"{url}/v3/auth/tokens", {"auth": {"identity": identity, "scope": scope}})
    return headers["X-Subject-Token"]


def by_password(name, password=PASSWORD):
    user = {"name": name, "domain": {"id": "default"}, "password": password}
    return {"methods": ["password"], "password": {"user": user}}


def by_token(token):
    return {"methods": ["token"], "token": {"id": token}}


def machine_seconds():
    """(busy, all) seconds of all processors since the start of the machine; time that the kernel spends on
    interrupts, most of it for the load itself, belongs to no process and is not counted as busy."""
    with open("/proc/stat") as file:
        user, nice, system, idle, io_wait, *rest = [int(field) for field in file.readline().split()[1:9]]
    hz = os.sysconf("SC_CLK_TCK")
    return (user + nice + system) / hz, (user + nice + system + idle + io_wait + sum(rest)) / hz


def process_seconds(pids):
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def wait_until_quiet(limit_s):
    end = time.monotonic() + limit_s
    while True:
        busy, whole = machine_seconds()
        time.sleep(1)
        busy, whole = machine_seconds()[0] - busy, machine_seconds()[1] - whole
        if busy / max(whole, 0.01) < QUIET_SHARE or time.monotonic() > end:
            return


def load(url, clients, seconds, token, pids, *arguments, quiet_s):
    """One run of wrk."""
    wait_until_quiet(quiet_s)
    words = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s", "-s", f"{HERE}/requests.lua", url]
    own = os.times()
    busy, whole, served = *machine_seconds(), process_seconds(pids)
    done = subprocess.run([*words, "--", *arguments], env=os.environ | {"BENCH_TOKEN": token}, text=True,
                          capture_output=True, timeout=seconds * 3 + LIMIT_S)
    found = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not found:
        sys.exit(f"bench: wrk failed: {done.stdout[-800:]} {done.stderr[-800:]}")
    result = json.loads(found[0].removeprefix("RESULT "))
    served = process_seconds(pids) - served
    generated = os.times()
    generated = generated.children_user + generated.children_system - own.children_user - own.children_system
    now_busy, now_whole = machine_seconds()
    others = (now_busy - busy - served - generated) / max(now_whole - whole, 0.01)
    result["rate"] = result["requests"] / result["duration_us"] * 1e6
    result["cpu_ms"] = served * 1000 / max(result["requests"], 1)
    result["others_percent"] = max(0, round(100 * others))
    say(f"{' '.join(arguments[:1])} {url} {clients}: {result}")
    return result


def medians(rows):
    """Of several runs, the median of each number; the errors of all."""
    middle = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    return middle | {"errors": sum(row["errors"] for row in rows)}


def syncs_per_second(folder):
    """How often the disk takes one small append: the bound of one client's writes."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        start, count = time.monotonic(), 0
        while time.monotonic() - start < 2:
            os.write(file.fileno(), b"x" * 512)
            os.fdatasync(file.fileno())
            count += 1
        return count / (time.monotonic() - start)


def machine():
    with open("/proc/cpuinfo") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return f"{len(models)} x {models[0] if models else platform.machine()}, Linux {platform.release()}"
