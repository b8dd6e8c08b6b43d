"""A file is written whole or not at all, and nothing is left behind."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lintorch.source import write as writing
from lintorch.source.leftover import sweep
from lintorch.source.text import Source, SourceError
from lintorch.source.write import write

OLD = b"x = 1\r\n# \xc3\xa9\r\n"
NEW = b"x = 2\r\n# \xc3\xa9\r\n"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of other users and mount file systems")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_bytes(OLD)
    return path


def change(path: Path) -> None:
    source = Source.read(path)
    write(source, source.text.replace("x = 1", "x = 2"))


def only(path: Path) -> bool:
    """Is nothing but the file in its folder?"""
    return [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_the_bytes_are_written(file: Path) -> None:
    change(file)
    assert file.read_bytes() == NEW
    assert only(file)


def test_the_same_text_is_not_written(file: Path) -> None:
    before = file.stat()
    source = Source.read(file)
    write(source, source.text)
    assert file.stat() == before


@pytest.mark.parametrize("raw", [b"\xef\xbb\xbfx = 1\n", "# coding: cp1252\nx = 1 # \u20ac".encode("cp1252"), b"x = 1\r\x0cy = 2\r"])
def test_encoding_and_line_ends_are_kept(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "net.py"
    path.write_bytes(raw)
    change(path)
    assert path.read_bytes() == raw.replace(b"x = 1", b"x = 2")


@pytest.mark.parametrize("mode", [0o644, 0o755, 0o600, 0o664, 0o4755])
def test_the_mode_is_kept(file: Path, mode: int) -> None:
    file.chmod(mode)
    change(file)
    assert file.stat().st_mode & 0o7777 == mode


@as_root
def test_the_owner_is_kept(file: Path) -> None:
    os.chown(file, 1234, 4321)
    change(file)
    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 4321)


@pytest.mark.skipif(sys.platform != "linux", reason="extended attributes as Linux has them")
def test_extended_attributes_are_kept(file: Path) -> None:
    try:
        os.setxattr(file, "user.origin", b"elsewhere")
    except OSError:
        pytest.skip("the file system has no extended attributes")
    change(file)
    assert os.getxattr(file, "user.origin") == b"elsewhere"


@pytest.mark.parametrize("target", ["net.py", "../{folder}/net.py"])
def test_links_stay_links(file: Path, target: str) -> None:
    link = file.parent / "link.py"
    link.symlink_to(target.format(folder=file.parent.name))
    change(link)
    assert link.is_symlink()
    assert file.read_bytes() == NEW


def hard_link(path: Path) -> None:
    (path.parent / "other.py").hardlink_to(path)


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


REFUSED = [
    pytest.param(hard_link, "2 names", id="hard link"),
    pytest.param(replace_by_pipe, "not a regular file", id="pipe"),
    pytest.param(replace_by_folder, "not a regular file", id="folder"),
    pytest.param(lambda path: path.chmod(0o444), "write-protected", id="write-protected"),
    pytest.param(lambda path: path.write_bytes(b"x = 3\n"), "changed by something else", id="changed"),
    pytest.param(lambda path: path.unlink(), "No such file", id="removed"),
]


@pytest.mark.parametrize(("spoil", "reason"), REFUSED)
def test_refused_in_one_line(file: Path, spoil: Callable[[Path], object], reason: str) -> None:
    source = Source.read(file)
    spoil(file)
    before = sorted(entry.name for entry in file.parent.iterdir())
    with pytest.raises(SourceError, match=reason) as caught:
        write(source, "x = 2\r\n")
    assert "\n" not in str(caught.value)
    assert sorted(entry.name for entry in file.parent.iterdir()) == before


def test_a_character_the_file_cannot_hold_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_bytes(b"# coding: latin-1\nx = 1\n")
    with pytest.raises(SourceError, match="cannot hold"):
        write(Source.read(path), "# coding: latin-1\nx = '\u20ac'\n")
    assert path.read_bytes() == b"# coding: latin-1\nx = 1\n"


def during(monkeypatch: pytest.MonkeyPatch, name: str, action: Callable[[], object]) -> None:
    """Let `action` happen just before the writer calls `os.<name>`."""
    original = getattr(os, name)

    def first(*arguments: object, **options: object) -> object:
        action()
        return original(*arguments, **options)

    monkeypatch.setattr(writing.os, name, first)


EDITS = [
    pytest.param(lambda path: path.write_bytes(b"x = 3\n"), b"x = 3\n", id="written"),
    pytest.param(lambda path: (path.with_name("saved").write_bytes(b"x = 3\n"), path.with_name("saved").replace(path)), b"x = 3\n", id="replaced"),
    pytest.param(lambda path: path.touch(), OLD, id="touched"),
    pytest.param(lambda path: path.chmod(0o600), OLD, id="mode changed"),
]


@pytest.mark.parametrize(("edit", "expected"), EDITS)
def test_an_edit_while_writing_is_left_alone(file: Path, monkeypatch: pytest.MonkeyPatch, edit: Callable[[Path], object], expected: bytes) -> None:
    source = Source.read(file)
    time.sleep(0.02)  # coarse clocks: a touch within one tick changes nothing to be seen
    with monkeypatch.context() as patch:
        during(patch, "fsync", lambda: edit(file))
        with pytest.raises(SourceError, match="changed by something else"):
            write(source, "x = 2\r\n")
    assert file.read_bytes() == expected
    assert only(file)


@pytest.mark.parametrize("name", ["fsync", "fchmod"])
def test_an_interrupt_leaves_nothing(file: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    source = Source.read(file)
    with monkeypatch.context() as patch:
        during(patch, name, interrupt)
        with pytest.raises(KeyboardInterrupt):
            write(source, "x = 2\r\n")
    assert file.read_bytes() == OLD
    assert only(file)


SCRIPT = """
import pathlib, sys
from lintorch.source.leftover import sweep
from lintorch.source.text import Source, SourceError
from lintorch.source.write import write
{before}
for path in map(pathlib.Path, sys.argv[1:]):
    try:
        source = Source.read(path)
        write(source, source.text.replace("x = 1", "x = 2"))
        print("written")
    except SourceError as error:
        print(error)
