"""The examples on every rule's page, as cases for tests."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from lintorch.catalogue import RegisteredRule, load_catalogue
from lintorch.page import Block


@dataclasses.dataclass(frozen=True)
class Example:
    """A block of a page, the rule whose page it is, and the blocks that belong to it: its fix, and the inputs both are run on."""

    registered: RegisteredRule
    block: Block
    fixed: Block | None = None
    inputs: tuple[str, ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        """The rules to select: the page's own, and any other that a mark names."""
        return tuple(sorted({self.registered.code, *(code for mark in self.block.marks for code in mark.codes)}))


def examples(kind: str) -> Iterator[Example]:
    """Every block of that kind (bad or good) of every page of every installed pack."""
    for registered in load_catalogue().rules:
        yield from (example for example in _of_page(registered) if example.block.kind == kind)


def _of_page(registered: RegisteredRule) -> Iterator[Example]:
    """A fixed block and the inputs after it belong to the bad block before them."""
    current: Example | None = None
    for block in registered.page.blocks:
        if block.kind in {"bad", "good"}:
            if current is not None:
                yield current
            current = Example(registered, block)
        elif current is not None and block.kind == "fixed":
            current = dataclasses.replace(current, fixed=block)
        elif current is not None and block.kind == "inputs":
            current = dataclasses.replace(current, inputs=(*current.inputs, *block.text.splitlines()))
    if current is not None:
        yield current


def cases(found: Iterator[Example]) -> list[object]:
    """Examples as parameters, each named by its page and line."""
    return [pytest.param(example, id=f"{example.registered.name}.md:{example.block.line}") for example in found]
