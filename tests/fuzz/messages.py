"""What an editor might send, right and wrong: messages, the bytes they travel in, and a conversation with a server that is asked whether it still answers."""

from __future__ import annotations

import copy
import json
import os
import queue
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.clients.documents import NET, SERVER

URIS = ("file:///nowhere/net.py", "untitled:Untitled-1", "file:///a%00b.py", "file:", "", "http://[::1/x.py", "file:///n.ipynb", "file:////h/x.py", "\ud83d")
TEXTS = (
    NET,
    "",
    "\0",
    "\ufeff" + NET,
    "def f(:\n",
    NET.replace("\n", "\r"),
    NET.replace("y", "\U0001d516"),
    "\ud800",
    "[" * 3000,
    "x = 1\n# lintorch: ignore[\n",
)
_PLACE = {"line": 10, "character": 9}
_SPAN = {"start": _PLACE, "end": _PLACE}


def right(method: str, uri: str, text: str) -> Any:
    """The parameters that a method should have."""
    document = {"uri": uri, "languageId": "python", "version": 1, "text": text}
    return {
        "initialize": {"processId": None, "rootUri": None, "capabilities": {}, "initializationOptions": {"select": ["LT1"]}},
        "initialized": {},
        "textDocument/didOpen": {"textDocument": document},
        "textDocument/didChange": {"textDocument": document, "contentChanges": [{"text": text}, {"range": _SPAN, "text": text}]},
        "textDocument/didSave": {"textDocument": document},
        "textDocument/didClose": {"textDocument": document},
        "textDocument/hover": {"textDocument": document, "position": _PLACE},
        "textDocument/codeAction": {"textDocument": document, "range": _SPAN, "context": {"diagnostics": [], "only": ["quickfix", "source.fixAll", text[:9]]}},
        "workspace/didChangeConfiguration": {"settings": {"lintorch": {"select": ["LT1"], "ignore": [text[:9]], "settle": 1}}},
        "workspace/didChangeWatchedFiles": {"changes": [{"uri": uri, "type": 2}]},
        "workspace/executeCommand": {"command": "lintorch.verifyAndApply", "arguments": [uri + "?", 1, "LT101", 11, 12]},
        "$/cancelRequest": {"id": 1},
        "$/setTrace": {"value": "verbose"},
        "window/workDoneProgress/cancel": {"token": text[:9]},
    }[method]


METHODS = (
    "initialize", "initialized", "textDocument/didOpen", "textDocument/didChange", "textDocument/didSave", "textDocument/didClose", "textDocument/hover",
    "textDocument/codeAction", "workspace/didChangeConfiguration", "workspace/didChangeWatchedFiles", "workspace/executeCommand", "$/cancelRequest",
    "$/setTrace", "window/workDoneProgress/cancel",
)  # fmt: skip
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-2, 2**70), st.floats(), st.text(max_size=6), st.sampled_from([*URIS, *TEXTS[:5], "LT101", *METHODS]))
VALUES = st.recursive(SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)), max_leaves=6)


@st.composite
def messages(draw: st.DrawFn) -> Any:
    """A message as it should be, with up to three of its places altered."""
    method = draw(st.sampled_from(METHODS))
    message = {"jsonrpc": "2.0", "id": draw(st.integers(1, 9)), "method": method}
    message["params"] = copy.deepcopy(right(method, draw(st.sampled_from(URIS)), draw(st.sampled_from(TEXTS))))
    if "Document/did" in method or "didChange" in method or method == "initialized" or method.startswith("$"):
        del message["id"]
    for _ in range(draw(st.integers(0, 3))):
        _alter(draw, message)
    return message


def _alter(draw: st.DrawFn, message: Any) -> None:
    """Replace, remove or add something somewhere inside."""
    holder, key = draw(st.sampled_from(list(_places(message)) or [(message, "method")]))
    kind = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
    if kind == "replace":
        holder[key] = draw(VALUES)
    elif kind == "remove" and (isinstance(holder, list) or key in holder):
        del holder[key]
    elif kind == "add" and isinstance(holder, dict):
        holder[draw(st.text(max_size=5))] = draw(VALUES)


