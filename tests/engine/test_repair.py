"""Fixing one file: what is drafted, what verdicts do to it, and what is told of it. Verdicts come from a function, so nothing runs."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintorch.catalogue import Catalogue
from lintorch.engine.check import Checker
from lintorch.engine.repair import repair
from lintorch.engine.result import Diagnostic, FileResult, Patch
from lintorch.rule import Drop, Finding, Fix, Replace, Span
from lintorch.settings import Settings
from lintorch.source.text import Edit, Source, splice
from lintorch.verify.verdict import Change, Status, Verdict
from tests.engine.small_rules import HEAD, catalogue, matching, module, registered, replacing, source

RAN = {"inputs": ("float32[2, 10]",), "seeds": (0, 1, 2), "modes": ("train", "eval")}
TESTED = Verdict(Status.TESTED, **RAN)
REFUTED = Verdict(Status.REFUTED, "output[0] differs", **RAN)
UNBUILT = Verdict(Status.UNDECIDED, "could not be built")


@dataclass
class Oracle:
    """A verifier of a few words: it refuses every new text that `refuses` names, and remembers what it was asked."""

    refuses: Callable[[Change], bool] = lambda change: False
    refusal: Verdict = REFUTED
    asked: list[Change] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def __call__(self, change: Change) -> Verdict:
        self.asked.append(change)
        ast.parse(change.new)
        if self.refuses(change):
            return self.refusal
        self.allowed.append(change.new)
        return TESTED


def fixed(text: str, rules: Catalogue, oracle: Oracle | None = None, settings: Settings | None = None, in_place: bool = True) -> FileResult:
    oracle = oracle or Oracle()
    original = source(text)
    result = repair(Checker(rules), settings or Settings(), oracle, original, in_place)
    assert result.text is None or result.text in oracle.allowed, "a text was proposed that nobody verified"
    assert spliced(original, [rewrite.patch for rewrite in result.rewrites if rewrite.allowed]) == (result.text or text)
    return result


def spliced(original: Source, patches: list[Patch]) -> str:
    """The text with the reported edits applied, read by line and column as a user of the JSON would."""
    edits = [Edit(Span(original.offset(edit.start), original.offset(edit.end)), edit.text) for patch in patches for edit in patch.edits]
    return splice(original.text, edits)


def told(result: FileResult) -> list[tuple[str, int, int | None, bool]]:
    return [(one.code, one.start.line, one.rewrite, one.fixed) for one in result.diagnostics]


A = replacing("TST1", r"\ba\b", "b")
C = replacing("TST2", r"\bc\b", "d")
TWO = HEAD + module("Net", "a", "c", "return a") + module("Other", "c")


def test_a_class_is_one_rewrite_with_one_verdict() -> None:
    oracle = Oracle()
    result = fixed(TWO, catalogue(A, C), oracle)
    assert result.text == TWO.replace("        a", "        b").replace("c\n", "d\n").replace("return a", "return b")
    assert [(change.symbol, change.old_lines, len(change.probes)) for change in oracle.asked] == [("Net", (7, 8, 9), 0), ("Other", (14,), 0)]
    assert [(rewrite.id, rewrite.symbol, rewrite.allowed, rewrite.verdict) for rewrite in result.rewrites] == [
        (1, "Net", True, TESTED),
        (2, "Other", True, TESTED),
    ]
    assert told(result) == [("TST1", 7, 1, True), ("TST2", 8, 1, True), ("TST1", 9, 1, True), ("TST2", 14, 2, True)]


def test_the_second_class_is_verified_beside_the_first_as_changed() -> None:
    oracle = Oracle()
    fixed(TWO, catalogue(A, C), oracle)
    assert oracle.asked[1].old == oracle.asked[0].new


def test_nothing_to_fix_asks_nobody() -> None:
    oracle = Oracle()
    result = fixed(HEAD + module("Net", "a"), catalogue(replacing("TST1", r"\ba\b")), oracle)
    assert (oracle.asked, result.text, told(result)) == ([], None, [("TST1", 7, None, False)])


def test_what_is_not_in_place_is_not_fixed_and_stands_in_the_old_text() -> None:
    deleting = registered("TST0", dropping("gone"))
    text = HEAD + module("Net", "gone", "x = 1", "stays")
    rules = catalogue(deleting, replacing("TST3", r"\bstays\b"))
    assert told(fixed(text, rules)) == [("TST0", 7, 1, True), ("TST3", 8, None, False)]
    assert told(fixed(text, rules, in_place=False)) == [("TST0", 7, 1, False), ("TST3", 9, None, False)]


def dropping(word: str):
    """A check that drops statements of one word, by the line as the engine's own rules would."""

    def check(function):
        from lintorch.flow.statement import Statement

        text = function.module.source
        for node in function.entry.node.body:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Name) and node.value.id == word:
                start = text.ast_offset(node.lineno, node.col_offset)
                body = function.entry.node.body
                suite = Span(text.ast_offset(body[0].lineno, body[0].col_offset), text.ast_offset(body[-1].end_lineno, body[-1].end_col_offset))
                span = Span(start, start + len(word))
                yield Finding("TST0", "tst0", f"`{word}` here", span, function.entry.qualname, fix=Fix("drop", (Drop(Statement(span, suite, len(body))),)))

    return check


