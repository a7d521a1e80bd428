#!/usr/bin/env python3
"""Asks Keystone's own policy engine for the decisions that src/policy must give.

Run with a Python that has the keystone and oslo.policy packages:

    policy_oracle.py decide < cases.json     fills in the decisions of the given cases
    policy_oracle.py generate > tests/policy_cases.json
    policy_oracle.py generate --all          every rule x caller x target

Under "deployments" are policy files, with the option enforce_new_defaults, and cases that an engine
decides which has read those files.

A case is ["rule", "caller", "target", decision] under "defaults", evaluated with Keystone's default
rules, or {"check", "rules", "caller", "target", "decision"} under "language", where "check" takes
the place of a rule without scope types and "rules" are further overrides. A decision is true, false
or "error" when the engine raises instead of deciding.
"""

import json
import pathlib
import random
import sys
import tempfile
import warnings

from oslo_config import cfg
from oslo_policy import _parser, policy as oslo_policy

from keystone.common import context, policies

# A rule without scope types, so that only the check decides.
REPLACED = "identity:get_auth_catalog"
SEED = 30

DEFAULT_RULES = [r for r in policies.list_rules()]


def enforcer(overrides):
    conf = cfg.ConfigOpts()
    conf([], project="keystone", default_config_files=[])
    made = oslo_policy.Enforcer(conf)
    made.suppress_deprecation_warnings = True
    made.suppress_default_change_warnings = True
    made.register_defaults(DEFAULT_RULES)
    made.load_rules()
    for name, check in overrides.items():
        made.rules[name] = _parser.parse_rule(check)
    return made


def deployed(files, enforce_new_defaults):
    """An engine that has read these files, as a Keystone with that configuration has."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "policy.d").mkdir()
        for name, text in files.items():
            (root / name).write_text(text)
        conf = cfg.ConfigOpts()
        conf([], project="keystone", default_config_files=[])
        made = oslo_policy.Enforcer(conf, policy_file=str(root / "policy.yaml"))
        conf.set_override("policy_dirs", [str(root / "policy.d")], "oslo_policy")
        conf.set_override("enforce_new_defaults", enforce_new_defaults, "oslo_policy")
        made.suppress_deprecation_warnings = True
        made.suppress_default_change_warnings = True
        made.register_defaults(DEFAULT_RULES)
        made.load_rules()
    # What was read is in force; the files are gone.
    made.load_rules = lambda force_reload=False: None
    return made


def credentials(caller):
    """The request context that Keystone's middleware builds for such a token."""
    get = caller.get
    user = {"id": get("user_id"), "domain": {"id": get("user_domain_id")}}
    token = {"methods": get("methods", []), "user": user}
    roles = get("roles", [])
    if get("system_scope"):
        token["system"] = {"all": True}
        token["roles"] = [{"id": name, "name": name} for name in roles]
    elif get("domain_id"):
        token["domain"] = {"id": get("domain_id"), "name": get("domain_id")}
        token["roles"] = [{"id": name, "name": name} for name in roles]
    elif get("project_id"):
        token["project"] = {
            "id": get("project_id"),
            "name": get("project_id"),
            "domain": {"id": get("project_domain_id"), "name": get("project_domain_id")},
        }
        token["is_domain"] = get("is_domain", False)
        token["roles"] = [{"id": name, "name": name} for name in roles]
    if get("application_credential_id"):
        token["application_credential"] = {"id": get("application_credential_id")}
    made = context.RequestContext(
        overwrite=False,
        authenticated=True,
        user_id=get("user_id"),
        user_domain_id=get("user_domain_id"),
        project_id=get("project_id"),
        project_domain_id=get("project_domain_id"),
        system_scope=get("system_scope"),
        roles=list(roles),
        is_admin_project=get("is_admin_project", True),
    )
    made.token_reference = {"token": token}
    if get("domain_id"):
        made.is_admin_project = False
        made.domain_id = get("domain_id")
    return made


def decide(engine, rule, caller, target):
    try:
        return bool(engine.enforce(rule, target, credentials(caller)))
    except Exception:
        return "error"


