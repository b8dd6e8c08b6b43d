"""Frames: what is sent arrives, and nothing else counts as a result."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintorch.worker.protocol import KEY_BYTES, BrokenFrame, Frame, pack, unpack

KEY = bytes(range(KEY_BYTES))
PLAIN = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text()
JSON = st.recursive(PLAIN, lambda part: st.lists(part) | st.dictionaries(st.text(), part), max_leaves=10)
HEADS = st.dictionaries(st.text().filter(lambda name: name != "blobs"), JSON, max_size=4)
FRAMES = st.tuples(HEADS, st.lists(st.binary(max_size=64), max_size=4))


def packed(key: bytes, frames: list[tuple[dict[str, Any], list[bytes]]]) -> bytes:
    return b"".join(b"".join(pack(key, head, blobs)) for head, blobs in frames)


@given(st.lists(FRAMES, max_size=4))
def test_what_is_packed_is_unpacked(frames: list[tuple[dict[str, Any], list[bytes]]]) -> None:
    assert unpack(KEY, packed(KEY, frames)) == [Frame(head, blobs) for head, blobs in frames]


@given(FRAMES, st.data())
def test_a_part_of_a_frame_is_none(frame: tuple[dict[str, Any], list[bytes]], data: st.DataObject) -> None:
    whole = packed(KEY, [frame])
    cut = data.draw(st.integers(1, len(whole) - 1))
    with pytest.raises(BrokenFrame):
        unpack(KEY, whole[:cut])


@given(FRAMES, st.data())
def test_no_byte_can_change_unseen(frame: tuple[dict[str, Any], list[bytes]], data: st.DataObject) -> None:
    whole = bytearray(packed(KEY, [frame]))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BrokenFrame):
        unpack(KEY, bytes(whole))


@given(FRAMES, st.binary(min_size=1, max_size=80), st.booleans())
def test_foreign_bytes_spoil_it_all(frame: tuple[dict[str, Any], list[bytes]], foreign: bytes, before: bool) -> None:
    whole = packed(KEY, [frame])
    with pytest.raises(BrokenFrame):
        unpack(KEY, foreign + whole if before else whole + foreign)


@given(FRAMES)
def test_a_frame_of_another_job_is_none(frame: tuple[dict[str, Any], list[bytes]]) -> None:
    with pytest.raises(BrokenFrame):
        unpack(bytes(KEY_BYTES), packed(KEY, [frame]))


def test_lengths_beyond_the_data_are_refused_without_reserving_them() -> None:
    whole = bytearray(b"".join(pack(KEY, {}, [b"x"])))
    whole[28:36] = (1 << 60).to_bytes(8, "little")
    with pytest.raises(BrokenFrame):
        unpack(KEY, bytes(whole))


def test_no_bytes_are_no_frames() -> None:
    assert unpack(KEY, b"") == []
