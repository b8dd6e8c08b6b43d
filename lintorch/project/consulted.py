"""What answers about a project rest on: the texts that were read and the folders that were asked for a name. What is remembered remembers that too."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

NOTHING: frozenset[Seen] = frozenset()


class Seen(NamedTuple):
    """A question asked of the file system and its answer: "file" (a text's digest), "entry" (is there that name?), "folder" and "tree" (a digest of names)."""

    kind: str
    what: str
    answer: str


def digest(raw: bytes) -> str:
    """What tells one content from another."""
    return hashlib.blake2b(raw, digest_size=16).hexdigest()


class Consulted:
    """A log of what was seen since `begin`; whatever is computed between a mark and now rests on what was logged since."""

    def __init__(self) -> None:
        self._log: list[frozenset[Seen]] = []
        self.session = 0  # grows with `begin`; what cannot say what it rests on is remembered for one session only

    def begin(self) -> None:
        """Start anew, for the next file that is judged."""
        self._log.clear()
        self.session += 1

    def note(self, seen: frozenset[Seen]) -> None:
        """Log what was seen just now, or what a remembered answer rests on."""
        self._log.append(seen)

    @property
    def mark(self) -> int:
        """The present end of the log."""
        return len(self._log)

    def since(self, mark: int) -> frozenset[Seen]:
        """Everything seen since a mark, which from now on is one entry of the log."""
        seen = NOTHING.union(*self._log[mark:])
        self._log[mark:] = [seen] if seen else []
        return seen


class Memory(dict[Any, Any]):
    """Answers that were worked out once. What a computation saw between `key not in memory` and `memory[key] = answer` is logged again whenever the answer is used."""

    def __init__(self, consulted: Consulted) -> None:
        super().__init__()
        self._consulted = consulted
        self._began: dict[Any, tuple[int, int]] = {}
        self._seen: dict[Any, frozenset[Seen]] = {}

    def __contains__(self, key: object) -> bool:
        if super().__contains__(key):
            seen = self._seen.get(key)
            if seen:
                self._consulted.note(seen)
            return True
        self._began[key] = (self._consulted.session, self._consulted.mark)
        return False

    def __setitem__(self, key: Any, answer: Any) -> None:
        session, mark = self._began.get(key, (self._consulted.session, self._consulted.mark))
        self._seen[key] = self._consulted.since(mark) if session == self._consulted.session else NOTHING
        super().__setitem__(key, answer)

    def get(self, key: Any, default: Any = None) -> Any:
        """The answer, logged as used; `default` where there is none yet."""
        return self[key] if key in self else default

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self._began.clear()
        self._seen.clear()


def names_digest(names: Iterable[str]) -> str:
    """A digest of the names in a folder that imports can mean: modules and folders."""
    return digest("\0".join(sorted(name for name in names if name.endswith(".py") or "." not in name)).encode(errors="surrogatepass"))
