"""The Linux system calls that a jail needs and Python 3.10 does not have, through ctypes."""

import ctypes
import functools
import os
from pathlib import Path

NEW_MOUNTS, NEW_NAMES, NEW_IPC = 0x00020000, 0x04000000, 0x08000000
NEW_USERS, NEW_PIDS, NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
READ_ONLY, NO_SETUID, NO_DEVICES, NO_EXECUTION = 1, 2, 4, 8
BIND, RECURSIVE, PRIVATE, DETACH = 0x1000, 0x4000, 0x40000, 2
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
CAPSET = {"x86_64": 126, "aarch64": 91}
MOUNT_SETATTR = 442  # the same on every machine, since Linux 5.12
CAPABILITIES_3 = 0x20080522
GATHER = 25  # MADV_COLLAPSE
DIES_WITH_PARENT, DUMPABLE, DROP_BOUND, NO_NEW_PRIVILEGES = 1, 4, 24, 38


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def call(what: str, function: str, *arguments: object) -> int:
    """Call libc; raises OSError that names what was tried."""
    done = getattr(_libc(), function)(*arguments)
    if done < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return done


def unshare(flags: int) -> None:
    """Leave these namespaces for new ones."""
    call("new namespaces (unshare)", "unshare", ctypes.c_int(flags))


def enter_namespace(file: int, kind: int) -> None:
    """Join the namespace that an open file of /proc/self/ns names."""
    call("setns", "setns", ctypes.c_int(file), ctypes.c_int(kind))


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount `source` at `target`."""
    texts = [text.encode() or None for text in (source, target, kind)]
    flags = ctypes.c_ulong(flags)
    call(f"mount {target}", "mount", *texts, flags, options.encode() or None)


def make_read_only(target: str) -> None:
    """Let nothing be written below a mount, nor in the mounts below it."""

    class Attributes(ctypes.Structure):
        _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "users")]

    wanted = Attributes(READ_ONLY | NO_SETUID | NO_DEVICES, 0, 0, 0)
    arguments = [-100, target.encode(), 0x8000, ctypes.byref(wanted), ctypes.sizeof(wanted)]
    long = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    call(f"read-only {target} (Linux 5.12)", "syscall", ctypes.c_long(MOUNT_SETATTR), *long)


def change_root(new: str) -> None:
    """Make `new`, which is a mount, the root; nothing of the old one can be reached any more."""
    os.chdir(new)
    number = ctypes.c_long(PIVOT_ROOT[os.uname().machine])
    call("pivot_root", "syscall", number, b".", b".")
    call("umount", "umount2", b".", ctypes.c_int(DETACH))
    os.chdir("/")


def control(what: int, value: int) -> None:
    """prctl."""
    zeros = [ctypes.c_ulong(0)] * 3
    call(f"prctl {what}", "prctl", ctypes.c_int(what), ctypes.c_ulong(value), *zeros)


def use_large_pages() -> None:
    """Gather this process's own memory in pages of 2 MB where Linux (6.1) can.

    A fork copies a table with a row for each page: 130 rows in place of 70,000 make it ten times as
    fast. Where it cannot be done, nothing happens.
    """
    size = 2**21
    for line in Path("/proc/self/maps").read_text().splitlines():
        place, rights, _, _, _, *name = line.split(maxsplit=5)
        if rights != "rw-p" or name and name[0].strip() != "[heap]":
            continue
        first, end = (int(number, 16) for number in place.split("-"))
        for page in range(-(-first // size) * size, end // size * size, size):
            _libc().madvise(ctypes.c_void_p(page), ctypes.c_size_t(size), ctypes.c_int(GATHER))


def drop_capabilities() -> None:
    """Give up every special right, now and for whatever is executed later."""
    control(NO_NEW_PRIVILEGES, 1)
    for capability in range(64):
        try:
            control(DROP_BOUND, capability)
        except OSError:  # there are no more, or the right to drop them is gone already
            break
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_3, 0)
    none = (ctypes.c_uint32 * 6)()
    number = ctypes.c_long(CAPSET[os.uname().machine])
    call("capset", "syscall", number, ctypes.byref(header), ctypes.byref(none))
