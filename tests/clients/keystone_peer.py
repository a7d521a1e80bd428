"""A real Keystone in one process.

keystone_peer.py DIR [--mariadb | REQUEST_FILE]

Makes its configuration, database and keys in DIR; a key repository that is there already, in
DIR/fernet-keys, is used, so that it knows the tokens of another server. REQUEST_FILE is JSON: the user
and the project to make with ids that the other server knows them by, and the role that the user gets in
the project. Serves on a loopback port that the system chooses and prints `listening PORT`; the admin's
password is `peer`, the region `RegionOne`. DIR/about.json names the versions of Keystone and of its database.

The database is SQLite, which needs nothing but Python; it neither enforces foreign keys nor compares text as
deployments do. With --mariadb it is a MariaDB of its own in DIR (Debian: mariadb-server).

One request at a time, as SQLite wants it. A cache in memory makes a request cost milliseconds.
"""

import ctypes
import getpass
import importlib.metadata
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from threading import Thread

from werkzeug.serving import WSGIRequestHandler, make_server

SETUP_LIMIT_S = 240
START_LIMIT_S = 60
PR_SET_PDEATHSIG = 1
POLL_PAUSE_S = 0.1

CONFIGURATION = """
[DEFAULT]
log_file = {folder}/keystone.log
public_endpoint = {url}
[database]
connection = {database}
[fernet_tokens]
key_repository = {folder}/fernet-keys
[credential]
key_repository = {folder}/credential-keys
[token]
provider = fernet
[identity]
password_hash_rounds = 4
[cache]
enabled = true
backend = dogpile.cache.memory
proxies = oslo_cache.testing.CacheIsolatingProxy
"""


class QuietHandler(WSGIRequestHandler):
    """Adds no header that Keystone does not give: what it leaves out is compared too."""

    def log(self, *_):
        pass


def run_to_end(*words):
    """Output of a program that has to succeed."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=SETUP_LIMIT_S)
    if done.returncode:
        sys.exit(f"{' '.join(words)}: {done.stdout[-2000:]} {done.stderr[-4000:]}")
    return done.stdout


def program(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    return path or sys.exit(f"{name} is missing: apt-get install mariadb-server")


def start_mariadb(folder):
    """Starts an empty MariaDB, which ends with this process. Returns its URL and version."""
    server = program("mariadbd")
    data, name = os.path.join(folder, "mariadb"), os.path.join(folder, "mariadb.sock")
    user = f"--user={getpass.getuser()}"
    run_to_end(program("mariadb-install-db"), "--no-defaults", user, f"--datadir={data}",
               "--auth-root-authentication-method=normal", "--skip-test-db")
    # Nothing of it has to outlive a power failure.
    quick = ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--innodb-use-native-aio=0"]
    with open(os.path.join(folder, "mariadb.log"), "w") as log:
        process = subprocess.Popen(
            [server, "--no-defaults", user, f"--datadir={data}", f"--socket={name}", "--skip-networking",
             f"--pid-file={folder}/mariadb.pid", "--character-set-server=utf8mb3", *quick],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=end_with_parent)
    client = [program("mariadb"), "--no-defaults", "-uroot", f"--socket={name}", "--batch", "--skip-column-names"]
    deadline = time.monotonic() + START_LIMIT_S
    while subprocess.run([*client, "-e", "SELECT 1"], capture_output=True).returncode:
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"MariaDB does not start: see {folder}/mariadb.log")
        time.sleep(POLL_PAUSE_S)
    version = run_to_end(*client, "-e", "CREATE DATABASE keystone CHARACTER SET utf8mb3; SELECT VERSION()").strip()
    return f"mysql+pymysql://root@localhost/keystone?unix_socket={name}&charset=utf8", f"MariaDB {version}"


def end_with_parent():
    """Has the kernel end this process when its parent ends, even by `kill -9`."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def manage(configuration, *words):
    """One command of Keystone's administrator."""
    script = os.path.join(os.path.dirname(sys.executable), "keystone-manage")
    run_to_end(script, "--config-file", configuration, *words)


def call(base, method, path, body=None, token=None):
    request = urllib.request.Request(base + path, method=method, data=json.dumps(body).encode() if body else None,
                                     headers={"Content-Type": "application/json"})
    if token:
        request.add_header("X-Auth-Token", token)
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
        return answer.headers, json.loads(text) if text else None


def grant(base, asked):
    """Gives the user the role in the project."""
    who = {"name": "admin", "domain": {"id": "default"}, "password": "peer"}
    scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": who}}, "scope": scope}}
    token = call(base, "POST", "/v3/auth/tokens", body)[0]["X-Subject-Token"]
    roles = call(base, "GET", f"/v3/roles?name={asked['role']}", token=token)[1]["roles"]
    path = f"/v3/projects/{asked['project_id']}/users/{asked['user_id']}/roles/{roles[0]['id']}"
    call(base, "PUT", path, token=token)


def main():
    folder, *options = sys.argv[1:]
    asked = None
    database, about = f"sqlite:///{folder}/keystone.db", f"SQLite {sqlite3.sqlite_version}"
    if options == ["--mariadb"]:
        database, about = start_mariadb(folder)
    elif options:
        with open(options[0]) as file:
            asked = json.load(file)
    with open(os.path.join(folder, "about.json"), "w") as file:
        json.dump({"keystone": importlib.metadata.version("keystone"), "database": about}, file)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    configuration = os.path.join(folder, "keystone.conf")
    with open(configuration, "w") as file:
        file.write(CONFIGURATION.format(folder=folder, url=f"http://127.0.0.1:{port}", database=database))
    owner = ["--keystone-user", str(os.getuid()), "--keystone-group", str(os.getgid())]
    manage(configuration, "db_sync")
    for repository in ["fernet", "credential"]:
        path = os.path.join(folder, f"{repository}-keys")
        if not os.path.isdir(path):
            os.makedirs(path, mode=0o700)
            manage(configuration, f"{repository}_setup", *owner)
    urls = [word for kind in ["admin", "internal", "public"]
            for word in [f"--bootstrap-{kind}-url", "$(public_endpoint)s/v3"]]
    manage(configuration, "bootstrap", "--bootstrap-password", "peer", "--bootstrap-region-id", "RegionOne", *urls)
    if asked:
        manage(configuration, "user_setup", "--username", asked["user_name"], "--user-id", asked["user_id"],
               "--user-password-plain", asked["password"])
        manage(configuration, "project_setup", "--project-name", asked["project_name"],
               "--project-id", asked["project_id"])

    os.environ["OS_KEYSTONE_CONFIG_FILES"] = configuration
    del sys.argv[1:]  # Keystone would take them for its own
    from keystone.wsgi.api import application

    server = make_server("127.0.0.1", port, application, request_handler=QuietHandler, fd=listener.fileno())
    Thread(target=server.serve_forever, daemon=True).start()
    if asked:
        grant(f"http://127.0.0.1:{port}", asked)
    print(f"listening {port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
