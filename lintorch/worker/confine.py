"""Takes rights away from a child before it runs user code: no writing outside its folder, no network, no other process, bounded memory and time.

Layers, each used where the system offers it: resource limits everywhere; on Linux Landlock for the file system, a seccomp filter for what Landlock leaves
open, and namespaces of its own. It guards against accidents and careless code; code that sets out to forge its own result is not kept from doing so.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Callable, List

if sys.platform != "win32":
    import resource

from .protocol import Limits
from .seccomp import program
from .syscalls import Architecture, architecture

LEVELS = ("none", "rlimits only", "no-userns", "full")  # weakest first
_FILE_BYTES = 64 << 20  # of a file, and of everything in the private folder where that is a file system of its own
_OPEN_FILES = 256

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_CLONE_NEWNS, _CLONE_NEWIPC, _CLONE_NEWUSER, _CLONE_NEWNET = 0x00020000, 0x08000000, 0x10000000, 0x40000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_PRIVATE = 2, 4, 8, 0x4000, 0x40000
_SIGKILL = 9

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None


class ConfinementError(OSError):
    """A layer could not be put on."""


def confine(limits: Limits, own_namespaces: bool) -> str:
    """Confine this process for good, as far as the system allows; returns the level reached. `own_namespaces`: `enter_namespaces` succeeded before."""
    if sys.platform == "win32":
        return "none"
    machine = architecture() if _libc is not None else None
    guarded = filtered = False
    if machine is not None:
        end_with_parent()
        _control(_PR_SET_NO_NEW_PRIVS, 1)
        guarded = _works(lambda: _restrict_files(limits["temp"]))
    limited = _works(lambda: _limit_resources(limits, _FILE_BYTES if guarded else 0))
    if machine is not None:
        filtered = _works(lambda: _filter_calls(machine, files_guarded=guarded))
    return _level(limited, guarded and filtered, own_namespaces)


def end_with_parent() -> None:
    """Have this process killed when the thread that forked it ends, where the system can do that."""
    if _libc is not None:
        _control(_PR_SET_PDEATHSIG, _SIGKILL)


def probe(temp: str) -> str:
    """The level that children of this process can reach, found by children that do nothing else."""
    if not hasattr(os, "fork"):
        return "none"
    reached = _level_of_child(temp, namespaces=True)
    return reached if reached == "full" else _level_of_child(temp, namespaces=False)


def _level_of_child(temp: str, namespaces: bool) -> str:
    child = os.fork()
    if child == 0:
        reached = 0
        try:
            own = namespaces and _works(lambda: enter_namespaces(temp))
            reached = LEVELS.index(confine(Limits(seconds=1, bytes=1 << 30, temp=temp), own))
        finally:
            os._exit(reached)
    status = os.waitpid(child, 0)[1]
    return LEVELS[os.WEXITSTATUS(status)] if os.WIFEXITED(status) else "none"


def _level(limited: bool, shut: bool, own_namespaces: bool) -> str:
    if not limited:
        return "none"
    if not shut:
        return "rlimits only"
    return "full" if own_namespaces else "no-userns"


def _works(layer: Callable[[], None]) -> bool:
    try:
        layer()
    except (OSError, ValueError):
        return False
    return True


def _control(option: int, *arguments: int) -> None:
    assert _libc is not None
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    if _libc.prctl(ctypes.c_int(option), *padded):
        raise ConfinementError(ctypes.get_errno(), f"prctl {option}")


def _limit_resources(limits: Limits, file_bytes: int) -> None:
    seconds = int(limits["seconds"]) + 2
    wanted = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": file_bytes, "RLIMIT_NOFILE": _OPEN_FILES, "RLIMIT_CPU": seconds}
    mapped = _mapped_bytes()
    if mapped:
        wanted["RLIMIT_AS"] = mapped + limits["bytes"]
    for name, value in wanted.items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _mapped_bytes() -> int:
    """The address space in use, 0 where the system does not say."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def enter_namespaces(temp: str) -> None:
    """New user, network, IPC and mount namespaces for this process and its children, and a small file system of their own at `temp`.

    A process that fails half-way has no user any more, so only one to be thrown away may try what was not probed before.
    """
    if _libc is None:
        raise ConfinementError("no namespaces on this system")
    user, group = os.geteuid(), os.getegid()
    _check(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWNS), "unshare")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {user} 1")
    _write("/proc/self/gid_map", f"{group} {group} 1")
    _check(_libc.mount(None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None), "mount private")
    options = f"size={_FILE_BYTES},mode=700".encode()
    _check(_libc.mount(b"tmpfs", os.fsencode(temp), b"tmpfs", ctypes.c_ulong(_MS_NOSUID | _MS_NODEV | _MS_NOEXEC), options), "mount tmpfs")


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _check(result: int, what: str) -> int:
    if result < 0:
        raise ConfinementError(ctypes.get_errno(), what)
    return result


# Landlock's rights on files, in the order of their bits.
_RIGHTS = (
    "execute",
    "write_file",
    "read_file",
    "read_dir",
    "remove_dir",
    "remove_file",
    "make_char",
    "make_dir",
    "make_reg",
    "make_sock",
    "make_fifo",
    "make_block",
    "make_sym",
    "refer",
    "truncate",
    "ioctl_dev",
)
_RIGHTS_OF_ABI = (0, 13, 14, 15, 15, 16)  # how many of them each version of the interface knows
_READING = ("read_file", "read_dir")
_RULE_PATH_BENEATH = 1


class _Ruleset(ctypes.Structure):
    _fields_ = [("handled_access_fs", ctypes.c_uint64), ("handled_access_net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def _restrict_files(temp: str) -> None:
    """Everything may be read; only `temp` (and the null device) may be written; no TCP; no signals or abstract sockets to the outside."""
    abi = _landlock("landlock_create_ruleset", None, 0, 1)
    known = _RIGHTS[: _RIGHTS_OF_ABI[min(abi, len(_RIGHTS_OF_ABI) - 1)]]
    handled = _bits(known) & ~_bits(_READING)
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    attributes = _Ruleset(handled, 0b11 if abi >= 4 else 0, 0b11 if abi >= 6 else 0)
    ruleset = _landlock("landlock_create_ruleset", ctypes.byref(attributes), size, 0)
    try:
        _allow(ruleset, temp, handled & ~_bits(("execute", "make_char", "make_block", "make_sock")))
        _allow(ruleset, os.devnull, handled & _bits(("write_file", "truncate", "ioctl_dev")))
        _landlock("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _PathBeneath(rights, descriptor)
        _landlock("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(descriptor)


def _bits(names: "tuple[str, ...]") -> int:
    return sum(1 << _RIGHTS.index(name) for name in names)


def _landlock(name: str, *arguments: object) -> int:
    machine = architecture()
    assert _libc is not None and machine is not None
    words: List[object] = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    return _check(_libc.syscall(ctypes.c_long(machine.number(name) or 0), *words), name)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def _filter_calls(machine: Architecture, files_guarded: bool) -> None:
    code = program(machine, os.getpid(), files_guarded)
    rules = _Program(len(code) // 8, code)
    _control(_PR_SET_SECCOMP, 2, ctypes.addressof(rules))