def fill_in(cases):
    callers, targets = cases["callers"], cases["targets"]
    defaults = enforcer({})
    for case in cases["defaults"]:
        rule, caller, target = case[:3]
        case[3:] = [decide(defaults, rule, callers[caller], targets[target])]
    for deployment in cases["deployments"]:
        engine = deployed(deployment["files"], deployment["enforce_new_defaults"])
        for case in deployment["cases"]:
            rule, caller, target = case[:3]
            case[3:] = [decide(engine, rule, callers[caller], targets[target])]
    for case in cases["language"]:
        overrides = dict(case.get("rules", {}))
        overrides[REPLACED] = case["check"]
        case["decision"] = decide(
            enforcer(overrides), REPLACED, callers[case["caller"]], targets[case["target"]]
        )
    return cases


def callers():
    user = {"user_id": "u1", "user_domain_id": "d1", "methods": ["password"]}
    project = dict(user, project_id="p1", project_domain_id="d1")
    domain = dict(user, domain_id="d1")
    system = dict(user, system_scope="all")
    implied = {
        "admin": ["admin", "manager", "member", "reader"],
        "manager": ["manager", "member", "reader"],
        "member": ["member", "reader"],
        "reader": ["reader"],
        "service": ["service"],
        "none": [],
    }
    made = {"unscoped": user}
    for scope, base in (("project", project), ("domain", domain), ("system", system)):
        for role, roles in implied.items():
            made[f"{scope}_{role}"] = dict(base, roles=roles)
    made["project_upper"] = dict(project, roles=["ADMIN", "Straße", "ÉTÉ"], is_admin_project=False)
    made["acting_domain"] = dict(project, is_domain=True, roles=["reader"])
    made["application"] = dict(
        project,
        roles=["member"],
        methods=["application_credential", "totp"],
        application_credential_id="ac1",
    )
    return made


def random_target(rng):
    choices = {
        "user_id": ["u1", "u2"],
        "target.user.id": ["u1", "u2"],
        "target.user.domain_id": ["d1", "d2", None],
        "target.group.domain_id": ["d1", "d2"],
        "target.project.id": ["p1", "p2"],
        "target.project.domain_id": ["d1", "d2", None],
        "target.domain.id": ["d1", "d2"],
        "target.domain_id": ["d1", "d2", None],
        "target.role.name": ["admin", "manager", "member", "reader", "custom"],
        "target.role.domain_id": ["d1", "d2", None, None],
        "target.credential.user_id": ["u1", "u2"],
        "target.token.user_id": ["u1", "u2"],
        "target.trust.trustor_user_id": ["u1", "u2"],
        "target.trust.trustee_user_id": ["u1", "u2"],
        "target.limit.domain.id": ["d1", "d2"],
        "target.limit.project.domain_id": ["d1", "d2"],
        "target.limit.project_id": ["p1", "p2", None],
    }
    density = rng.choice([0.3, 0.8, 1.0])
    return {key: rng.choice(values) for key, values in choices.items() if rng.random() < density}


