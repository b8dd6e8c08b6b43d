"""Confinement by itself: each level in a child of this process, with and without the layers a system may lack."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lintorch.worker import confine
from lintorch.worker.confine import LEVELS, ConfinementError
from lintorch.worker.protocol import Limits
from lintorch.worker.syscalls import architecture

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux") or architecture() is None, reason="Linux on x86_64 or arm64")


def in_child(act: Callable[[], object]) -> str:
    """Run `act` in a forked child; what came of it in words."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            told = str(act())
        except BaseException as error:  # noqa: BLE001 (whatever it is, the parent is told)
            told = type(error).__name__
        os.write(writer, told.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as told_by_child:
        told = told_by_child.read().decode()
    os.waitpid(child, 0)
    return told


def confined(temp: Path, act: Callable[[], object], namespaces: bool = False) -> str:
    def confine_and_act() -> object:
        if namespaces:
            confine.enter_namespaces(str(temp))
        confine.confine(Limits(seconds=5, bytes=1 << 30, temp=str(temp)), namespaces)
        return act()

    return in_child(confine_and_act)


@pytest.fixture
def without_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(temp: str) -> None:
        raise ConfinementError("no Landlock")

    monkeypatch.setattr(confine, "_restrict_files", refuse)


def reached(temp: Path, namespaces: bool) -> str:
    return in_child(lambda: confine.confine(Limits(seconds=5, bytes=1 << 30, temp=str(temp)), namespaces))


def test_says_what_it_reached(tmp_path: Path) -> None:
    assert reached(tmp_path, namespaces=False) == "no-userns"
    assert reached(tmp_path, namespaces=True) == "full"


def test_the_probe_says_what_children_reach(tmp_path: Path) -> None:
    assert confine.probe(str(tmp_path)) in LEVELS[2:]


@pytest.mark.usefixtures("without_landlock")
def test_is_limits_only_without_landlock(tmp_path: Path) -> None:
    assert reached(tmp_path, namespaces=True) == "rlimits only"
    assert confine.probe(str(tmp_path)) == "rlimits only"


def test_is_nothing_without_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(limits: Limits, file_bytes: int) -> None:
        raise ConfinementError("no limits")

    monkeypatch.setattr(confine, "_limit_resources", refuse)
    assert reached(tmp_path, namespaces=False) == "none"


def test_is_limits_only_on_a_machine_without_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confine, "architecture", lambda: None)
    assert reached(tmp_path, namespaces=False) == "rlimits only"


def test_writes_go_to_the_private_folder_alone(tmp_path: Path) -> None:
    private, other = tmp_path / "private", tmp_path / "other"
    private.mkdir()
    other.mkdir()
    assert confined(private, lambda: (private / "x").write_text("x")) == "1"
    assert confined(private, lambda: (other / "x").write_text("x")) == "PermissionError"
    assert confined(private, lambda: Path(os.devnull).write_text("x")) == "1"


def test_a_private_file_system_keeps_nothing(tmp_path: Path) -> None:
    if confine.probe(str(tmp_path)) != "full":
        pytest.skip("no namespaces here")
    assert confined(tmp_path, lambda: (tmp_path / "x").write_text("x"), namespaces=True) == "1"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("without_landlock")
def test_nothing_is_written_without_landlock(tmp_path: Path) -> None:
    keep = tmp_path / "keep"
    keep.write_text("keep")
    for act in (lambda: keep.write_text("x"), keep.unlink, lambda: keep.rename(tmp_path / "y"), lambda: (tmp_path / "d").mkdir(), lambda: os.truncate(keep, 0)):
        assert confined(tmp_path, act) == "PermissionError"
    assert keep.read_text() == "keep"
    assert confined(tmp_path, keep.read_text) == "keep"


def test_no_network_no_processes(tmp_path: Path) -> None:
    assert confined(tmp_path, socket.socket) == "PermissionError"
    assert confined(tmp_path, os.fork) == "PermissionError"
    assert confined(tmp_path, lambda: os.execv(sys.executable, [sys.executable, "-V"])) == "PermissionError"
    assert confined(tmp_path, lambda: os.kill(os.getppid(), 0)) == "PermissionError"
    assert confined(tmp_path, lambda: os.kill(os.getpid(), 0)) == "None"


def test_memory_is_bounded(tmp_path: Path) -> None:
    assert confined(tmp_path, lambda: len(bytearray(2 << 30))) == "MemoryError"
    assert confined(tmp_path, lambda: len(bytearray(1 << 20))) == str(1 << 20)


def test_a_child_that_dies_has_reached_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confine, "confine", lambda *arguments: os.kill(os.getpid(), 9))
    assert confine.probe(str(tmp_path)) == "none"
