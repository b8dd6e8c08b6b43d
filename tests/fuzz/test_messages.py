"""Whatever an editor sends, in whatever form: the language server lives on, answers what is right, and no code of its own fails on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from lintorch.lsp.server import document_path
from tests.fuzz.messages import SENT, Conversation

RELAXED = settings(suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def conversation() -> Iterator[Conversation]:
    begun = Conversation()
    yield begun
    begun.end()


def check(conversation: Conversation, sent: list[bytes]) -> None:
    for raw in sent:
        conversation.send(raw)
    assert conversation.still_works(), sent
    assert not conversation.own_faults(), sent


def test_what_is_asked_between_is_answered(conversation: Conversation) -> None:
    assert conversation.still_works()


@pytest.mark.parametrize("uri", ["file:///a%00b.py", "file:///\ud800.py", "file://[/x.py"])
def test_names_that_no_file_has_are_those_of_unsaved_documents(uri: str) -> None:
    assert document_path(uri) == Path.cwd() / "untitled.py"


def test_a_document_whose_name_no_file_has_is_judged(conversation: Conversation) -> None:
    conversation.uri, saved = "file:///a%00b.py", conversation.uri
    check(conversation, [])
    conversation.uri = saved


@settings(RELAXED, max_examples=60)
@given(SENT)
def test_any_messages(conversation: Conversation, sent: list[bytes]) -> None:
    check(conversation, sent)


@pytest.mark.long
@settings(RELAXED, max_examples=1000)
@given(SENT)
def test_many_messages(conversation: Conversation, sent: list[bytes]) -> None:
    check(conversation, sent)