LANGUAGE = [
    # text, callers, further rules
    ("", ["unscoped"]),
    ("@", ["unscoped"]),
    ("!", ["project_admin"]),
    ("not !", ["unscoped"]),
    ("not @", ["unscoped"]),
    ("not not @", ["unscoped"]),
    ("role:admin", ["project_admin", "project_upper", "project_member"]),
    ("role:ADMIN", ["project_admin", "project_upper", "project_member"]),
    ("role:straße", ["project_upper"]),
    ("role:été", ["project_upper"]),
    ("role:strasse", ["project_upper"]),
    ("role:%(target.role.name)s", ["project_member", "project_manager", "unscoped"]),
    ("role:%(missing)s", ["project_admin"]),
    ("not role:%(missing)s", ["project_admin"]),
    ("role:com%(pute)s", ["project_admin"]),
    ("roles:admin", ["project_admin", "project_upper"]),
    ("roles:ADMIN", ["project_admin", "project_upper"]),
    ("token.roles.name:reader", ["project_reader", "unscoped"]),
    ("token.methods:totp", ["application", "project_admin"]),
    ("token.methods:%(missing)s", ["application"]),
    ("@ or @ and !", ["unscoped"]),
    ("! and ! or @", ["unscoped"]),
    ("@ or ! and !", ["unscoped"]),
    ("(@ or @) and !", ["unscoped"]),
    ("not ! and !", ["unscoped"]),
    ("not ! or @ and !", ["unscoped"]),
    ("not (! and !)", ["unscoped"]),
    ("not (@ or !)", ["unscoped"]),
    ("! or ! or @ and @ and !", ["unscoped"]),
    ("! and @ or @ and @", ["unscoped"]),
    ("@ and (! or (@ and not !))", ["unscoped"]),
    ("@ or (! and !) and !", ["unscoped"]),
    ("(! and !) or @", ["unscoped"]),
    ("@ AND Not !", ["unscoped"]),
    ("((role:admin))", ["project_admin", "unscoped"]),
    ("( role:admin )", ["project_admin", "unscoped"]),
    ("role:admin\tor\nrole:reader", ["project_reader", "project_service"]),
    ("  role:admin  ", ["project_admin"]),
    ("is_admin:1", ["project_admin", "unscoped"]),
    ("is_admin:True", ["project_admin"]),
    ("not is_admin:True", ["project_admin"]),
    ("is_admin_project:True", ["project_admin", "project_upper", "domain_admin", "unscoped"]),
    ("is_admin_project:False", ["project_admin", "project_upper", "domain_admin"]),
    ("system_scope:all", ["system_reader", "project_admin", "unscoped"]),
    ("system_scope:None", ["system_reader", "project_admin"]),
    ("system:all", ["system_reader", "project_admin"]),
    ("system:None", ["system_reader", "project_admin"]),
    ("token.system.all:True", ["system_reader", "project_admin"]),
    ("domain_id:None", ["project_admin", "domain_admin"]),
    ("not domain_id:None", ["project_admin", "domain_admin"]),
    ("project_id:None", ["project_admin", "domain_admin", "unscoped"]),
    ("project_domain_id:d1", ["project_admin", "domain_admin"]),
    ("user_domain_id:d1", ["unscoped"]),
    ("user_id:u1", ["unscoped"]),
    ("user_id:U1", ["unscoped"]),
    ("user_id:'u1'", ["unscoped"]),
    ("user_id:%(user_id)s", ["unscoped"]),
    ("user_id:u%(digit)s", ["unscoped"]),
    ("user_id:%(letter)s%(digit)s", ["unscoped"]),
    ("user_id:%(letter)s%(missing)s", ["unscoped"]),
    ("user_id:%%(letter)s", ["unscoped"]),
    ("'100%':100%%", ["unscoped"]),
    ("domain_id:%(target.null)s", ["project_admin", "domain_admin"]),
    ("token.domain.id:%(target.null)s", ["project_admin", "domain_admin"]),
    ("token.domain.id:d1", ["project_admin", "domain_admin"]),
    ("token.project.domain.id:d1", ["project_admin", "domain_admin"]),
    ("token.project.id:p1", ["project_admin", "unscoped"]),
    ("token.project.name:p1", ["project_admin"]),
    ("token.user.id:u1", ["unscoped"]),
    ("token.user.domain.id:d1", ["unscoped"]),
    ("token.is_domain:True", ["acting_domain", "project_reader", "domain_reader"]),
    ("token.is_domain:False", ["acting_domain", "project_reader", "domain_reader"]),
    ("token.application_credential.id:ac1", ["application", "project_admin"]),
    ("tenant_id:p1", ["project_admin"]),
    ("trust_id:None", ["project_admin"]),
    ("no.such.thing:x", ["project_admin"]),
    ("not no.such.thing:x", ["project_admin"]),
    ("None:%(target.null)s", ["unscoped"]),
    ("None:%(digit)s", ["unscoped"]),
    ("None:%(missing)s", ["unscoped"]),
    ("not None:%(missing)s", ["unscoped"]),
    ("None:None", ["unscoped"]),
    ("True:%(flag)s", ["unscoped"]),
    ("False:%(flag)s", ["unscoped"]),
    ("True:%(target.unset_flag)s", ["unscoped"]),
    ("1:%(digit)s", ["unscoped"]),
    ("-1:-%(digit)s", ["unscoped"]),
    ("0:0", ["unscoped"]),
    ("'u':%(letter)s", ["unscoped"]),
    ('"u":%(letter)s', ["unscoped"]),
    ("'':%(empty)s", ["unscoped"]),
    ("user_id:", ["unscoped"]),
    ("'':", ["unscoped"]),
    ("'v':%(letter)s or 'u':%(letter)s", ["unscoped"]),
    ("user_id:a:b", ["unscoped"]),
    ("rule:admin_required", ["project_admin", "project_upper", "project_member"]),
    ("rule:identity:list_roles", ["project_admin", "domain_manager", "project_manager"]),
    ("rule:a", ["project_admin", "unscoped"], {"a": "rule:b and not rule:c", "b": "role:admin", "c": "!"}),
    ("rule:unknown", ["project_admin", "unscoped"], {"default": "role:admin"}),
    ("rule:admin_required", ["project_service", "project_admin"], {"admin_required": "role:service"}),
    ([], ["unscoped"]),
    ([[]], ["unscoped"]),
    ([""], ["unscoped"]),
    ([[], ["@"]], ["unscoped"]),
    (["role:admin", "role:service"], ["project_admin", "project_service", "unscoped"]),
    ([["role:member", "user_id:u1"], ["role:service"]], ["project_member", "project_service", "unscoped"]),
    ([["@", "!"], "!"], ["project_admin"]),
    ([["rule:admin_required"]], ["project_admin", "unscoped"]),
    (["role:a b"], ["unscoped"]),
    # What oslo.policy denies or stumbles over, and Keyraft refuses to load.
    (" ", ["project_admin"]),
    ("role", ["project_admin"]),
    ("'role:admin'", ["project_admin"]),
    ("role:admin role:reader", ["project_admin"]),
    ("role:admin or", ["project_admin"]),
    ("and role:admin", ["project_admin"]),
    ("(role:admin", ["project_admin"]),
    ("role:admin)", ["project_admin"]),
    ("()", ["project_admin"]),
    ("not", ["project_admin"]),
    ("rule:unknown", ["project_admin"]),
    ("user_id:%(letter)d", ["unscoped"]),
    ("user_id:100%", ["unscoped"]),
    (":x", ["unscoped"]),
    ("'a:'a", ["unscoped"]),
    (["not role:admin"], ["project_admin"]),
    ([["role"]], ["project_admin"]),
]

