"""What answers about a project rest on: the texts that were read and the folders that were asked for a name. What is remembered remembers that too."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple, TypeAlias

NOTHING: frozenset[Seen] = frozenset()


class Seen(NamedTuple):
    """A question asked of the file system and its answer: "file" (a text's digest), "entry" (is it there?), "tree" (a digest of all code below a folder)."""

    kind: str
    what: str
    answer: str


def digest(raw: bytes) -> str:
    """What tells one content from another."""
    return hashlib.blake2b(raw, digest_size=16).hexdigest()


# What something rests on: what was seen itself, or what several other things rest on, which are shared rather than copied.
Grounds: TypeAlias = "frozenset[Seen] | tuple[Grounds, ...]"


class Consulted:
    """A log of what was seen since `begin`; whatever is computed between a mark and now rests on what was logged since."""

    def __init__(self) -> None:
        self._log: list[Grounds] = []
        self.session = 0  # grows with `begin`; what cannot say what it rests on is remembered for one session only

    def begin(self) -> None:
        """Start anew, for the next file that is judged."""
        self._log.clear()
        self.session += 1

    def note(self, grounds: Grounds) -> None:
        """Log what was seen just now, or what a remembered answer rests on."""
        self._log.append(grounds)

    @property
    def mark(self) -> int:
        """The present end of the log."""
        return len(self._log)

    def since(self, mark: int) -> Grounds:
        """Everything logged since a mark, which from now on is one entry of the log."""
        logged = self._log[mark:]
        if not logged:
            return NOTHING
        different = list({id(grounds): grounds for grounds in logged}.values())
        grounds = different[0] if len(different) == 1 else tuple(different)
        self._log[mark:] = [grounds]
        return grounds

    def seen(self) -> frozenset[Seen]:
        """Everything seen since `begin`."""
        found: set[Seen] = set()
        visited: set[int] = set()
        waiting = list(self._log)
        while waiting:
            grounds = waiting.pop()
            if id(grounds) not in visited:
                visited.add(id(grounds))
                if isinstance(grounds, frozenset):
                    found |= grounds
                else:
                    waiting += grounds
        return frozenset(found)


class Memory(dict[Any, Any]):
    """Answers that were worked out once.

    What a computation saw between `key not in memory` and `memory[key] = answer` is logged again whenever the answer is used.
    """

    def __init__(self, consulted: Consulted) -> None:
        super().__init__()
        self._consulted = consulted
        self._began: dict[Any, tuple[int, int]] = {}
        self._grounds: dict[Any, Grounds] = {}

    def __contains__(self, key: object) -> bool:
        if super().__contains__(key):
            grounds = self._grounds.get(key)
            if grounds:
                self._consulted.note(grounds)
            return True
        self._began[key] = (self._consulted.session, self._consulted.mark)
        return False

    def __setitem__(self, key: Any, answer: Any) -> None:
        session, mark = self._began.get(key, (self._consulted.session, self._consulted.mark))
        self._grounds[key] = self._consulted.since(mark) if session == self._consulted.session else NOTHING
        super().__setitem__(key, answer)

    def get(self, key: Any, default: Any = None) -> Any:
        """The answer, logged as used; `default` where there is none yet."""
        return self[key] if key in self else default  # noqa: SIM401 (it is what this is made of)

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self._began.clear()
        self._grounds.clear()