def test_a_refuted_whole_is_judged_in_parts_and_the_rest_verified_together() -> None:
    oracle = Oracle(lambda change: "bad" in change.new)
    rules = catalogue(replacing("TST1", r"\ba\b", "b"), replacing("TST2", r"\bc\b", "bad"), replacing("TST3", r"\be\b", "f"))
    result = fixed(HEAD + module("Net", "a", "c", "e"), rules, oracle)
    assert result.text == HEAD + module("Net", "b", "c", "f")
    assert told(result) == [("TST1", 7, 1, True), ("TST2", 8, 2, False), ("TST3", 9, 1, True)]
    assert [rewrite.verdict for rewrite in result.rewrites] == [TESTED, REFUTED]
    assert result.rewrites[1].patch.edits[0].text == "bad"
    # together, three parts, the two that passed together, and once more the refused one beside the new text
    assert len(oracle.asked) == 6


def test_parts_that_pass_singly_but_not_together_give_one_and_then_what_passes_on_top() -> None:
    oracle = Oracle(lambda change: "b" in forward(change.new) and "d" in forward(change.new))
    result = fixed(HEAD + module("Net", "a", "c", "e"), catalogue(A, C, replacing("TST3", r"\be\b", "f")), oracle)
    assert result.text == HEAD + module("Net", "b", "c", "f")
    assert told(result) == [("TST1", 7, 1, True), ("TST2", 8, 2, False), ("TST3", 9, 1, True)]


def forward(text: str) -> list[str]:
    return text.partition("forward")[2].split()


def test_what_could_not_be_built_is_not_tried_in_parts() -> None:
    oracle = Oracle(lambda change: True, UNBUILT)
    result = fixed(HEAD + module("Net", "a", "c"), catalogue(A, C), oracle)
    assert (len(oracle.asked), result.text) == (1, None)
    assert [(one.rewrite, one.verdict) for one in result.diagnostics] == [(1, UNBUILT), (1, UNBUILT)]


@pytest.mark.parametrize(
    ("status", "allow", "written"),
    [
        (Status.SAME_TRACE, "same-trace", True), (Status.TESTED, "same-trace", False), (Status.TESTED, "tested", True), (Status.CLOSE, "tested", False),
        (Status.CLOSE, "close", True), (Status.UNDECIDED, "close", False), (Status.UNDECIDED, "undecided", True), (Status.REFUTED, "undecided", False),
    ],
)  # fmt: skip
def test_what_each_verdict_allows(status: Status, allow: str, written: bool) -> None:
    verdict = Verdict(status, "because", **RAN)
    result = repair(Checker(catalogue(A)), Settings(allow=allow), lambda change: verdict, source(HEAD + module("Net", "a")), True)
    assert (result.text is not None) is written
    assert [(one.fixed, one.verdict) for one in result.diagnostics] == [(written, verdict)]


