"""outcomes.py STREAM: reads the results of a run of tempest, in subunit's format, and prints them as JSON.

Runs in tempest's own environment. Each test is an object with `name`, `outcome` (passed, failed, skipped), `seconds` and `details`:
the reason of a skipped test, the traceback and the log of a failed one.
"""

import json
import re
import sys

import subunit
from testtools import StreamToDict

OUTCOMES = {"success": "passed", "xfail": "passed", "skip": "skipped"}


def text(details):
    parts = {}
    for name, content in sorted(details.items()):
        try:
            parts[name] = content.as_text().strip()
        except UnicodeDecodeError:
            continue
    return {name: part for name, part in parts.items() if part}


def main(stream):
    tests = []

    def add(test):
        # The runner's own output is in the stream too.
        if test["id"] == "stdout":
            return
        began, ended = test["timestamps"]
        tests.append({
            # Without the tags: test_show_role[id-..., smoke].
            "name": re.sub(r"\[.*?\]", "", test["id"]),
            "outcome": OUTCOMES.get(test["status"], "failed"),
            "seconds": (ended - began).total_seconds() if began and ended else 0,
            "details": text(test["details"]),
        })

    result = StreamToDict(add)
    result.startTestRun()
    with open(stream, "rb") as source:
        subunit.ByteStreamToStreamResult(source, non_subunit_name="stdout").run(result)
    result.stopTestRun()
    json.dump(sorted(tests, key=lambda test: test["name"]), sys.stdout, indent=1)


main(sys.argv[1])