"""


def run(path: Path, before: str = "") -> str:
    script = SCRIPT.format(before=before)
    return subprocess.run([sys.executable, "-c", script, str(path)], check=True, capture_output=True, text=True).stdout.strip()


def open_up(path: Path) -> None:
    """Let other users reach a path below pytest's own folders."""
    for folder in (path, *path.parents):
        with contextlib.suppress(PermissionError):
            folder.chmod(folder.stat().st_mode | 0o055)


@as_root
def test_a_folder_that_cannot_be_written_is_one_line(file: Path) -> None:
    open_up(file.parent)
    file.chmod(0o666)
    output = run(file, "import os; os.seteuid(65534)")
    assert output == f"{file}: cannot be written (Permission denied); see to the rights and the free space of its folder"
    assert file.read_bytes() == OLD
    assert only(file)


@as_root
def test_a_file_that_would_change_hands_is_left_alone(file: Path) -> None:
    open_up(file.parent)
    file.parent.chmod(0o777)
    file.chmod(0o666)
    assert "belongs to another user" in run(file, "import os; os.seteuid(65534)")
    assert file.read_bytes() == OLD
    assert only(file)


@as_root
def test_the_effective_user_counts(file: Path) -> None:
    open_up(file.parent)
    file.parent.chmod(0o777)
    assert "is write-protected" in run(file, "import os; os.seteuid(65534)")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@as_root
def test_a_full_disk_is_one_line(small: Path) -> None:
    path = small / "net.py"
    raw = b"x = 1\n" + b"#" * 600_000 + b"\n"
    path.write_bytes(raw)
    with pytest.raises(SourceError, match="No space left on device"):
        change(path)
    assert path.read_bytes() == raw
    assert only(path)


# Big enough that a kill lands within the writing.
BIG = b"x = 1\n" + b"# filler, filler, filler\n" * 100_000


