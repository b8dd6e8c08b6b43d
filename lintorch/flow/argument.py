"""Keyword arguments of a call as text: which are given, and what to take away so that one is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from lintorch.source.text import Span

if TYPE_CHECKING:
    from lintorch.flow.function import FunctionFlow


def keyword(call: cst.Call, name: str) -> cst.Arg | None:
    """The argument given by that keyword."""
    return next((arg for arg in call.args if arg.keyword is not None and arg.keyword.value == name), None)


def is_true(arg: cst.Arg | None) -> bool:
    """Is the argument given, and plainly True?"""
    return arg is not None and isinstance(arg.value, cst.Name) and arg.value.value == "True"


def removal(flow: FunctionFlow, call: cst.Call, arg: cst.Arg) -> Span:
    """The text of a keyword argument with the comma that goes with it."""
    index = next(number for number, other in enumerate(call.args) if other is arg)
    if index:
        return Span(flow.span(call.args[index - 1].value).end, flow.span(arg.value).end)
    assert arg.keyword is not None
    start = flow.span(arg.keyword).start
    return Span(start, _start(flow, call.args[1]) if len(call.args) > 1 else flow.span(arg.value).end)


def _start(flow: FunctionFlow, arg: cst.Arg) -> int:
    return flow.span(arg.keyword if arg.keyword is not None else arg.value).start - len(arg.star)
