"""Drives the real `openstack` command against every node, all at the same time.

Each thing is made through one node and read at once through the next one, so a node that answers
from an old state is found out. The commands are the ones a user types: arguments in, JSON and an
exit code out. Each runs in a process of its own, forked from one that has imported the command
already, because its start-up would take twenty times as long as its work.

Prints a line for each group of steps. A step that fails ends the round through its node; the exit code is 1 then.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid

from openstackclient import shell

COMMAND_LIMIT_S = 60
# What a log-in says that is refused; Keystone answers 404 where it is the token that is no good.
REFUSED = ["401", "404"]


class StepFailed(Exception):
    """A command did not do what it should have done."""


class Answer:
    """What a command left behind."""

    def __init__(self, node, words, code, out, err):
        self.node, self.words, self.code, self.out, self.err = node, words, code, out, err

    def __str__(self):
        line = " ".join(self.words)
        return f"openstack {line}\n  on {self.node}: exit code {self.code}\n  {self.out[-1500:]}\n  {self.err[-1500:]}"


class Nodes:
    """The nodes, and who logs in to them."""

    def __init__(self, urls, username, password, project):
        self.urls = urls
        self.login = {
            "OS_USERNAME": username,
            "OS_PASSWORD": password,
            "OS_PROJECT_NAME": project,
            "OS_USER_DOMAIN_NAME": "Default",
            "OS_PROJECT_DOMAIN_NAME": "Default",
        }

    def after(self, url):
        """Another node, if there is one."""
        return self.urls[(self.urls.index(url) + 1) % len(self.urls)]

    def environment(self, url, login=None):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("OS_")}
        return kept | {"OS_AUTH_URL": url, "OS_IDENTITY_API_VERSION": "3"} | (login or self.login)

    def run(self, url, *words, login=None):
        """Runs one command in a fork of this process."""
        words = [str(word) for word in words]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            sys.stdout.flush()
            child = os.fork()
            if child == 0:
                run_command(words, self.environment(url, login), out.fileno(), err.fileno())
            _, status = os.waitpid(child, 0)
            out.seek(0), err.seek(0)
            code = os.waitstatus_to_exitcode(status)
            return Answer(url, words, code, out.read().decode(), err.read().decode())

    def ok(self, url, *words, **options):
        """Runs a command that must succeed and prints nothing of use."""
        answer = self.run(url, *words, **options)
        if answer.code != 0:
            raise StepFailed(f"it failed: {answer}")
        return answer

    def read(self, url, *words, **options):
        """Runs a command that must succeed; the JSON it prints."""
        answer = self.ok(url, *words, "-f", "json", **options)
        try:
            return json.loads(answer.out)
        except ValueError:
            raise StepFailed(f"no JSON: {answer}") from None

    def fails(self, url, *words, because, **options):
        """Runs a command that must be refused with one of these words in its message."""
        answer = self.run(url, *words, **options)
        if answer.code == 0:
            raise StepFailed(f"it succeeded and should not have: {answer}")
        if not any(word in answer.err for word in because):
            raise StepFailed(f"it failed, but for another reason than {because}: {answer}")

    def gone(self, url, *words):
        self.fails(url, *words, because=["No ", "404", "not find"])


def run_command(words, environment, out, err):
    """Never returns."""
    code = 70
    try:
        os.environ.clear()
        os.environ.update(environment)
        os.dup2(out, 1)
        os.dup2(err, 2)
        signal.alarm(COMMAND_LIMIT_S)
        code = shell.main(words)
    except SystemExit as end:
        code = end.code
    except BaseException as error:  # the fork must not go on as its parent
        print(repr(error), file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def expect(holds, what, seen=None):
    if not holds:
        raise StepFailed(f"{what}: {seen}")


def same(seen, **fields):
    for name, value in fields.items():
        expect(seen.get(name) == value, f"{name} is {seen.get(name)!r} in place of {value!r}", seen)


def names(rows):
    return {row["Name"] for row in rows}


class Round:
    """All steps, made through one node and read through the next."""

    def __init__(self, nodes, maker, own_catalog):
        self.nodes, self.at, self.own_catalog = nodes, maker, own_catalog
        self.other = nodes.after(maker)
        self.tag = uuid.uuid4().hex[:8]

    def name(self, kind):
        return f"{kind}-{self.tag}"

    def run(self):
        steps = [self.domain, self.project, self.user, self.group, self.role, self.inherited_role,
                 self.region_service_endpoint, self.catalog, self.token, self.password, self.removal]
        for step in steps:
            step()
            print(f"  {step.__name__}", flush=True)

    def domain(self):
        n = self.nodes
        made = n.read(self.at, "domain", "create", "--description", "made by a test", self.name("domain"))
        self.domain_id = made["id"]
        same(n.read(self.other, "domain", "show", self.domain_id), name=self.name("domain"), enabled=True,
             description="made by a test")
        expect(self.name("domain") in names(n.read(self.other, "domain", "list")), "the domain is not in the list")
        n.ok(self.at, "domain", "set", "--description", "changed", self.domain_id)
        same(n.read(self.other, "domain", "show", self.name("domain")), id=self.domain_id, description="changed")
        n.fails(self.other, "domain", "create", self.name("domain"), because=["409"])

    def project(self):
        n, domain = self.nodes, self.domain_id
        parent = n.read(self.at, "project", "create", "--domain", domain, self.name("parent"))
        same(n.read(self.other, "project", "show", parent["id"]), name=self.name("parent"), domain_id=domain,
             parent_id=domain, is_domain=False, enabled=True)
        child = n.read(self.other, "project", "create", "--domain", domain, "--parent", parent["id"],
                       "--tag", "blue", self.name("child"))
        same(n.read(self.at, "project", "show", child["id"]), parent_id=parent["id"], tags=["blue"])
        listed = names(n.read(self.other, "project", "list", "--domain", domain))
        expect(listed == {self.name("parent"), self.name("child")}, "the projects of the domain", listed)
        n.ok(self.at, "project", "set", "--disable", child["id"])
        same(n.read(self.other, "project", "show", child["id"]), enabled=False)
        n.ok(self.other, "project", "set", "--enable", child["id"])
        same(n.read(self.at, "project", "show", child["id"]), enabled=True)
        self.parent_id, self.child_id = parent["id"], child["id"]

    def user(self):
        n = self.nodes
        made = n.read(self.at, "user", "create", "--domain", self.domain_id, "--password", "first-Passw0rd",
                      "--email", "user@example.org", self.name("user"))
        self.user_id = made["id"]
        same(n.read(self.other, "user", "show", self.user_id), name=self.name("user"), email="user@example.org",
             domain_id=self.domain_id, enabled=True)
        listed = names(n.read(self.other, "user", "list", "--domain", self.domain_id))
        expect(listed == {self.name("user")}, "the users of the domain", listed)
        n.ok(self.at, "user", "set", "--email", "new@example.org", self.user_id)
        same(n.read(self.other, "user", "show", "--domain", self.domain_id, self.name("user")),
             email="new@example.org", id=self.user_id)

    def group(self):
        n = self.nodes
        made = n.read(self.at, "group", "create", "--domain", self.domain_id, self.name("group"))
        self.group_id = made["id"]
        same(n.read(self.other, "group", "show", self.group_id), name=self.name("group"),
             domain_id=self.domain_id)
        n.ok(self.at, "group", "add", "user", self.group_id, self.user_id)
        n.ok(self.other, "group", "contains", "user", self.group_id, self.user_id)
        members = names(n.read(self.other, "user", "list", "--group", self.group_id))
        expect(members == {self.name("user")}, "the members of the group", members)
        n.ok(self.other, "group", "set", "--description", "a group", self.group_id)
        same(n.read(self.at, "group", "show", self.group_id), description="a group")

    def assignments(self, node, *filters):
        return assignment_rows(self.nodes.read(node, "role", "assignment", "list", *filters))

    def role(self):
        n = self.nodes
        made = n.read(self.at, "role", "create", self.name("role"))
        self.role_id = made["id"]
        same(n.read(self.other, "role", "show", self.name("role")), id=self.role_id)
        expect(self.name("role") in names(n.read(self.other, "role", "list")), "the role is not in the list")
        n.ok(self.at, "role", "add", "--user", self.user_id, "--project", self.parent_id, self.role_id)
        of_user = self.assignments(self.other, "--user", self.user_id)
        expect(of_user == [(self.role_id, self.user_id, "", self.parent_id, "", False)], "roles of the user", of_user)
        n.ok(self.at, "role", "add", "--group", self.group_id, "--project", self.child_id, self.role_id)
        of_group = self.assignments(self.other, "--group", self.group_id)
        expect(of_group == [(self.role_id, "", self.group_id, self.child_id, "", False)], "roles of the group", of_group)
        effective = self.assignments(self.other, "--user", self.user_id, "--effective", "--project", self.child_id)
        expect([row[:2] for row in effective] == [(self.role_id, self.user_id)], "what the group gives", effective)
        named = n.read(self.other, "role", "assignment", "list", "--names", "--user", self.user_id)
        expect([row["Project"] for row in named] == [f"{self.name('parent')}@{self.name('domain')}"], "names", named)
        n.ok(self.other, "role", "remove", "--group", self.group_id, "--project", self.child_id, self.role_id)
        expect(self.assignments(self.at, "--group", self.group_id) == [], "the role is still there")

    def inherited_role(self):
        n = self.nodes
        target = ["--user", self.user_id, "--domain", self.domain_id, "--inherited"]
        n.ok(self.at, "role", "add", *target, self.role_id)
        listed = self.assignments(self.other, "--user", self.user_id, "--domain", self.domain_id)
        expect(listed == [(self.role_id, self.user_id, "", "", self.domain_id, True)], "the inherited role", listed)
        effective = self.assignments(self.other, "--user", self.user_id, "--effective", "--project", self.child_id)
        expect(len(effective) == 1, "the child does not inherit", effective)
        n.ok(self.other, "role", "remove", *target, self.role_id)
        effective = self.assignments(self.at, "--user", self.user_id, "--effective", "--project", self.child_id)
        expect(effective == [], "the child still inherits", effective)

    def region_service_endpoint(self):
        n = self.nodes
        n.ok(self.at, "region", "create", "--description", "a region", self.name("region"))
        same(n.read(self.other, "region", "show", self.name("region")), description="a region")
        n.ok(self.other, "region", "create", "--parent-region", self.name("region"), self.name("inner"))
        inner = [row for row in n.read(self.at, "region", "list") if row["Region"] == self.name("inner")]
        expect(inner and inner[0]["Parent Region"] == self.name("region"), "the region below", inner)
        made = n.read(self.at, "service", "create", "--name", self.name("service"), "--description", "a service",
                      self.name("type"))
        self.service_id = made["id"]
        same(n.read(self.other, "service", "show", self.service_id), name=self.name("service"),
             type=self.name("type"), enabled=True)
        expect(self.name("service") in names(n.read(self.other, "service", "list")), "the service is not in the list")
        url = "http://service.example/%(project_id)s"
        made = n.read(self.at, "endpoint", "create", "--region", self.name("region"), self.service_id, "public", url)
        self.endpoint_id = made["id"]
        same(n.read(self.other, "endpoint", "show", self.endpoint_id), url=url, region=self.name("region"),
             service_id=self.service_id, interface="public")
        listed = n.read(self.other, "endpoint", "list", "--service", self.service_id)
        expect([row["ID"] for row in listed] == [self.endpoint_id], "the endpoints of the service", listed)
        n.ok(self.other, "endpoint", "set", "--url", url + "/v2", self.endpoint_id)
        same(n.read(self.at, "endpoint", "show", self.endpoint_id), url=url + "/v2")

    def catalog(self):
        n = self.nodes
        scope = self.user_login("first-Passw0rd")
        project = scope["OS_PROJECT_ID"]
        shown = n.read(self.other, "catalog", "show", self.name("type"), login=scope)
        same(shown, id=self.service_id, name=self.name("service"))
        urls = [endpoint["url"] for endpoint in shown["endpoints"]]
        expect(urls == [f"http://service.example/{project}/v2"], "the project is not in the URL", urls)
        rows = n.read(self.other, "catalog", "list", login=scope)
        identity = [row for row in rows if row["Type"] == "identity"]
        urls = {endpoint["url"] for row in identity for endpoint in row["Endpoints"]}
        expect(urls, "the catalog has no identity service", rows)
        if self.own_catalog:
            expect(urls == {self.other}, f"the catalog of {self.other} leads elsewhere", urls)

    def user_login(self, password):
        return {
            "OS_USERNAME": self.name("user"), "OS_PASSWORD": password, "OS_PROJECT_ID": self.parent_id,
            "OS_USER_DOMAIN_ID": self.domain_id,
        }

    def token_login(self, token):
        return {"OS_AUTH_TYPE": "v3token", "OS_TOKEN": token, "OS_PROJECT_ID": self.parent_id}

    def token(self):
        n = self.nodes
        issued = n.read(self.at, "token", "issue", login=self.user_login("first-Passw0rd"))
        same(issued, user_id=self.user_id, project_id=self.parent_id)
        again = n.read(self.other, "token", "issue", login=self.token_login(issued["id"]))
        same(again, user_id=self.user_id, project_id=self.parent_id, expires=issued["expires"])
        n.ok(self.at, "token", "revoke", issued["id"])
        for token in (issued["id"], again["id"]):
            n.fails(self.other, "token", "issue", login=self.token_login(token), because=REFUSED)

    def password(self):
        n = self.nodes
        first, second, third = (self.user_login(word) for word in ("first-Passw0rd", "second-Passw0rd", "third-Passw0rd"))
        held = n.read(self.at, "token", "issue", login=first)["id"]
        n.ok(self.at, "user", "set", "--password", "second-Passw0rd", self.user_id)
        n.fails(self.other, "token", "issue", login=self.token_login(held), because=REFUSED)
        n.fails(self.other, "token", "issue", login=first, because=REFUSED)
        same(n.read(self.other, "token", "issue", login=second), user_id=self.user_id)
        own = {"--original-password": "second-Passw0rd", "--password": "third-Passw0rd"}
        wait_for_next_second()
        n.ok(self.other, "user", "password", "set", *(part for pair in own.items() for part in pair), login=second)
        n.fails(self.at, "token", "issue", login=second, because=REFUSED)
        same(n.read(self.at, "token", "issue", login=third), user_id=self.user_id)

    def removal(self):
        n = self.nodes
        kinds = [("endpoint", self.endpoint_id), ("service", self.service_id), ("region", self.name("inner")),
                 ("region", self.name("region")), ("role", self.role_id), ("group", self.group_id),
                 ("user", self.user_id), ("project", self.child_id), ("project", self.parent_id)]
        for kind, key in kinds:
            n.ok(self.at, kind, "delete", key)
            n.gone(self.other, kind, "show", key)
        n.ok(self.at, "domain", "set", "--disable", self.domain_id)
        n.ok(self.other, "domain", "delete", self.domain_id)
        n.gone(self.at, "domain", "show", self.domain_id)


def assignment_rows(rows):
    return [tuple(row[column] for column in ("Role", "User", "Group", "Project", "Domain", "Inherited")) for row in rows]


def wait_for_next_second():
    """Keystone revokes, on a change of password, all tokens of that second, later ones too."""
    time.sleep(1.1 - time.time() % 1)


def plain_command(nodes, url):
    """The command as a shell starts it."""
    script = os.path.join(os.path.dirname(sys.executable), "openstack")
    done = subprocess.run([script, "token", "issue", "-f", "json"], env=nodes.environment(url), text=True,
                          capture_output=True, timeout=COMMAND_LIMIT_S)
    expect(done.returncode == 0, f"openstack token issue on {url}", done.stderr)
    expect(json.loads(done.stdout)["id"].startswith("gAAAAA"), "not a Fernet token", done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("urls", nargs="+", help="the identity URL of each node, with /v3")
    parser.add_argument("--username", default="admin")
    parser.add_argument("--password", required=True)
    parser.add_argument("--project", default="admin")
    parser.add_argument("--own-catalog", action="store_true", help="each node's catalog must lead to that node")
    args = parser.parse_args()
    nodes = Nodes(args.urls, args.username, args.password, args.project)
    try:
        # Once in this process, so that the forks find all modules loaded.
        os.environ.update(nodes.environment(args.urls[0]))
        expect(shell.main(["region", "list", "-f", "json"]) == 0, "openstack region list failed")
    except StepFailed as failure:
        print(f"FAILED: {failure}", flush=True)
        return 1
    rounds = [start_round(nodes, url, args.own_catalog) for url in dict.fromkeys(args.urls)]
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in rounds]
    return 0 if not any(codes) else 1


def start_round(nodes, url, own_catalog):
    """Runs all steps through one node in a process of its own; its id."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        print(f"made through {url}, read through {nodes.after(url)}", flush=True)
        plain_command(nodes, url)
        Round(nodes, url, own_catalog).run()
        code = 0
    except StepFailed as failure:
        print(f"FAILED: {failure}", flush=True)
    except BaseException as error:  # the fork must not go on as its parent
        print(f"FAILED on {url}: {error!r}", flush=True)
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
