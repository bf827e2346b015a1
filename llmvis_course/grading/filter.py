"""A seccomp filter: which system calls a jailed process may not make.

A second wall behind the namespaces. What is refused here is what an answer never needs: starting
processes (threads are allowed), sockets, memory that outlives its process, and the calls that
attacks on the kernel go through. See `man 2 seccomp`; the program is classic BPF.
"""

import ctypes
import functools
import os
import struct

from .calls import call

ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
REFUSED = {
    "x86_64": {
        "fork": 57, "vfork": 58, "execve": 59, "execveat": 322, "socket": 41, "shmget": 29,
        "semget": 64, "msgget": 68, "mq_open": 240, "memfd_create": 319, "ptrace": 101,
        "process_vm_readv": 310, "process_vm_writev": 311, "mount": 165, "umount2": 166,
        "pivot_root": 155, "chroot": 161, "unshare": 272, "setns": 308, "bpf": 321,
        "perf_event_open": 298, "add_key": 248, "request_key": 249, "keyctl": 250,
        "userfaultfd": 323, "open_by_handle_at": 304, "personality": 135, "io_uring_setup": 425,
        "open_tree": 428, "move_mount": 429, "fsopen": 430, "mount_setattr": 442,
    },
    "aarch64": {
        "execve": 221, "execveat": 281, "socket": 198, "shmget": 194, "semget": 190,
        "msgget": 186, "mq_open": 180, "memfd_create": 279, "ptrace": 117,
        "process_vm_readv": 270, "process_vm_writev": 271, "mount": 40, "umount2": 39,
        "pivot_root": 41, "chroot": 51, "unshare": 97, "setns": 268, "bpf": 280,
        "perf_event_open": 241, "add_key": 217, "request_key": 218, "keyctl": 219,
        "userfaultfd": 282, "open_by_handle_at": 265, "personality": 92, "io_uring_setup": 425,
        "open_tree": 428, "move_mount": 429, "fsopen": 430, "mount_setattr": 442,
    },
}  # fmt: skip
CLONE = {"x86_64": 56, "aarch64": 220}
CLONE3 = (
    435  # its flags lie in memory, where a filter cannot look: "no such call", so clone is used
)
OTHER_NUMBERS = 0x40000000  # x86 with short pointers calls the same things by other numbers
THREAD = 0x00010000  # the flag of clone that makes a thread
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, REFUSE, NO_SUCH_CALL = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
SECCOMP, FILTER = 22, 2


def program(machine: str) -> list[tuple[int, int, int, int]]:
    """The filter: operation, how far to jump if it holds and if not, and a number."""
    lines = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, ARCHITECTURE[machine]), (RETURN, 0, 0, KILL)]
    lines += [(LOAD, 0, 0, 0), (AT_LEAST, 0, 1, OTHER_NUMBERS), (RETURN, 0, 0, REFUSE)]
    for number in REFUSED[machine].values():
        lines += [(EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE)]
    lines += [(EQUAL, 0, 1, CLONE3), (RETURN, 0, 0, NO_SUCH_CALL), (EQUAL, 0, 3, CLONE[machine])]
    lines += [(LOAD, 0, 0, 16), (ANY_BIT, 1, 0, THREAD), (RETURN, 0, 0, REFUSE)]
    return [*lines, (RETURN, 0, 0, ALLOW)]


@functools.cache
def code() -> bytes:
    """The filter for this machine, as Linux reads it; 8 bytes a line."""
    return b"".join(struct.pack("HBBI", *line) for line in program(os.uname().machine))


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("lines", ctypes.c_void_p)]


def install() -> None:
    """Filter the system calls of this process from now on. Needs NO_NEW_PRIVILEGES."""
    memory = ctypes.create_string_buffer(code(), len(code()))
    whole = _Program(len(code()) // 8, ctypes.addressof(memory))
    call(
        "seccomp filter", "prctl", ctypes.c_int(SECCOMP), ctypes.c_ulong(FILTER),
        ctypes.byref(whole), ctypes.c_ulong(0), ctypes.c_ulong(0),
    )  # fmt: skip