def _places(value: Any) -> Any:
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


ANSWERS = st.fixed_dictionaries({"jsonrpc": st.just("2.0"), "id": VALUES}, optional={"result": VALUES, "error": VALUES})
BODIES = st.one_of(
    messages().map(lambda value: json.dumps(value).encode()),
    messages().map(lambda value: json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")),
    ANSWERS.map(lambda value: json.dumps(value).encode()),
    st.lists(messages(), max_size=2).map(lambda value: json.dumps(value).encode()),
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.binary(min_size=1, max_size=30),
    st.tuples(messages(), st.integers(1, 40)).map(lambda pair: json.dumps(pair[0]).encode()[: -pair[1]]),
    st.just(b"[" * 50_000),
)


def framed(body: bytes) -> bytes:
    """A body as it travels."""
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


# After a wrong head the server reads on until a line that is a head: the line's end is given to it.
HEADS = st.sampled_from(
    ["Content-Length: x\r\n\r\n", "\r\n\r\n", "Content-Length: -1\r\n\r\n", "Content-Length: 0\r\n\r\n", "content-length: 3\r\n\r\nabc\r\n", "\xff\xfe\r\n"]
).map(lambda head: head.encode("latin-1"))
SENT = st.lists(st.one_of(BODIES.map(framed), BODIES.map(framed), BODIES.map(framed), HEADS), min_size=1, max_size=6)


class Conversation:
    """A server in a process of its own, greeted and with one document open."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.errors = Path(self.folder.name, "errors")
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(SERVER, cwd=self.folder.name, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        self.told: queue.Queue[Any] = queue.Queue()
        self.uri = Path(self.folder.name, "open.py").as_uri()
        threading.Thread(target=self._listen, daemon=True).start()
        self.send(framed(json.dumps({"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": right("initialize", "", "")}).encode()))
        self.answer("hello")

    def _listen(self) -> None:
        assert self.process.stdout is not None
        while head := self.process.stdout.readline():
            length = int(head.partition(b":")[2])
            while self.process.stdout.readline().strip():
                pass
            self.told.put(json.loads(self.process.stdout.read(length)))
        self.told.put(None)

    def send(self, raw: bytes) -> None:
        """Bytes to the server."""
        assert self.process.stdin is not None
        self.process.stdin.write(raw)
        self.process.stdin.flush()

    def answer(self, number: str) -> Any:
        """The answer to a request, which has to come; what else comes is looked at for faults of the server's own."""
        while True:
            message = self.told.get(timeout=60)
            assert message is not None, f"the server ended with {self.process.wait(5)}: {self.errors.read_text()[-2000:]}"
            assert "internal error" not in json.dumps(message), message
            if message.get("id") == number and "method" not in message:
                return message

    def still_works(self) -> bool:
        """Does the server judge a document that is opened now, and offer its fix?"""
        document = {"uri": self.uri, "languageId": "python", "version": 1, "text": NET}
        said: list[tuple[str | None, str, Any]] = [(None, "workspace/didChangeConfiguration", {"settings": {"lintorch": {}}})]
        said += [(None, "textDocument/didOpen", {"textDocument": document})]
        said += [("alive", "textDocument/codeAction", right("textDocument/codeAction", self.uri, "") | {"context": {"diagnostics": []}})]
        for number, method, params in said:
            request = {"jsonrpc": "2.0", "method": method, "params": params, **({} if number is None else {"id": number})}
            self.send(framed(json.dumps(request).encode()))
        answer = self.answer("alive")
        return any("LT101" in action["title"] for action in answer.get("result") or [])

    def own_faults(self) -> list[str]:
        """Errors on the way through lintorch's own code, as its log has them."""
        tracebacks = self.errors.read_text(errors="replace").split("Traceback (most recent call last)")[1:]
        return [text for text in tracebacks if f"{os.sep}lintorch{os.sep}lsp{os.sep}" in text.rpartition("  File ")[0] or "lintorch/engine" in text]

    def end(self) -> None:
        """End the server."""
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()
