"""The worker processes seen from the host: starts the zygote in the user's interpreter, hands jobs to children, gets frames back, never waits forever."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lintorch.source.leftover import SCRATCH, hold, making, sweep_scratch
from lintorch.there import exists
from lintorch.verify.exchange import TIMED_OUT, Pipe, exchange, read_message
from lintorch.worker import protocol
from lintorch.worker.protocol import BrokenFrame, Frame

DIED = "lost its process, which the system may have ended for want of memory"
LEVELS = ("none", "rlimits only", "no-userns", "full")  # weakest first, as the worker reports them
WORKER = Path(protocol.__file__).parent
_START_SECONDS = 180  # torch's first import from a cold disk
_GRACE_SECONDS = 2.0
_RESULT_BYTES = 2 << 30
_MANY = 60  # children after which it has cost as much to fork the zygote as it is as to gather its memory in huge pages first
# What a worker sees of the environment: enough to find its own packages, nothing secret.
_KEPT = (
    "PATH",
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "SYSTEMROOT",
    "TEMP",
)
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "PYTORCH_JIT": "0",
    "TORCHDYNAMO_DISABLE": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
}


class VerifierUnavailable(Exception):
    """No verdict can be had here: `reason` says why, `remedy` what to do; str() is both in one line."""

    def __init__(self, reason: str, remedy: str) -> None:
        self.reason, self.remedy = reason, remedy
        super().__init__(f"{reason}; {remedy}")

    def __reduce__(self) -> tuple[type[VerifierUnavailable], tuple[str, str]]:
        return VerifierUnavailable, (self.reason, self.remedy)


@dataclass(frozen=True)
class Outcome:
    """What came of one child: its frames, or why there are none that can be trusted."""

    frames: tuple[Frame, ...] = ()
    lost: str | None = None  # "timed out", "was killed by SIGSEGV", ...
    processor: float = 0.0  # seconds of processor time the child used, where it was waited for

    @property
    def head(self) -> dict[str, Any]:
        """What the first frame says; {} where there is none."""
        return self.frames[0].head if self.frames else {}


@dataclass(frozen=True)
class Ready:
    """What the zygote said of its interpreter."""

    isolation: str
    torch: str
    python: str
    executable: str


@dataclass
class _Branch:
    """A process that forks children, one at a time, and the socket to it."""

    pid: int
    channel: socket.socket
    temp: Path
    many: bool  # made when there had been many children: it forks more cheaply than those from before


class Supervisor:
    """Owns the worker processes of one interpreter. `run` may be called from several threads; each call runs one child."""

    def __init__(self, python: str | None = None, cwd: Path | None = None) -> None:
        self.python = python or default_interpreter()
        self._cwd = cwd
        self._lock = threading.Lock()
        self._idle: list[_Branch] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._temp: Path | None = None
        self._held: int | None = None
        self._served = 0
        self.ready: Ready | None = None

    def start(self) -> Ready:
        """Start the zygote and wait until torch is imported; raises VerifierUnavailable."""
        if self.ready is None:
            self._make_scratch()
            with self._unless_started():
                self.ready = self._start_zygote() if hasattr(os, "fork") else self._look_at_interpreter()
        return self.ready

    def _make_scratch(self) -> None:
        """A folder for what workers write, locked for as long as this process lives; those of verifiers who were killed are removed."""
        sweep_scratch(Path(tempfile.gettempdir()))
        with making():
            self._temp = Path(tempfile.mkdtemp(prefix=f"{SCRATCH}{os.getpid()}-"))
            if os.name == "posix":  # pragma: no branch (Windows)
                self._held = os.open(self._temp, os.O_RDONLY)
                hold(self._held)

    @contextlib.contextmanager
    def _unless_started(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End all worker processes and remove what they could write to."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            _wait_or_kill(self._process)
        for branch in self._idle:
            branch.channel.close()
        if self._temp is not None:
            shutil.rmtree(self._temp, ignore_errors=True)
        if self._held is not None:
            os.close(self._held)
        self._idle, self._process, self._control, self._temp, self._held, self.ready = [], None, None, None, None, None

    def run(self, head: Mapping[str, Any], blobs: Sequence[bytes] = (), *, seconds: float, memory: int) -> Outcome:
        """Run one job in a child that is thrown away; never raises for what the child does. It may take `seconds` and `memory` bytes."""
        key = secrets.token_bytes(protocol.KEY_BYTES)
        chunks = protocol.pack(key, {**head, "seconds": seconds, "bytes": memory}, blobs)
        deadline = time.monotonic() + seconds
        if self._control is None:
            return self._run_once(key, chunks, seconds)
        branch = self._take_branch()
        if branch is None:
            return Outcome(lost=DIED)
        data, reply, lost = self._converse(branch, key, chunks, deadline)
        if reply is None:
            self._end(branch)
            return _outcome(key, data, None, lost)
        self._put_back(branch)
        return replace(_outcome(key, data, reply["status"], lost), processor=reply["processor"])

    def _converse(self, branch: _Branch, key: bytes, chunks: list[bytes], deadline: float) -> tuple[bytes, dict[str, Any] | None, str | None]:
        """Have the branch fork a child, send it the job and take what it sends; (bytes, the branch's word on its end, why there is none)."""
        with contextlib.ExitStack() as pipes:
            job, result = Pipe(pipes), Pipe(pipes)
            try:
                socket.send_fds(branch.channel, [json.dumps({"op": "run", "key": key.hex()}).encode()], [job.reader, result.writer])
            except OSError:
                return b"", None, DIED
            job.close_reader()
            result.close_writer()
            data, lost = exchange(job, result, chunks, deadline, _RESULT_BYTES)
        if lost is not None:
            return data, None, lost
        branch.channel.settimeout(max(deadline - time.monotonic(), 0) + _GRACE_SECONDS)
        try:
            reply = read_message(branch.channel)
        except TimeoutError:
            return data, None, TIMED_OUT
        return data, reply, None if reply else DIED

    # --- the zygote and its branches -------------------------------------------------------------------------------------------------

    def _start_zygote(self) -> Ready:
        ours, theirs = socket.socketpair()
        try:
            self._process = self._spawn(["serve", str(theirs.fileno()), str(self._temp)], pass_fds=(theirs.fileno(),))
        finally:
            theirs.close()
        self._control = ours
        ours.settimeout(_START_SECONDS)
        try:
            about = read_message(ours)
        except TimeoutError:
            raise VerifierUnavailable(f"{self.python} did not import torch within {_START_SECONDS} s", "check that interpreter") from None
        ours.settimeout(_GRACE_SECONDS * 10)
        return self._judge(about)

    def _judge(self, about: dict[str, Any] | None) -> Ready:
        if about is None:
            raise VerifierUnavailable(f"{self.python} is no Python 3.9 or later that can start a worker", "name another with --python")
        if "error" in about:
            what = "has no torch" if about.get("missing") else f"cannot import torch ({about['error']})"
            raise VerifierUnavailable(f"{self.python} {what}", "install torch there, or name the project's interpreter with --python")
        return Ready(about["isolation"], about["torch"], about["python"], about["executable"])

    def _spawn(self, arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:
        environment = {**{name: os.environ[name] for name in _KEPT if name in os.environ}, **_ENVIRONMENT}
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": self._cwd, **options}
        try:
            return subprocess.Popen([self.python, str(WORKER / "__main__.py"), *arguments], env=environment, start_new_session=True, **options)
        except OSError as error:
            raise VerifierUnavailable(f"{self.python} cannot be started ({error.strerror})", "name another interpreter with --python") from None

    def _take_branch(self) -> _Branch | None:
        """An idle branch or a new one; None where the zygote has died, which the next call starts again."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
            assert self._temp is not None and self.ready is not None
            temp = Path(tempfile.mkdtemp(dir=self._temp))
            ours, theirs = socket.socketpair()
            many = self._served >= _MANY
            reply = self._ask({"op": "branch", "temp": str(temp), "isolation": self.ready.isolation, "many": many}, [theirs.fileno()])
            theirs.close()
            if reply is None:
                ours.close()
                self._restart()
                return None
            return _Branch(reply["pid"], ours, temp, many)

    def _put_back(self, branch: _Branch) -> None:
        with self._lock:
            self._served += 1
            lasts = branch.many or self._served < _MANY
            if lasts:
                self._idle.append(branch)
        if not lasts:
            self._end(branch)

    def _end(self, branch: _Branch) -> None:
        """Kill a branch with whatever it runs."""
        with self._lock:
            self._ask({"op": "end", "pid": branch.pid})
        branch.channel.close()
        shutil.rmtree(branch.temp, ignore_errors=True)

    def _ask(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> dict[str, Any] | None:
        assert self._control is not None
        try:
            socket.send_fds(self._control, [json.dumps(message).encode()], descriptors)
            return read_message(self._control)
        except OSError:
            return None

    def _restart(self) -> None:
        """Start a new zygote in the place of one that died (the system may end a large process when memory runs short)."""
        self.close()
        self.start()

    # --- without fork -----------------------------------------------------------------------------------------------------------------

    def _look_at_interpreter(self) -> Ready:
        code = "import sys, torch; print(torch.__version__, sys.version.split()[0], sys.executable, sep='|')"
        try:
            done = subprocess.run([self.python, "-c", code], capture_output=True, text=True, timeout=_START_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise VerifierUnavailable(f"{self.python} cannot be started ({error})", "name another interpreter with --python") from None
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            return self._judge({"error": last, "missing": "No module named 'torch'" in last})
        version, python, executable = done.stdout.strip().split("|")
        return Ready("none", version, python, executable)

    def _run_once(self, key: bytes, chunks: list[bytes], seconds: float) -> Outcome:
        temp = tempfile.mkdtemp(dir=self._temp)
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = self._spawn(["once", key.hex(), temp], **options)
        try:
            data, _ = process.communicate(b"".join(chunks), timeout=seconds + _START_SECONDS)
            return _outcome(key, data, process.returncode, None)
        except subprocess.TimeoutExpired:
            return Outcome(lost=TIMED_OUT)
        finally:
            process.kill()
            process.communicate()
            shutil.rmtree(temp, ignore_errors=True)


def default_interpreter() -> str:
    """The active virtual environment's interpreter, else the one lintorch itself runs in."""
    environment = os.environ.get("VIRTUAL_ENV")
    if environment:
        for place in ("bin/python", "Scripts/python.exe"):
            candidate = Path(environment, place)
            if exists(candidate):
                return str(candidate)
    return sys.executable


def _wait_or_kill(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _outcome(key: bytes, data: bytes, status: int | None, lost: str | None) -> Outcome:
    """Whole frames count even where the child was lost later; bytes that are no frames spoil everything."""
    try:
        frames = tuple(protocol.unpack(key, data))
    except BrokenFrame:
        return Outcome(lost=lost or "sent bytes that are no result")
    return Outcome(frames, lost if frames or lost else _death(status))


def _death(status: int | None) -> str:
    """How a child ended that sent nothing."""
    if status is not None and os.name == "posix" and os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return "used up its processor time" if number == signal.SIGXCPU else f"was killed by {signal.Signals(number).name}"
    return "ended without a result"
