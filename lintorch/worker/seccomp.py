"""The seccomp filter of a confined child, as a classic BPF program."""

from __future__ import annotations

import errno
import os
import struct
from typing import List

from .syscalls import CONDITIONAL, FILE_CHANGES, NEWEST, REFUSED, Architecture

_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE = 0, 4  # offsets into struct seccomp_data
_X32_BIT = 0x40000000
_CLONE_THREAD = 0x00010000
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def _argument(index: int, upper: bool = False) -> int:
    return 16 + 8 * index + (4 if upper else 0)


def program(machine: Architecture, pid: int, files_guarded: bool) -> bytes:
    """The filter's code: refuses by EPERM, lets everything else through. `files_guarded` says that Landlock already watches the file system."""
    code = [_op(_LOAD, _ARCHITECTURE), *_unless_equal(machine.audit, _KILL), _op(_LOAD, _NUMBER)]
    if machine.column == 0:
        code += _if_at_least(_X32_BIT, _ERROR | errno.EPERM)
    code += _if_at_least(NEWEST + 1, _ERROR | errno.ENOSYS)
    for number in machine.numbers(REFUSED | (frozenset() if files_guarded else FILE_CHANGES)):
        code += _if_equal(number, _ERROR | errno.EPERM)
    for name in sorted(CONDITIONAL | (frozenset() if files_guarded else {"open", "openat"})):
        code += _conditional(machine, name, pid)
    return b"".join([*code, _op(_RETURN, _ALLOW)])


def _conditional(machine: Architecture, name: str, pid: int) -> List[bytes]:
    number = machine.number(name)
    if number is None:
        return []
    body = _verdict(name, pid)
    return [_op(_JUMP_EQUAL, number, 0, len(body)), *body]


def _verdict(name: str, pid: int) -> List[bytes]:
    """What to answer a call by its arguments; ends in a return on every way."""
    refuse, allow = _op(_RETURN, _ERROR | errno.EPERM), _op(_RETURN, _ALLOW)
    if name == "clone3":  # its flags are behind a pointer; libraries fall back to clone
        return [_op(_RETURN, _ERROR | errno.ENOSYS)]
    if name == "clone":
        return [_op(_LOAD, _argument(0)), _op(_JUMP_ANY_BIT, _CLONE_THREAD, 0, 1), allow, refuse]
    if name == "prlimit64":  # reading limits is free, a new limit is not
        return [_op(_LOAD, _argument(2)), _op(_JUMP_EQUAL, 0, 0, 2), _op(_LOAD, _argument(2, upper=True)), _op(_JUMP_EQUAL, 0, 1, 0), refuse, allow]
    if name in ("open", "openat"):
        return [_op(_LOAD, _argument(1 if name == "open" else 2)), _op(_JUMP_ANY_BIT, _WRITING, 0, 1), refuse, allow]
    return [_op(_LOAD, _argument(0)), _op(_JUMP_EQUAL, pid, 0, 1), allow, refuse]  # signals to itself, which abort() needs


def _op(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, operand)


def _if_equal(value: int, answer: int) -> List[bytes]:
    return [_op(_JUMP_EQUAL, value, 0, 1), _op(_RETURN, answer)]


def _unless_equal(value: int, answer: int) -> List[bytes]:
    return [_op(_JUMP_EQUAL, value, 1, 0), _op(_RETURN, answer)]


def _if_at_least(value: int, answer: int) -> List[bytes]:
    return [_op(_JUMP_GREATER_EQUAL, value, 0, 1), _op(_RETURN, answer)]