YAML_FILE = """\
# Readers of a domain may make users in it.
"identity:create_user": "role:reader and domain_id:%(target.user.domain_id)s"
identity:get_service: role:member
"identity:list_services":
  - ["role:reader", "project_id:p1"]
  - "rule:admin_required"
"identity:update_user": >
  role:manager
  or role:service
"identity:delete_user": "!"
"identity:create_project": ""
"identity:update_project": []
"admin_required": "role:admin and not project_id:p2"
"mine": "role:member and rule:admin_required"
"identity:get_region": 'rule:mine'
"""

JSON_FILE = json.dumps(
    {
        "identity:create_user": "rule:helpers",
        "helpers": [["role:manager", "user_id:u1"], ["role:service"]],
        "default": "role:service",
        "identity:get_user": "rule:no_such_rule",
        "identity:list_users": [],
        "identity:get_domain": "user_id:%(target.user.id)s and 'caf\u00e9':caf\u00e9",
    },
    indent=2,
)

ANCHORS = """\
identity:get_user: &managers "role:manager"
identity:list_users: *managers
identity:update_user: [*managers, "role:service"]
"""

DEPLOYMENTS = [
    ({"policy.yaml": YAML_FILE}, True),
    ({"policy.yaml": JSON_FILE}, True),
    ({"policy.yaml": ANCHORS}, True),
    ({"policy.yaml": ""}, True),
    (
        {
            "policy.yaml": YAML_FILE,
            "policy.d/20.yaml": '"identity:create_user": "role:service"\n"identity:get_region": "!"\n',
            "policy.d/10.json": '{"identity:create_user": "role:member", "identity:get_service": "@"}',
            "policy.d/.30.yaml": '"identity:create_user": "@"\n',
        },
        True,
    ),
    ({"policy.yaml": ""}, False),
    (
        # A rule that a file names loses its deprecated check; the others' refer to the rules of the file.
        {
            "policy.yaml": '"identity:create_user": "role:reader"\n'
            '"identity:get_project": "role:service"\n'
            '"admin_required": "role:service"\n'
            '"owner": "user_id:%(target.user.id)s"\n'
        },
        False,
    ),
]


