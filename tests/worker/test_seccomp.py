"""The seccomp filter, run by a small BPF machine, on both architectures; and the table against the kernel's own headers."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest

from lintorch.worker.seccomp import program
from lintorch.worker.syscalls import FILE_CHANGES, NEWEST, REFUSED, Architecture, architecture

PID = 4242
ALLOW, ERROR, KILL = 0x7FFF0000, 0x00050000, 0x80000000
EPERM, ENOSYS = ERROR | errno.EPERM, ERROR | errno.ENOSYS
MACHINES = {name: found for name in ("x86_64", "arm64") if (found := architecture(name))}
machines = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)


def answer(machine: Architecture, number: int, *arguments: int, files_guarded: bool = True, audit: int | None = None) -> int:
    """What the filter answers a call: interprets its program as the kernel does."""
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("<iIQ6Q", number, machine.audit if audit is None else audit, 0, *padded)
    code = [struct.unpack_from("<HBBI", program(machine, PID, files_guarded), offset) for offset in range(0, len(program(machine, PID, files_guarded)), 8)]
    place = accumulator = 0
    while True:
        operation, if_true, if_false, operand = code[place]
        place += 1
        if operation == 0x06:
            return int(operand)
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, operand)
        else:
            holds = {0x15: accumulator == operand, 0x35: accumulator >= operand, 0x45: bool(accumulator & operand)}[operation]
            place += if_true if holds else if_false


def number(machine: Architecture, name: str) -> int:
    found = machine.number(name)
    if found is None:
        pytest.skip(f"no {name} on this machine")
    return found


def test_both_architectures_have_a_table() -> None:
    assert set(MACHINES) == {"x86_64", "arm64"}
    assert architecture("riscv64") is None


@machines
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_refuses(machine: Architecture, name: str) -> None:
    assert answer(machine, number(machine, name)) == EPERM


@machines
@pytest.mark.parametrize("name", sorted(FILE_CHANGES))
def test_refuses_file_changes_only_where_landlock_does_not(machine: Architecture, name: str) -> None:
    assert answer(machine, number(machine, name), files_guarded=True) == ALLOW
    assert answer(machine, number(machine, name), files_guarded=False) == EPERM


@machines
def test_lets_a_process_signal_itself_alone(machine: Architecture) -> None:
    for name in ("kill", "tkill", "tgkill"):
        assert answer(machine, number(machine, name), PID, 9) == ALLOW
        for other in (1, 0, 0xFFFFFFFF, PID + 1):
            assert answer(machine, number(machine, name), other, 9) == EPERM


@machines
def test_lets_threads_start_and_processes_not(machine: Architecture) -> None:
    assert answer(machine, number(machine, "clone"), 0x3D0F00) == ALLOW  # what pthread_create asks for
    assert answer(machine, number(machine, "clone"), 0x1200011) == EPERM  # what fork asks for
    assert answer(machine, number(machine, "clone3")) == ENOSYS


@machines
def test_lets_limits_be_read_and_not_set(machine: Architecture) -> None:
    assert answer(machine, number(machine, "prlimit64"), 0, 7, 0, 0x7FFF00001000) == ALLOW
    for new in (0x1000, 0x7F00_0000_0000):  # a pointer may have an empty half
        assert answer(machine, number(machine, "prlimit64"), 0, 7, new, 0) == EPERM


@machines
@pytest.mark.parametrize(("flags", "expected"), [(0, ALLOW), (1, EPERM), (2, EPERM), (0o100, EPERM), (0o1000, EPERM), (0o2000, EPERM), (0o2000000, ALLOW)])
def test_looks_at_the_flags_of_open_where_landlock_does_not(machine: Architecture, flags: int, expected: int) -> None:
    assert answer(machine, number(machine, "openat"), 0, 0, flags, files_guarded=False) == expected
    assert answer(machine, number(machine, "openat"), 0, 0, flags, files_guarded=True) == ALLOW


@machines
def test_answers_calls_of_later_kernels_as_unknown(machine: Architecture) -> None:
    assert answer(machine, NEWEST + 1) == ENOSYS


def test_refuses_the_other_ways_into_the_kernel() -> None:
    x86, arm = MACHINES["x86_64"], MACHINES["arm64"]
    assert answer(x86, 0x40000000 | 41) == EPERM  # the x32 call table
    assert answer(x86, 41, audit=arm.audit) == KILL
    assert answer(arm, 198, audit=x86.audit) == KILL


@machines
def test_lets_ordinary_work_through(machine: Architecture) -> None:
    ordinary = {0: ["read 0", "write 1", "mmap 9", "futex 202"], 1: ["read 63", "write 64", "mmap 222", "futex 98"]}[machine.column]
    for line in ordinary:
        assert answer(machine, int(line.split()[1])) == ALLOW


HEADERS = {"x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), "arm64": Path("/usr/include/asm-generic/unistd.h")}


@pytest.mark.parametrize("name", HEADERS)
def test_the_table_is_the_kernels(name: str) -> None:
    if not HEADERS[name].exists():
        pytest.skip("no kernel headers here")
    kernel = {call: int(value) for call, value in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", HEADERS[name].read_text())}
    machine = MACHINES[name]
    ours = {call: machine.number(call) for call in (*REFUSED, *FILE_CHANGES, "clone", "clone3", "kill", "tkill", "tgkill", "prlimit64", "openat", "seccomp")}
    known = {call: value for call, value in ours.items() if value is not None and call in kernel}
    assert known == {call: kernel[call] for call in known}
    assert {call for call, value in ours.items() if value is None} & kernel.keys() == set()
