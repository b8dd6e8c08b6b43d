"""Bytes to and from a child through pipes, and messages to and from the process that forks it; nothing here waits longer than told."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import time
from typing import Any

TIMED_OUT = "timed out"
_CHUNK = 1 << 20


class Pipe:
    """A pipe whose ends are closed with the stack they are put on, if not before."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.reader, self.writer = os.pipe()
        self._open = {self.reader, self.writer}
        stack.callback(self._close_all)

    def close_reader(self) -> None:
        """Close the end that is read from."""
        self._close(self.reader)

    def close_writer(self) -> None:
        """Close the end that is written to."""
        self._close(self.writer)

    def _close(self, end: int) -> None:
        if end in self._open:
            self._open.remove(end)
            os.close(end)

    def _close_all(self) -> None:
        for end in tuple(self._open):
            self._close(end)


def exchange(job: Pipe, result: Pipe, chunks: list[bytes], deadline: float, most: int) -> tuple[bytes, str | None]:
    """Send `chunks` and receive until the other side closes its end; (what was received, why it was given up before the end)."""
    outgoing, incoming = _Outgoing(job, chunks), _Incoming(result)
    os.set_blocking(job.writer, False)
    os.set_blocking(result.reader, False)
    with selectors.DefaultSelector() as selector:
        selector.register(result.reader, selectors.EVENT_READ, incoming)
        selector.register(job.writer, selectors.EVENT_WRITE, outgoing)
        while not incoming.ended:
            left = deadline - time.monotonic()
            if left <= 0:
                return incoming.data(), TIMED_OUT
            for key, _ in selector.select(left):
                key.data.move()
            if outgoing.ended and job.writer in selector.get_map():
                selector.unregister(job.writer)
                job.close_writer()
            if incoming.size > most:
                return b"", "sent more than a result may hold"
    return incoming.data(), None


class _Outgoing:
    """What is still to be sent."""

    def __init__(self, pipe: Pipe, chunks: list[bytes]) -> None:
        self._pipe = pipe
        self._left = [memoryview(chunk) for chunk in chunks if chunk]
        self.ended = not self._left

    def move(self) -> None:
        """Send what the pipe takes; ends when everything is sent, or nobody reads any more."""
        try:
            sent = os.write(self._pipe.writer, self._left[0])
        except BlockingIOError:
            return
        except BrokenPipeError:
            self.ended = True
            return
        self._left[0] = self._left[0][sent:]
        if not self._left[0]:
            del self._left[0]
        self.ended = not self._left


class _Incoming:
    """What has come so far."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._parts: list[bytes] = []
        self.size = 0
        self.ended = False

    def move(self) -> None:
        """Take what is there; ends when the other side has closed."""
        try:
            part = os.read(self._pipe.reader, _CHUNK)
        except BlockingIOError:
            return
        self._parts.append(part)
        self.size += len(part)
        self.ended = not part

    def data(self) -> bytes:
        """Everything that has come."""
        return b"".join(self._parts)


def read_message(channel: socket.socket) -> dict[str, Any] | None:
    """The next line of JSON, None when the other side has hung up; raises TimeoutError as the socket is set."""
    data = b""
    while not data.endswith(b"\n"):
        try:
            chunk = channel.recv(1 << 16)
        except ConnectionError:
            return None
        if not chunk:
            return None
        data += chunk
    message: dict[str, Any] = json.loads(data)
    return message
