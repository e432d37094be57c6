"""A filter for system calls that no honest build or test needs, written by hand for x86-64.

The namespaces are the wall; this takes away the tools for digging at it. The program is classic BPF as
seccomp(2) describes it, the numbers are those of the kernel's syscall_64.tbl.
"""

from __future__ import annotations

import errno
import platform
import struct

LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
JUMP_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
JUMP_ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
RETURN = 0x06  # BPF_RET | BPF_K

ALLOW = 0x7FFF0000  # SECCOMP_RET_ALLOW
REFUSE = 0x00050000  # SECCOMP_RET_ERRNO, the number in the low bits

NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data, little-endian
X86_64 = 0xC000003E  # AUDIT_ARCH_X86_64
X32 = 0x40000000  # the bit of the x32 calls, another way to the same kernel
NEW_NAMESPACES = 0x7E020000  # every CLONE_NEW* flag of clone(2)

SOCKET, CLONE, CLONE3 = 41, 56, 435
ORDINARY_SOCKETS = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK

DENIED = {
    "ptrace": 101, "syslog": 103, "vhangup": 153, "pivot_root": 155, "adjtimex": 159, "chroot": 161,
    "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168,
    "reboot": 169, "iopl": 172, "ioperm": 173, "init_module": 175, "delete_module": 176, "quotactl": 179,
    "nfsservctl": 180, "lookup_dcookie": 212, "clock_settime": 227, "kexec_load": 246, "add_key": 248,
    "request_key": 249, "keyctl": 250, "unshare": 272, "perf_event_open": 298, "name_to_handle_at": 303,
    "open_by_handle_at": 304, "clock_adjtime": 305, "setns": 308, "process_vm_readv": 310,
    "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "kexec_file_load": 320, "bpf": 321,
    "userfaultfd": 323, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
    "pidfd_getfd": 438, "mount_setattr": 442,
}  # fmt: skip


def deny_list() -> bytes | None:
    """The filter as BPF instructions, or None on a machine whose call numbers we do not have."""
    if platform.machine() != "x86_64":
        return None
    program = [
        _step(LOAD_WORD, ARCHITECTURE),
        _step(JUMP_EQUAL, X86_64, 1, 0),
        _refuse(errno.ENOSYS),
        _step(LOAD_WORD, NUMBER),
        _step(JUMP_AT_LEAST, X32, 0, 1),
        _refuse(errno.ENOSYS),
        # glibc falls back to clone, whose flags we can read; clone3 keeps them behind a pointer.
        _step(JUMP_EQUAL, CLONE3, 0, 1),
        _refuse(errno.ENOSYS),
    ]
    for number in sorted(DENIED.values()):
        program += [_step(JUMP_EQUAL, number, 0, 1), _refuse(errno.EPERM)]
    program += [
        _step(JUMP_EQUAL, CLONE, 0, 4),
        _step(LOAD_WORD, FIRST_ARGUMENT),
        _step(JUMP_ANY_BIT, NEW_NAMESPACES, 0, 1),
        _refuse(errno.EPERM),
        _step(RETURN, ALLOW),
        _step(JUMP_EQUAL, SOCKET, 0, 2 + len(ORDINARY_SOCKETS)),
        _step(LOAD_WORD, FIRST_ARGUMENT),
    ]
    for position, family in enumerate(ORDINARY_SOCKETS):
        program.append(_step(JUMP_EQUAL, family, len(ORDINARY_SOCKETS) - position, 0))
    return b"".join([*program, _refuse(errno.EAFNOSUPPORT), _step(RETURN, ALLOW)])


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One struct sock_filter; the jumps count the instructions to leave out."""
    return struct.pack("<HBBI", code, if_true, if_false, value)


def _refuse(number: int) -> bytes:
    return _step(RETURN, REFUSE | number)
