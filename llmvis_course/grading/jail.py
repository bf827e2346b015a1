"""A jail for code that nobody has read: Linux namespaces, limits, no rights, few system calls.

Three steps. `enter` and `move_in` are called once, by the worker that will fork: they make a world
in which only Python and its libraries can be read, nothing can be written, and no network and no
other process exists. `lock` is called by each child before it runs an answer: a process table, a
scratch folder in memory and shared memory of its own, limits, no rights, few system calls. Where a
step fails, OSError says which; where Linux allows no step at all, `wrapping` has another way.
"""

import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from . import calls, filter
from .limits import Limits

NOBODY = 65534
SCRATCH = "/scratch"
DEVICES = ("null", "zero", "random", "urandom")
SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/etc/ld.so.cache")


def visible_folders() -> list[str]:
    """What an answer may read: the system's libraries, Python, its packages and this course."""
    import llmvis_course

    folders = [*SYSTEM, sys.prefix, sys.base_prefix, str(Path(llmvis_course.__file__).parent)]
    folders += [p for p in sys.path if Path(p).name in ("site-packages", "dist-packages")]
    for name in ("torch", "numpy", "einops"):
        found = getattr(sys.modules.get(name), "__file__", None)
        folders += [str(Path(found).parent)] if found else []
    return list(dict.fromkeys(folder for folder in folders if os.path.exists(folder)))


def hidden_folders() -> list[str]:
    """What an answer may not read though it lies inside of what it may: the right answers."""
    import llmvis_course

    package = Path(llmvis_course.__file__).parent
    return [str(package / part) for part in ("checks", "grading")]


def enter(folder: str) -> None:
    """Go on in a child that is the first process of a world of its own.

    The process that called this waits for the child, removes the empty `folder`, and never returns.
    """
    root, uid, gid = os.geteuid() == 0, os.geteuid(), os.getegid()
    kinds = (calls.NEW_NAMES, calls.NEW_IPC, calls.NEW_PIDS, calls.NEW_NETWORK)
    calls.unshare(sum(kinds) + (0 if root else calls.NEW_USERS))
    if not root:
        maps = {"setgroups": "deny", "uid_map": f"{uid} {uid} 1", "gid_map": f"{gid} {gid} 1"}
        for name, text in maps.items():
            Path(f"/proc/self/{name}").write_text(text)
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        os.rmdir(folder)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    calls.control(calls.DIES_WITH_PARENT, signal.SIGKILL)


def move_in(new: str, show: list[str], hide: list[str]) -> None:
    """Make a tree of nothing but `show` without `hide` at the folder `new`, and move into it."""
    calls.unshare(calls.NEW_MOUNTS)
    calls.mount("none", "/", flags=calls.RECURSIVE | calls.PRIVATE)
    calls.mount("tmpfs", new, "tmpfs", calls.NO_SETUID | calls.NO_DEVICES, "size=1m,mode=755")
    shown: list[str] = []
    for path in spellings(show):
        if not any(inside(path, other) for other in shown):
            _bind(os.path.realpath(path), new + path)
            shown.append(path)
    for path in spellings(hide):
        if os.path.isdir(new + path):
            calls.mount("tmpfs", new + path, "tmpfs", options="size=4k,mode=000")
        elif os.path.exists(new + path):
            calls.mount("/dev/null", new + path, flags=calls.BIND)
    os.mkdir(new + SCRATCH)
    if not os.path.exists(new + "/tmp"):
        os.symlink(SCRATCH, new + "/tmp")
    os.mkdir(new + "/dev")
    for name in DEVICES:
        Path(f"{new}/dev/{name}").touch()
    calls.make_read_only(new)
    for name in DEVICES:
        calls.mount(f"/dev/{name}", f"{new}/dev/{name}", flags=calls.BIND)
    calls.change_root(new)


def spellings(paths: Iterable[str]) -> list[str]:
    """Each path from the root on, and where the links in it lead."""
    return sorted({p for q in paths for p in (os.path.abspath(q), os.path.realpath(q))})


def inside(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies somewhere in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _bind(source: str, target: str) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        Path(target).touch()
    calls.mount(source, target, flags=calls.BIND | calls.RECURSIVE)


def limit(limits: Limits, memory_now: int) -> None:
    """Set the limits that every Unix has."""
    import resource  # Windows has none

    wanted = {
        "RLIMIT_CPU": limits.cpu,
        "RLIMIT_AS": memory_now + limits.memory,
        "RLIMIT_FSIZE": limits.file,
        "RLIMIT_NOFILE": limits.files,
        "RLIMIT_CORE": 0,
    }
    for name, value in wanted.items():
        resource.setrlimit(getattr(resource, name), (value, value))


def lock(limits: Limits, memory_now: int) -> None:
    """Lock this process, the first of its process table, in for good. Needs `move_in` before."""
    import resource

    calls.unshare(calls.NEW_MOUNTS | calls.NEW_IPC)
    flags = calls.NO_SETUID | calls.NO_DEVICES | calls.NO_EXECUTION
    options = f"size={limits.file},nr_inodes=1000,mode=1777"
    calls.mount("tmpfs", SCRATCH, "tmpfs", flags, options)
    os.chdir(SCRATCH)
    limit(limits, memory_now)
    for name, value in (("NPROC", limits.processes), ("MEMLOCK", 0), ("MSGQUEUE", 0)):
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    calls.drop_capabilities()
    filter.install()


def why_not() -> str:
    """What is missing for a jail here, in a sentence; an empty text where nothing is."""
    if sys.platform != "linux":
        return f"a jail needs Linux's namespaces; this is {platform.system()}"
    if platform.machine() not in filter.ARCHITECTURE:
        known = " and ".join(filter.ARCHITECTURE)
        return f"a jail is written for {known}; this machine is {platform.machine()}"
    folder = tempfile.mkdtemp()
    code = f"from llmvis_course.grading import jail; jail.probe({folder!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if os.path.isdir(folder):
        os.rmdir(folder)
    if done.returncode == 0 and done.stdout.strip() == "locked":
        return ""
    lines = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()
    return (
        f"this Linux refuses what a jail is made of ({lines[-1]}). User namespaces may be off: see "
        "`sysctl user.max_user_namespaces kernel.apparmor_restrict_unprivileged_userns`; a "
        "container needs the right CAP_SYS_ADMIN. Running as root in a virtual machine works"
    )


def probe(folder: str) -> None:
    """Do everything once, and say so."""
    enter(folder)
    move_in(folder, visible_folders(), hidden_folders())
    child = os.fork()
    if child == 0:
        lock(Limits(), 2**34)
        print("locked", flush=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