def test_fixes_that_uncover_others_are_one_stable_draft() -> None:
    rules = catalogue(replacing("TST1", r"\ba\b", "b"), replacing("TST2", r"\bb\b", "c"), replacing("TST3", r"\bc\b", "d"))
    oracle = Oracle()
    text = HEAD + module("Net", "a") + module("Other", "b")
    result = fixed(text, rules, oracle)
    assert result.text == HEAD + module("Net", "d") + module("Other", "d")
    assert len(oracle.asked) == 2
    # Found in the file as it was read: TST1 and TST2. Uncovered on the way: two in Net, one in Other; their fix is that of the whole rewrite.
    assert told(result) == [("TST1", 7, 1, True), ("TST2", 7, 1, True), ("TST3", 7, 1, True), ("TST2", 12, 2, True), ("TST3", 12, 2, True)]
    assert result.diagnostics[1].fix.edits == result.rewrites[0].patch.edits


def test_early_codes_go_first() -> None:
    oracle = Oracle()
    early = replacing("LT105", r"\ba\b", "c")
    result = fixed(HEAD + module("Net", "a"), catalogue(replacing("LT101", r"\ba\b", "b"), early), oracle)
    assert result.text == HEAD + module("Net", "c")
    assert len(oracle.asked) == 1


def test_fixes_without_end_leave_the_class_alone() -> None:
    flip = catalogue(replacing("TST1", r"\ba\b", "b"), replacing("TST2", r"\bb\b", "a"), C)
    oracle = Oracle()
    result = fixed(HEAD + module("Net", "a") + module("Other", "c"), flip, oracle)
    assert result.text == HEAD + module("Net", "a") + module("Other", "d")
    assert [change.symbol for change in oracle.asked] == ["Other"]
    assert result.rewrites[1].verdict.reason == "its fixes cannot be applied: its fixes still ask for more after 12 passes"
    assert result.failures == (
        "a.py: internal error: the fixes of Net cannot be applied (its fixes still ask for more after 12 passes); please report it, Net was left alone",
    )
    assert [one.fix is not None for one in result.diagnostics] == [True, True]


def test_a_fix_that_does_not_parse_leaves_the_class_alone() -> None:
    oracle = Oracle()
    result = fixed(HEAD + module("Net", "a") + module("Other", "c"), catalogue(replacing("TST1", r"\ba\b", "("), C), oracle)
    assert [change.symbol for change in oracle.asked] == ["Other"]
    assert told(result) == [("TST1", 7, 2, False), ("TST2", 12, 1, True)]
    assert len(result.failures) == 1
    assert "the fixes of Net cannot be applied (a.py:7:" in result.failures[0]


def test_crossing_fixes_come_one_after_the_other() -> None:
    rules = catalogue(replacing("TST1", r"a\(b", "c("), replacing("TST2", r"b\)|(?<=c\()\)", "d)"))
    oracle = Oracle()
    result = fixed(HEAD + module("Net", "a(b)"), rules, oracle)
    assert result.text == HEAD + module("Net", "c(d)")
    assert len(oracle.asked) == 1


def test_a_part_that_means_nothing_alone_is_not_tried_alone() -> None:
    opening, closing = replacing("TST1", r"\ba\b", "(b"), replacing("TST2", r"\bc\b", "d)")
    asked = Oracle(lambda change: "(b" in change.new)
    result = fixed(HEAD + module("Net", "x = a + c", "e"), catalogue(opening, closing, replacing("TST3", r"\be\b", "f")), asked, Settings(allow="undecided"))
    assert result.text == HEAD + module("Net", "x = a + c", "f")
    assert all(change.new.count("(b") == change.new.count("d)") for change in asked.asked)