def kill_at(path: Path, delay: float) -> None:
    """Start a writer and kill it so many seconds after it has begun."""
    before = "print('ready', flush=True)"
    writer = subprocess.Popen([sys.executable, "-c", SCRIPT.format(before=before), str(path)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    writer.stdout.readline()
    time.sleep(delay)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()


def kills(path: Path, times: int) -> None:
    chance = random.Random(0)
    for _ in range(times):
        path.write_bytes(BIG)
        kill_at(path, chance.uniform(0, 0.08))
        assert path.read_bytes() in (BIG, BIG.replace(b"x = 1", b"x = 2"))
    sweep([path.parent])
    assert only(path)


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_killed_writers_leave_whole_files(file: Path) -> None:
    kills(file, 6)


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_two_hundred_killed_writers_leave_whole_files(file: Path) -> None:
    kills(file, 200)


def gone() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


KEPT = [".lintorch-x-1.tmp", ".lintorch-1.py", "lintorch-1-2.tmp", ".lintorch--1.tmp", ".lintorch-\u00b2-1.tmp"]


@pytest.mark.parametrize("name", KEPT)
def test_other_files_are_not_swept(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    sweep([tmp_path])
    assert (tmp_path / name).exists()


def test_the_temporary_of_a_living_writer_is_not_swept(tmp_path: Path) -> None:
    path = tmp_path / f".lintorch-{os.getppid()}-0.tmp"
    path.touch()
    sweep([tmp_path])
    assert path.exists()


def test_a_stale_temporary_under_our_own_number_is_swept(tmp_path: Path) -> None:
    path = tmp_path / f".lintorch-{os.getpid()}-0.tmp"
    path.touch()
    sweep([tmp_path])
    assert not path.exists()


def test_our_own_temporary_at_work_is_not_swept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    during(monkeypatch, "fsync", lambda: sweep([file.parent]))
    change(file)
    assert file.read_bytes() == NEW


def test_a_locked_temporary_is_not_swept_whatever_its_number(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    path = tmp_path / f".lintorch-{gone()}-0.tmp"  # a writer in another container
    with path.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        sweep([tmp_path])
        assert path.exists()
    sweep([tmp_path])
    assert not path.exists()


def refusing(error: int) -> Callable[..., None]:
    """A system call that fails."""

    def refuse(*arguments: object) -> None:
        raise OSError(error, os.strerror(error))

    return refuse


@pytest.mark.parametrize("own", [True, False])
def test_without_locks_the_number_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: bool) -> None:
    fcntl = pytest.importorskip("fcntl")
    path = tmp_path / f".lintorch-{os.getpid() if own else gone()}-0.tmp"
    path.touch()
    monkeypatch.setattr(fcntl, "flock", refusing(errno.ENOLCK))
    sweep([tmp_path])
    assert path.exists() is own


def test_without_locks_files_are_written(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pytest.importorskip("fcntl"), "flock", refusing(errno.ENOLCK))
    change(file)
    assert file.read_bytes() == NEW


def test_the_temporary_of_another_users_writer_is_not_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f".lintorch-{gone()}-0.tmp"
    path.touch()
    monkeypatch.setattr(os, "kill", refusing(errno.EPERM))
    sweep([tmp_path])
    assert path.exists()


ATTRIBUTES = [("security.label", errno.EPERM, NEW), ("security.label", errno.ENOSPC, OLD), ("user.origin", errno.EPERM, OLD)]


@pytest.mark.skipif(sys.platform != "linux", reason="extended attributes as Linux has them")
@pytest.mark.parametrize(("name", "error", "expected"), ATTRIBUTES)
def test_attributes_only_the_system_sets_may_be_lost(file: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: int, expected: bytes) -> None:
    monkeypatch.setattr(os, "listxattr", lambda path: [name])
    monkeypatch.setattr(os, "getxattr", lambda path, name: b"")
    monkeypatch.setattr(os, "setxattr", refusing(error))
    with contextlib.nullcontext() if expected == NEW else pytest.raises(SourceError, match="cannot be written"):
        change(file)
    assert file.read_bytes() == expected
    assert only(file)


def test_an_owner_that_cannot_be_given_is_one_line(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an ordinary user who may write a file of another."""
    status = os.fstat
    monkeypatch.setattr(os, "fstat", lambda descriptor: os.stat_result((*status(descriptor)[:4], 4321, *status(descriptor)[5:])))
    monkeypatch.setattr(os, "fchown", refusing(errno.EPERM))
    with pytest.raises(SourceError, match="belongs to another user or group"):
        change(file)
    assert file.read_bytes() == OLD


def test_a_folder_that_cannot_be_synced_is_no_failure(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []

    def fsync(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) == 2:
            raise OSError(errno.EINVAL, "no such thing here")

    monkeypatch.setattr(os, "fsync", fsync)
    change(file)
    assert (file.read_bytes(), len(synced)) == (NEW, 2)


def test_links_are_not_swept_through(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_bytes(OLD)
    link = tmp_path / f".lintorch-{gone()}-0.tmp"
    link.symlink_to("net.py")
    sweep([tmp_path])
    assert (tmp_path / "net.py").read_bytes() == OLD


def test_a_missing_folder_is_swept_silently(tmp_path: Path) -> None:
    sweep([tmp_path / "gone"])


def test_two_processes_write_side_by_side(tmp_path: Path) -> None:
    """Both sweep and write one folder; every file is written by one of them, and the other says why it did not."""
    paths = [tmp_path / f"net{number}.py" for number in range(40)]
    for path in paths:
        path.write_bytes(OLD)
    script = SCRIPT.format(before="")
    writers = [subprocess.Popen([sys.executable, "-c", script, *map(str, paths)], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [writer.communicate()[0].splitlines() for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert all(path.read_bytes() == NEW for path in paths)
    assert all(line == "written" or "changed by something else" in line or "No such file" in line for output in outputs for line in output)
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_threads_write_side_by_side(tmp_path: Path) -> None:
    paths = [tmp_path / f"net{number}.py" for number in range(40)]
    for path in paths:
        path.write_bytes(OLD)
    threads = [threading.Thread(target=lambda part=part: [(sweep([tmp_path]), change(path)) for path in part]) for part in (paths[::2], paths[1::2])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(path.read_bytes() == NEW for path in paths)
    assert sorted(tmp_path.iterdir()) == sorted(paths)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of resources")
def test_a_size_limit_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_bytes(b"x = 1\n" + b"#" * 60_000 + b"\n")
    output = run(path, "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))")
    assert output == f"{path}: cannot be written (File too large); see to the rights and the free space of its folder"
    assert path.read_bytes().startswith(b"x = 1")
    assert only(path)
