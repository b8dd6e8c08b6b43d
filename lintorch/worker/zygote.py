"""The process that has torch imported and never runs user code; it forks branches, and each branch forks one child at a time.

A branch is what the host gives up when a child overruns its time: killing the branch's process group ends the child with it, whatever the child does,
because a confined child can neither leave the group nor start processes.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import shutil
import signal
import socket
import sys
from typing import Any, Dict, List, Optional, Set, Tuple

_MESSAGE_BYTES = 1 << 16


def serve(control: int, temp: str) -> None:
    """Import torch, say what this interpreter can do, and fork branches until the host hangs up."""
    channel = socket.socket(fileno=control)
    about = _prepare()
    if "error" not in about:
        from .confine import probe

        about["isolation"] = probe(temp)
    _send(channel, about)
    if "error" not in about:
        _serve_branches(channel)


def once(key: str, temp: str) -> None:
    """Run the one job on standard input and write its result to standard output: for systems without fork."""
    job, result = os.dup(0), os.dup(1)
    about = _prepare()
    if "error" in about:
        os.write(2, str(about["error"]).encode())
        os._exit(3)
    from .child import run

    run(job, result, bytes.fromhex(key), about.get("isolation", "none"), temp)


def _prepare() -> Dict[str, Any]:
    """Import what children need, with one thread and nothing left to garbage collection; what came of it."""
    about: Dict[str, Any] = {"python": sys.version.split()[0], "executable": sys.executable}
    try:
        import torch
    except Exception as error:
        return {**about, "error": f"{type(error).__name__}: {error}", "missing": isinstance(error, ModuleNotFoundError) and error.name == "torch"}
    torch.set_num_threads(1)
    from . import child

    child.warm_up()
    gc.collect()
    gc.freeze()
    return {**about, "torch": str(torch.__version__), "threads": _threads(), "isolation": "none"}


def _threads() -> int:
    with contextlib.suppress(OSError):
        return len(os.listdir("/proc/self/task"))
    return 1


def _send(channel: socket.socket, message: Dict[str, Any]) -> None:
    channel.sendall(json.dumps(message).encode() + b"\n")


def _receive(channel: socket.socket) -> Optional[Tuple[Dict[str, Any], List[int]]]:
    """The next message and the descriptors that came with it, or None when the other side has hung up."""
    data, descriptors, _, _ = socket.recv_fds(channel, _MESSAGE_BYTES, 4)
    return (json.loads(data), list(descriptors)) if data else None


def _serve_branches(channel: socket.socket) -> None:
    branches: Set[int] = set()
    gathered = False
    while True:
        received = _receive(channel)
        if received is None:
            for pid in branches:
                _end(pid)
            return
        message, descriptors = received
        if message["op"] == "branch":
            if message["many"] and not gathered:
                gathered = _gather()
            pid = _fork_branch(channel, descriptors[0], message)
            branches.add(pid)
            _send(channel, {"pid": pid})
        else:
            if message["pid"] in branches:  # another zygote's branch may have had the same number
                branches.discard(message["pid"])
                _end(message["pid"])
            _send(channel, {"ended": message["pid"]})


def _gather() -> bool:
    from .huge import gather

    gather()
    return True


def _fork_branch(channel: socket.socket, descriptor: int, message: Dict[str, Any]) -> int:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            channel.close()
            os.setpgid(0, 0)
            _serve_children(socket.socket(fileno=descriptor), message)
            status = 0
        finally:
            os._exit(status)
    with contextlib.suppress(OSError):  # the branch may have done it, or be gone
        os.setpgid(pid, pid)
    os.close(descriptor)
    return pid


def _end(pid: int) -> None:
    """Kill a branch and whatever it has running, and wait for it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _serve_children(channel: socket.socket, about: Dict[str, Any]) -> None:
    from .confine import end_with_parent, enter_namespaces

    end_with_parent()
    if about["isolation"] == "full":
        enter_namespaces(about["temp"])
    while True:
        received = _receive(channel)
        if received is None:
            return
        message, (job, result) = received
        pid = os.fork()
        if pid == 0:
            _become_child(channel, job, result, message, about)
        os.close(job)
        os.close(result)
        _, status, used = os.wait4(pid, 0)
        _empty(about["temp"])
        _send(channel, {"status": status, "processor": used.ru_utime + used.ru_stime})


def _become_child(channel: socket.socket, job: int, result: int, message: Dict[str, Any], about: Dict[str, Any]) -> None:
    try:
        channel.close()
        from .child import run

        run(job, result, bytes.fromhex(message["key"]), about["isolation"], about["temp"])
    finally:
        os._exit(1)


def _empty(folder: str) -> None:
    """Remove what a child left in its folder."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)
