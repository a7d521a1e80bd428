"""A service as OpenStack services are: an application behind keystonemiddleware's auth_token.

Serves on a loopback port that the system chooses and prints `listening PORT`. The application answers
with what the middleware has told it about the caller. Nothing is cached, so that each request asks the
identity service at AUTH_URL, as user SERVICE_USER of project SERVICE_PROJECT with the password on
standard input.
"""

import json
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

from keystonemiddleware import auth_token

TOLD = {
    "HTTP_X_IDENTITY_STATUS": "status",
    "HTTP_X_USER_ID": "user_id",
    "HTTP_X_USER_NAME": "user_name",
    "HTTP_X_USER_DOMAIN_ID": "user_domain_id",
    "HTTP_X_PROJECT_ID": "project_id",
    "HTTP_X_PROJECT_NAME": "project_name",
    "HTTP_X_ROLES": "roles",
    "HTTP_X_SERVICE_CATALOG": "catalog",
}


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({name: environ.get(key) for key, name in TOLD.items()}).encode()]


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def main():
    auth_url, username, project = sys.argv[1:]
    conf = {
        "www_authenticate_uri": auth_url,
        "auth_type": "password",
        "auth_url": auth_url,
        "username": username,
        "password": sys.stdin.readline().rstrip("\n"),
        "project_name": project,
        "user_domain_name": "Default",
        "project_domain_name": "Default",
        "interface": "internal",
        "delay_auth_decision": "false",
        "token_cache_time": "-1",
        "http_connect_timeout": "10",
    }
    guarded = auth_token.filter_factory(conf)(application)
    server = make_server("127.0.0.1", 0, guarded, handler_class=QuietHandler)
    print(f"listening {server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