# Of one deployment, unless all are asked for.
MAX_CASES = 150


def deployments(made, everything, rng):
    """Of each rule that decides otherwise than the defaults do: cases in which it does, and some others."""
    engine = enforcer({})
    names = sorted(rule.name for rule in DEFAULT_RULES if rule.name.startswith("identity:"))
    questions = [
        (rule, caller, target) for rule in names for caller in made["callers"] for target in made["targets"]
    ]

    def answers(engine):
        return [
            decide(engine, rule, made["callers"][caller], made["targets"][target])
            for rule, caller, target in questions
        ]

    usual = answers(engine)
    results = []
    for files, enforce_new_defaults in DEPLOYMENTS:
        by_rule = {}
        for question, decision, default in zip(questions, answers(deployed(files, enforce_new_defaults)), usual):
            by_rule.setdefault(question[0], ([], []))[decision == default].append([*question, decision])
        cases = []
        for changed, same in by_rule.values():
            if everything:
                cases += changed + same
            elif changed:
                cases += rng.sample(changed, min(3, len(changed))) + rng.sample(same, min(2, len(same)))
        if not everything:
            cases = sorted(rng.sample(cases, min(MAX_CASES, len(cases))))
        deployment = {"files": files, "enforce_new_defaults": enforce_new_defaults, "cases": cases}
        results.append(deployment)
    return results


LANGUAGE_TARGET = {
    "user_id": "u1",
    "letter": "u",
    "digit": "1",
    "flag": True,
    "empty": "",
    "target.unset_flag": False,
    "target.null": None,
    "target.role.name": "Member",
}


def generate(everything):
    rng = random.Random(SEED)
    made = {
        "source": "keystone 30.0.0, oslo.policy 6.0.1",
        "callers": callers(),
        "targets": {f"t{n}": random_target(rng) for n in range(40 if everything else 24)},
    }
    engine = enforcer({})
    defaults = []
    for rule in DEFAULT_RULES:
        if not rule.name.startswith("identity:"):
            continue
        every = [
            [rule.name, caller, target, decide(engine, rule.name, made["callers"][caller], made["targets"][target])]
            for caller in made["callers"]
            for target in made["targets"]
        ]
        if everything:
            defaults += every
            continue
        # Those let through without being admin, and those refused with a role, tell most.
        allowed = [case for case in every if case[3] is True]
        telling = [case for case in allowed if "admin" not in case[1]] or allowed
        refused = [case for case in every if case[3] is False]
        near = [case for case in refused if "none" not in case[1] and "unscoped" != case[1]]
        count = 4 if len(rule.check_str) > 120 else 1
        for cases in (telling, near or refused):
            defaults += rng.sample(cases, min(count, len(cases)))
    made["deployments"] = deployments(made, everything, rng)
    made["targets"]["language"] = LANGUAGE_TARGET
    made["defaults"] = defaults
    made["language"] = [
        dict({"check": check, "caller": caller, "target": "language"}, **({"rules": rules[0]} if rules else {}))
        for check, names, *rules in LANGUAGE
        for caller in names
    ]
    return fill_in(made)


def print_by_line(cases):
    """One case a line, so that a change can be read in a diff."""
    blocks = []
    for key, value in cases.items():
        if isinstance(value, dict):
            rows = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()]
            blocks.append(f"{json.dumps(key)}: {{\n" + ",\n".join(rows) + "\n}")
        elif isinstance(value, list):
            blocks.append(f"{json.dumps(key)}: [\n" + ",\n".join(map(json.dumps, value)) + "\n]")
        else:
            blocks.append(f"{json.dumps(key)}: {json.dumps(value)}")
    print("{\n" + ",\n".join(blocks) + "\n}")


def main():
    warnings.simplefilter("ignore")
    match sys.argv[1:]:
        case ["decide"]:
            print_by_line(fill_in(json.load(sys.stdin)))
        case ["generate"]:
            print_by_line(generate(everything=False))
        case ["generate", "--all"]:
            print_by_line(generate(everything=True))
        case _:
            sys.exit(__doc__)


main()
