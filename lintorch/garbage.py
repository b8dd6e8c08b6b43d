"""When Python's cyclic collector runs in processes of our own."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# A syntax tree takes about 35 times the memory of its text: at most some 50 MB wait to be freed.
_MOST_DROPPED = 1_500_000


class _Collector:
    """The state of this process: nothing is done until the process says that it is our own."""

    seldom = False
    dropped = 0  # characters of text whose trees nothing needs any more
    tangled = False  # has anything been made since the last collection that only the collector frees?


def collect_seldom() -> None:
    """Let the collector run less often in this process, and not look again at what a file leaves behind when it is done.

    Syntax trees are many, live long and hold no cycles, and the collector walks them over and over: on timm it took a fifth of the
    processor time (`lintorch check -j1`). A host such as flake8 keeps its own ways.
    """
    _Collector.seldom = True
    gc.set_threshold(200_000, 50, 100)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let the collector of a host rest while one file is judged: what is made of it lives as long, and was walked over again and again meanwhile.

    On timm that was a third of what the plugin took. The host's collector goes on afterwards as it did before.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def note_dropped(characters: int) -> None:
    """Say that the tree of a text of that length is not needed any more."""
    _Collector.dropped += characters


def note_tangled() -> None:
    """Say that a flow is made: its parts know each other, so that only the collector frees them and the tree they are about."""
    _Collector.tangled = True


def keep() -> None:
    """A file is read: its tree holds no cycles and is there to stay, so that collections need not walk it."""
    if _Collector.seldom and not _Collector.tangled:
        gc.freeze()


def settle() -> None:
    """A file is done: free what it made, and leave what it keeps out of later collections, but for a full one now and then."""
    if not _Collector.seldom:
        return
    if _Collector.dropped > _MOST_DROPPED:
        _Collector.dropped, _Collector.tangled = 0, True
        gc.unfreeze()
    if _Collector.tangled:
        _Collector.tangled = False
        gc.collect()
    gc.freeze()
