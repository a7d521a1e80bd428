"""Processes that come from this one, and their end.

nextest and the chaos harness put what they start into groups and sessions of its own, which outlives a signal to their group.
"""

import ctypes
import os
import signal
import time

PR_SET_CHILD_SUBREAPER = 36
PAUSE_S = 0.05


def adopt_orphans():
    """Makes this process the parent of every descendant whose own parent has ended, so that `end` finds it. Linux only."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def descendants():
    """The running processes that come from this one."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    fields = stat.read().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            # A killed process counts as a zombie as soon as its first thread has ended.
            is_running = fields[0] not in "ZX" or int(fields[17]) > 1
            children.setdefault(int(fields[1]), []).append((int(entry), is_running))
    found, parents = [], [os.getpid()]
    while parents:
        for pid, is_running in children.get(parents.pop(), ()):
            parents.append(pid)
            if is_running:
                found.append(pid)
    return found


def end(process, limit_s):
    """Ends a process and all that come from this one: asks them to, waits that long, and kills what is left. Returns what still
    runs then."""
    send(signal.SIGTERM, descendants())
    if await_end(process, limit_s):
        # Again and again, since what is not killed yet may start more.
        deadline = time.monotonic() + limit_s
        while (left := descendants()) and time.monotonic() < deadline:
            send(signal.SIGKILL, left)
            time.sleep(PAUSE_S)
    process.poll()
    reap()
    return descendants()


def await_end(process, limit_s):
    """The processes that have not ended within that time."""
    deadline = time.monotonic() + limit_s
    while (left := descendants()) and time.monotonic() < deadline:
        process.poll()
        time.sleep(PAUSE_S)
    return left


def send(number, pids):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def reap():
    """Collects the exit codes of orphans, for which nobody else waits."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return