def test_a_fix_that_contradicts_itself_leaves_the_class_alone() -> None:
    def contradict(function):
        for finding in matching("TST1", r"a \+ b", "c")(function):
            (operation,) = finding.fix.operations
            crossing = Replace(Span(operation.span.end - 1, operation.span.end + 4), "d")
            yield replace(finding, fix=Fix("crossing", (operation, crossing)))

    asked = Oracle()
    result = fixed(HEAD + module("Net", "x = a + b + e", "c"), catalogue(registered("TST1", contradict), C), asked)
    assert (result.text, asked.asked, len(result.failures)) == (None, [], 1)
    assert [one.fix is not None for one in result.diagnostics] == [False, True]


def test_the_same_fix_of_two_rules_is_applied_once() -> None:
    result = fixed(HEAD + module("Net", "a"), catalogue(A, replacing("TST2", r"\ba\b", "b")))
    assert told(result) == [("TST1", 7, 1, True), ("TST2", 7, 1, True)]


def test_suppressed_findings_are_not_fixed() -> None:
    result = fixed(HEAD + module("Net", "a  # noqa", "a"), catalogue(A))
    assert result.text == HEAD + module("Net", "a  # noqa", "b")


def test_later_lines_are_told_where_they_now_stand() -> None:
    rules = catalogue(registered("TST0", dropping("gone")), replacing("TST3", r"\bstays\b", "bad"))
    oracle = Oracle(lambda change: "bad" in change.new)
    text = HEAD + module("Net", "gone", "gone", "x = 1") + module("Other", "stays")
    result = fixed(text, rules, oracle)
    left = [one for one in result.diagnostics if not one.fixed]
    assert [(one.start.line, one.line_text.strip(), one.fix.edits[0].start.line) for one in left] == [(12, "stays", 12)]
    assert result.rewrites[1].patch.edits[0].start.line == 12
    kept = fixed(text, rules, oracle, in_place=False)
    assert [(one.code, one.start.line) for one in kept.diagnostics] == [("TST0", 7), ("TST0", 8), ("TST3", 14)]
    assert kept.rewrites[1].patch.edits[0].start.line == 14


def test_fingerprints_are_those_of_a_plain_check_and_do_not_move_with_lines() -> None:
    rules = catalogue(replacing("TST1", r"\ba\b"))
    text = module("Net", "a", "a", "return a")

    def prints(given: str) -> list[str]:
        return [one.fingerprint for one in fixed(given, rules).diagnostics]

    assert prints(HEAD + text) == prints(HEAD + "\n\nX = 1\n\n\n" + text)
    assert len(set(prints(HEAD + text))) == 3


WORDS = ["a", "c", "e", "g", "x"]


@given(
    st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), min_size=1, max_size=3), st.sets(st.sampled_from(["b", "d", "f", "h"])), st.booleans()
)
def test_whatever_is_refused_the_report_accounts_for_every_edit(bodies: list[list[str]], bad: set[str], in_place: bool) -> None:
    """`fixed` itself checks that every proposed text was verified and that the reported edits lead to it; and a second run changes nothing."""
    rules = catalogue(*(replacing(f"TST{number}", rf"\b{old}\b", new) for number, (old, new) in enumerate([("a", "b"), ("b", "c"), ("e", "f"), ("g", "h")])))
    text = HEAD + "".join(module(f"Net{number}", *words) for number, words in enumerate(bodies))
    refuses = lambda change: any(new.split().count(word) > old.split().count(word) for old, new in [(change.old, change.new)] for word in bad)  # noqa: E731
    result = fixed(text, rules, Oracle(refuses), in_place=in_place)
    again = fixed(result.text or text, rules, Oracle(refuses))
    assert again.text is None
    assert len({(one.code, one.start) for one in result.diagnostics}) <= len(result.diagnostics)


def test_diagnostics_are_whole_values() -> None:
    (one,) = fixed(HEAD + module("Net", "a"), catalogue(A)).diagnostics
    assert isinstance(one, Diagnostic)
    assert (one.path, one.symbol, one.line_text, one.message) == ("a.py", "Net.forward", "        a", "`a` here")
    assert one.fix.title == "replace a"
    assert Replace(Span(0, 1), "b") == Replace(Span(0, 1), "b")
