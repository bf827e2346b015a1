"""The jail holds, and an answer that misbehaves harms nobody else's grade."""

import os
import platform
import re
import socket
import subprocess
import sys
from dataclasses import replace

import pytest
from handed_in import FAILS, RIGHT, SET_UP, SURVIVED, doing

from llmvis_course.checks import QUESTIONS
from llmvis_course.grading import filter, jail
from llmvis_course.grading.forking import Forking
from llmvis_course.grading.grade import run_answer
from llmvis_course.grading.limits import Limits

MISSING = jail.why_not()
jailed = pytest.mark.skipif(bool(MISSING), reason=MISSING or "a jail is possible")
LIMITS = replace(Limits(), cpu=2, wall=5.0)


@pytest.fixture(scope="module")
def runner():
    with Forking(LIMITS, hide=jail.hidden_folders()) as found:
        yield found


def grade(runner: Forking, code: str):
    """The report and what was printed, for one answer to the question about attention."""
    return run_answer(runner, QUESTIONS["attend"], SET_UP + code, {}, seed=5)


@jailed
def test_a_right_answer_passes_in_jail(runner) -> None:
    report, printed = grade(runner, doing('print("hello")'))
    assert report.passed and report.points == 3
    assert printed.splitlines()[0] == "hello"


@jailed
@pytest.mark.parametrize("what", FAILS)
def test_it_survives_and_the_next_answer_is_right(runner, what) -> None:
    report, _ = grade(runner, FAILS[what])
    assert not report.passed and report.points == 0 and report.message
    assert grade(runner, RIGHT)[0].passed


@jailed
@pytest.mark.parametrize("what", SURVIVED)
def test_a_right_answer_may_be_noisy(runner, what) -> None:
    report, printed = grade(runner, SURVIVED[what])
    assert report.passed, report
    assert len(printed) <= LIMITS.printed


MESSAGES = {
    "exit": "exit code 0",
    "fork bomb": "not permitted",
    "100 GB": "MemoryError",
    "1 GB file": "File too large",
    "1 GB in many files": "No space left",
    "shared memory": "refused",
    "crash": "SIGSEGV",
    "deep recursion": "RecursionError",
    "socket": "not permitted",
    "program": "not permitted",
    "the course's answers": "ModuleNotFoundError",
    "the course's files": "denied",
    "the password file": "No such file",
    "write to the library": "denied|Read-only",
    "floods the grader": "more bytes than an answer may have",
    "forged results": "no result",
}
"""What stops a hostile answer; the others are stopped by time, or by being wrong."""


@jailed
@pytest.mark.parametrize("what", MESSAGES)
def test_each_is_stopped_by_what_should_stop_it(runner, what) -> None:
    assert re.search(MESSAGES[what], grade(runner, FAILS[what])[0].message)


@jailed
def test_time_stops_a_loop_and_a_sleeper(runner) -> None:
    message = grade(runner, FAILS["endless loop"])[0].message
    assert "processor time" in message or "did not answer" in message
    assert "did not answer within 5 seconds" in grade(runner, FAILS["sleep"])[0].message


def seen(runner: Forking, expression: str):
    """What an expression is inside the jail: it comes back as the message of an error."""
    message = grade(runner, doing(f"import os\nraise KeyError({expression})"))[0].message
    return message.partition(": ")[2].strip("'\"")


@jailed
def test_inside_there_is_nothing_to_see(runner, tmp_path) -> None:
    assert seen(runner, "os.getpid()") == "1"
    assert "0" not in {seen(runner, "os.getuid()"), seen(runner, "os.geteuid()")}
    for path in (tmp_path, os.path.dirname(__file__), "/proc/self", "/home", "/etc/shadow"):
        assert seen(runner, f"os.path.exists({str(path)!r})") == "False", path
    checkout = os.path.dirname(os.path.dirname(__file__))
    left = seen(runner, f"os.path.exists({checkout!r}) and os.listdir({checkout!r})")
    assert set(left.strip("[]").replace("'", "").split(", ")) <= {"llmvis_course", ".venv", "False"}
    assert seen(runner, "[name for name in os.environ if 'LLMVIS' in name]") == "[]"
    assert seen(runner, "os.sched_getaffinity(0) and open('/dev/urandom', 'rb').read(0)") == "b"


@jailed
def test_nothing_is_left_for_the_next_answer(runner) -> None:
    assert seen(runner, "open('note', 'w').write('psst')") == "4"
    assert seen(runner, "os.listdir('.')") == "[]"


@jailed
def test_the_network_is_gone_even_without_the_filter() -> None:
    code = (
        "import os, socket, tempfile\n"
        "from llmvis_course.grading import calls, jail\n"
        "jail.enter(tempfile.mkdtemp())\n"
        "try:\n"
        "    socket.create_connection(('127.0.0.1', %d), timeout=5)\n"
        "except OSError as error:\n"
        "    print(error.strerror, flush=True)\n"
        "os._exit(0)"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [sys.executable, "-c", code % server.getsockname()[1]]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.strip() == "Network is unreachable", done.stderr


@jailed
def test_a_worker_that_was_killed_is_started_again() -> None:
    with Forking(LIMITS, hide=jail.hidden_folders()) as runner:
        assert grade(runner, RIGHT)[0].passed
        runner._process.kill()
        runner._process.wait()
        assert grade(runner, RIGHT)[0].passed


def test_the_filter_is_a_program_that_ends() -> None:
    for machine in filter.ARCHITECTURE:
        lines = filter.program(machine)
        for place, (operation, yes, no, _) in enumerate(lines):
            if operation in (filter.EQUAL, filter.AT_LEAST, filter.ANY_BIT):
                assert place + 1 + max(yes, no) < len(lines)
        assert lines[-1][0] == filter.RETURN
        assert len(lines) < 4096


def decide(machine: str, number: int, flags: int = 0) -> int:
    """Run the filter on one call, as the kernel would."""
    lines, place, value = filter.program(machine), 0, 0
    fields = {4: filter.ARCHITECTURE[machine], 0: number, 16: flags}
    while True:
        operation, yes, no, k = lines[place]
        if operation == filter.RETURN:
            return k
        if operation == filter.LOAD:
            value, place = fields[k], place + 1
            continue
        tests = {filter.EQUAL: value == k, filter.AT_LEAST: value >= k, filter.ANY_BIT: value & k}
        place += 1 + (yes if tests[operation] else no)


def test_the_filter_refuses_what_it_names_and_allows_threads() -> None:
    for machine, refused in filter.REFUSED.items():
        assert {decide(machine, n) for n in refused.values()} == {filter.REFUSE}
        clone = filter.CLONE[machine]
        assert decide(machine, clone, filter.THREAD | 0x3D0F00) == filter.ALLOW
        assert decide(machine, clone, 17) == filter.REFUSE
        assert decide(machine, filter.CLONE3) == filter.NO_SUCH_CALL
        assert decide(machine, 0x40000000 + 39) == filter.REFUSE
        read, write = {"x86_64": (0, 1), "aarch64": (63, 64)}[machine]
        assert decide(machine, read) == decide(machine, write) == filter.ALLOW


def test_elsewhere_it_says_what_is_missing(monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert jail.why_not() == "a jail needs Linux's namespaces; this is Darwin"
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert "this machine is riscv64" in jail.why_not()


def test_a_linux_that_refuses_says_which_step(monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    failed = subprocess.CompletedProcess([], 1, "", "Traceback\nOSError: [Errno 1] unshare: no")
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: failed)
    assert "unshare: no" in jail.why_not() and "CAP_SYS_ADMIN" in jail.why_not()
