"""A real Keystone in one process: it validates our tokens and issues some of its own.

keystone_peer.py DIR REQUEST_FILE

DIR holds the key repository in DIR/fernet-keys; the rest (configuration, SQLite database) is made
there. REQUEST_FILE is JSON: the user and the project to make with ids that the other side knows them
by, and the role that the user gets in the project. Serves on a loopback port that the system chooses
and prints `listening PORT`; the admin's password is `peer`.
"""

import json
import os
import socketserver
import subprocess
import sys
import urllib.request
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

SETUP_LIMIT_S = 240

CONFIGURATION = """
[DEFAULT]
log_file = {folder}/keystone.log
[database]
connection = sqlite:///{folder}/keystone.db
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


class ThreadingServer(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def manage(configuration, *words):
    """One command of Keystone's administrator."""
    script = os.path.join(os.path.dirname(sys.executable), "keystone-manage")
    done = subprocess.run([script, "--config-file", configuration, *words], capture_output=True, text=True,
                          timeout=SETUP_LIMIT_S)
    if done.returncode:
        sys.exit(f"keystone-manage {words[0]}: {done.stdout[-2000:]} {done.stderr[-4000:]}")


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
    folder, request_file = sys.argv[1:]
    with open(request_file) as file:
        asked = json.load(file)
    configuration = os.path.join(folder, "keystone.conf")
    with open(configuration, "w") as file:
        file.write(CONFIGURATION.format(folder=folder))
    os.makedirs(os.path.join(folder, "credential-keys"), mode=0o700)
    manage(configuration, "db_sync")
    manage(configuration, "credential_setup", "--keystone-user", str(os.getuid()), "--keystone-group", str(os.getgid()))
    manage(configuration, "bootstrap", "--bootstrap-password", "peer")
    manage(configuration, "user_setup", "--username", asked["user_name"], "--user-id", asked["user_id"],
           "--user-password-plain", asked["password"])
    manage(configuration, "project_setup", "--project-name", asked["project_name"], "--project-id", asked["project_id"])

    os.environ["OS_KEYSTONE_CONFIG_FILES"] = configuration
    del sys.argv[1:]  # Keystone would take them for its own
    from keystone.wsgi.api import application

    server = make_server("127.0.0.1", 0, application, server_class=ThreadingServer, handler_class=QuietHandler)
    Thread(target=server.serve_forever, daemon=True).start()
    grant(f"http://127.0.0.1:{server.server_port}", asked)
    print(f"listening {server.server_port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
