"""The documents an editor has open, and what is known of each. Other files are read from disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lintorch.catalogue import load_catalogue
from lintorch.config import Configuration, editor_settings
from lintorch.engine.check import Checker
from lintorch.engine.live import Judgment, judge, judge_edit
from lintorch.settings import Settings
from lintorch.source.text import Source, SourceError

# Between the editor's settings and the fields of Settings; these add to what the configuration file says instead of taking its place.
_ADDING = ("extend_select", "ignore")


@dataclass
class Document:
    """One open document; `judgment` may be about an earlier text. `told` is the failure last shown, so that none is shown twice."""

    uri: str
    source: Source
    version: int
    judgment: Judgment | None = None
    told: str = ""

    @property
    def is_known(self) -> bool:
        """Was every function judged on the very text the editor shows?"""
        return self.judgment is not None and self.judgment.whole and self.judgment.source is self.source


class Desk:
    """Judges open documents. Not for several threads at once."""

    def __init__(self) -> None:
        self._documents: dict[str, Document] = {}
        self._checker = Checker(load_catalogue())
        self._editor: Mapping[str, Any] = {}
        self._known_settings: list[Settings] = []

    @property
    def documents(self) -> tuple[Document, ...]:
        """The open documents."""
        return tuple(self._documents.values())

    def find(self, uri: str) -> Document | None:
        """The open document of that URI."""
        return self._documents.get(uri)

    def put(self, uri: str, path: Path, text: str, version: int) -> Document:
        """A document was opened, or its text is another one now."""
        source = Source.of_text(path, text)
        known = self._documents.get(uri)
        if known is None:
            known = self._documents[uri] = Document(uri, source, version)
        known.source, known.version = source, version
        return known

    def drop(self, uri: str) -> None:
        """A document was closed: what counts is what is on disk."""
        self._documents.pop(uri, None)
        self.renew()

    def configure(self, given: object) -> None:
        """Take over the editor's settings; raises UsageError for what cannot be understood, with the old ones still in force."""
        self._editor = editor_settings(given if isinstance(given, Mapping) else {})
        self.renew()

    def renew(self) -> None:
        """Forget what was read from disk, and that anything was judged on it."""
        self._checker = Checker(load_catalogue())
        for document in self.documents:
            if document.judgment is not None:
                document.judgment = replace(document.judgment, whole=False)

    def settings_for(self, path: Path) -> Settings:
        """The settings in force for a file: those of the command line, with the editor's on top; raises UsageError."""
        settings = Configuration(overlay=self._overlay).settings_for(path)
        known = next((known for known in self._known_settings if known == settings), None)
        if known is None:
            load_catalogue().select(settings)
            self._known_settings.append(settings)
        return known or settings

    def _overlay(self, settings: Settings) -> Settings:
        added = {name: (*getattr(settings, name), *self._editor[name]) for name in _ADDING if name in self._editor}
        return replace(settings, **{**self._editor, **added})

    def judge_edit(self, document: Document) -> bool:
        """Judge the one function that was edited; False where more has to be judged."""
        known, source = document.judgment, document.source
        if known is None:
            return False
        if known.source is source:
            return known.whole
        judgment = judge_edit(self._checker, known, source)
        document.judgment = judgment or known
        return judgment is not None

    def judge(self, document: Document) -> bool:
        """Judge a whole document; False where its text cannot be parsed, so that what is known of an earlier one stays. Raises UsageError."""
        source = document.source
        try:
            judgment = judge(self._checker, source, self.settings_for(source.path))
        except SourceError:
            return False
        document.judgment = judgment
        return True
