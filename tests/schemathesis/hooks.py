"""What schemathesis has to know of a cluster to get beyond 404, and to leave standing what it stands on.

KEYRAFT_NODES has the URLs of the nodes, separated by spaces, and KEYRAFT_TOKEN a token of the admin. Every request goes
to the next node. Half of the requests, and all that would meet the admin's own things, are about things that were made
for them; what a request has deleted is made anew. The only token that is revoked is one of a user for just that.
"""

import itertools
import os
import uuid

import requests
import schemathesis

NODES = os.environ["KEYRAFT_NODES"].split()
API = NODES[0] + "/v3"
TIMEOUT_S = 10

turns = itertools.count()
session = requests.Session()
session.trust_env = False
session.headers["X-Auth-Token"] = os.environ["KEYRAFT_TOKEN"]


def call(method, path, body=None, status=None):
    answer = session.request(method, API + path, json=body, timeout=TIMEOUT_S)
    if status is not None:
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer


def make(kind, **fields):
    return call("POST", f"/{kind}s", {kind: fields}, 201).json()[kind]["id"]


def new_name():
    return uuid.uuid4().hex


def make_endpoint():
    return make("endpoint", service_id=things["service_id"], interface="public", url="http://described")


# The parameters of paths, what they are called in the API, and how to make one.
KINDS = {
    "user_id": ("users", lambda: make("user", name=new_name())),
    "group_id": ("groups", lambda: make("group", name=new_name())),
    "project_id": ("projects", lambda: make("project", name=new_name())),
    "domain_id": ("domains", lambda: make("domain", name=new_name())),
    "role_id": ("roles", lambda: make("role", name=new_name())),
    "implied_role_id": ("roles", lambda: make("role", name=new_name())),
    "region_id": ("regions", lambda: make("region")),
    "service_id": ("services", lambda: make("service", type=new_name())),
    "endpoint_id": ("endpoints", make_endpoint),
}
things = {}


def make_missing():
    for parameter, (collection, new) in KINDS.items():
        if parameter not in things or call("GET", f"/{collection}/{things[parameter]}").status_code == 404:
            things[parameter] = new()


def make_subject():
    """A token that may be revoked."""
    user = {"id": subject_id, "password": "subject"}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
    return call("POST", "/auth/tokens", body, 201).headers["X-Subject-Token"]


def kept():
    """What the admin stands on."""
    token = session.get(API + "/auth/tokens", headers={"X-Subject-Token": session.headers["X-Auth-Token"]}).json()["token"]
    return {"default", token["user"]["id"], token["project"]["id"], *(role["id"] for role in token["roles"])}


make_missing()
subject_id = make("user", name=new_name(), password="subject")
subject = make_subject()
KEPT = kept()


@schemathesis.hook
def before_call(context, case, kwargs):
    turn = next(turns)
    path = dict(case.path_parameters or {})
    for parameter, thing in things.items():
        if parameter in path and (turn % 2 == 0 or str(path[parameter]) in KEPT):
            path[parameter] = thing
    case.path_parameters = path
    if "X-Subject-Token" in (case.headers or {}) and turn % 3 == 0:
        case.headers["X-Subject-Token"] = subject
    case.operation.base_url = NODES[turn % len(NODES)]


@schemathesis.hook
def after_call(context, case, response):
    global subject
    if case.method.upper() == "DELETE" and response.status_code == 204:
        make_missing()
        if case.path.startswith("/v3/auth/"):
            subject = make_subject()
