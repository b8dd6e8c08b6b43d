"""What a child says is looked at only in the form that was asked for, whatever it says."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintorch.settings import Settings
from lintorch.source.text import Span
from lintorch.verify.supervisor import Outcome, Supervisor
from lintorch.verify.told import is_answer
from lintorch.verify.verdict import Change, Status, Verdict
from lintorch.verify.verifier import Verifier
from lintorch.worker.protocol import Frame

_OLD = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        y = self.layer(x)
        return y


def train(model, loader, optimizer):
    total = 0
    for x, y in loader:
        optimizer.zero_grad()
        loss = (model(x) - y).pow(2).mean()
        loss.backward()
        optimizer.step()
        total += loss
    return float(total)
"""
_NET = _OLD.replace("        y = self.layer(x)\n        return y\n", "        return self.layer(x)\n")
_TRAIN = _OLD.replace("total += loss\n", "total += loss.detach()\n")
_PROBE, _ADDED = _NET.index("self.layer(x)\n"), _TRAIN.index("loss.detach()")
_CHANGES = {
    "module": Change(Path("net.py"), "Net", _OLD, _NET, (11, 12), (Span(_PROBE, _PROBE + 13),)),
    "close": Change(Path("net.py"), "Net", _OLD, _NET.replace("self.layer(x)\n", "self.layer(x) * 1.5\n"), (11, 12), (Span(_PROBE, _PROBE + 13),)),
    "loop": Change(Path("net.py"), "train", _OLD, _TRAIN, (22,), (Span(_ADDED, _ADDED + 13),), retention=True),
}
_Said = tuple[str, Outcome]


@cache
def _heard(name: str) -> tuple[Verdict, tuple[_Said, ...]]:
    """The verdict on a change, and every answer that led to it."""
    said: list[_Said] = []

    class Hearing(Supervisor):
        def run(self, head: Mapping[str, Any], blobs: Sequence[bytes] = (), *, seconds: float, memory: int) -> Outcome:
            outcome = super().run(head, blobs, seconds=seconds, memory=memory)
            said.append((head["kind"], outcome))
            return outcome

    with _verifier(Hearing()) as verifier:
        return verifier.verify(_CHANGES[name]), tuple(said)


def _verifier(supervisor: Supervisor) -> Verifier:
    verifier = Verifier(Settings(jobs=1, illustrated=True), peak=True)
    verifier._supervisor = supervisor
    return verifier


class _Repeating(Supervisor):
    """Answers as was heard, the one at `place` otherwise; starts no process."""

    def __init__(self, said: Sequence[_Said], place: int, other: Outcome) -> None:
        super().__init__()
        self._answers: Iterator[_Said] = iter([*said[:place], (said[place][0], other), *said[place + 1 :]])

    def start(self) -> Any:
        return type("Ready", (), {"isolation": "full"})()

    def run(self, head: Mapping[str, Any], blobs: Sequence[bytes] = (), *, seconds: float, memory: int) -> Outcome:
        kind, outcome = next(self._answers, ("", Outcome(lost="was not heard")))
        return outcome if kind == head["kind"] else Outcome(lost="was not heard")


@pytest.mark.parametrize(("name", "status"), [("module", Status.SAME_TRACE), ("close", Status.REFUTED), ("loop", Status.TESTED)])
def test_what_children_say_is_an_answer(name: str, status: Status) -> None:
    verdict, said = _heard(name)
    assert verdict.status is status, verdict
    assert all(is_answer(kind, outcome.frames) for kind, outcome in said)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of a head; a head itself is an object by its frame."""
    if path:
        yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from _places(part, (*path, name))


def _changed(head: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The head with another value there, or with nothing where `value` is the class `object`."""
    whole = {"": copy.deepcopy(head)}
    holder: Any = whole
    for name in ("", *path)[:-1]:
        holder = holder[name]
    last = ("", *path)[-1]
    if value is object:
        del holder[last]
    else:
        holder[last] = value
    result: dict[str, Any] = whole.get("") or {}
    return result


_VALUES = st.one_of(
    st.just(object),
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=3),
    st.just({}),
    st.just({"kind": "search"}),
)


@pytest.mark.parametrize("name", list(_CHANGES))
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_whatever_a_child_says_gives_a_verdict(name: str, data: st.DataObject) -> None:
    """One part of one answer made up: the verdict is as it was, or another, and nothing raises."""
    verdict, said = _heard(name)
    place = data.draw(st.integers(0, len(said) - 1))
    frames = list(said[place][1].frames)
    number = data.draw(st.integers(0, len(frames) - 1))
    path = data.draw(st.sampled_from(sorted(_places({key: part for key, part in frames[number].head.items() if key != "loaded"}), key=repr)))
    frames[number] = Frame(_changed(frames[number].head, path, data.draw(_VALUES)), frames[number].blobs)
    with _verifier(_Repeating(said, place, replace(said[place][1], frames=tuple(frames)))) as verifier:
        changed = verifier.verify(_CHANGES[name])
    assert changed.reason is not None or changed.status in (Status.SAME_TRACE, Status.TESTED)
    if not is_answer(said[place][0], frames):
        assert changed.status in (Status.UNDECIDED, verdict.status)
