"""What stands on a page, as frozen values in the order in which it is read; the template adds nothing of its own."""

from __future__ import annotations

from dataclasses import dataclass

from lintorch.report.html.sidebyside import Row


@dataclass(frozen=True)
class Picture:
    """A drawing: its SVG (finished, with a title inside), and what it shows in words."""

    svg: str
    caption: str


@dataclass(frozen=True)
class GradientLine:
    """A gradient that was compared: whose it is, its kind, its largest magnitude before and after, and whether it is the same bit for bit."""

    name: str
    kind: str
    before: str
    after: str
    equal: bool


@dataclass(frozen=True)
class VerdictView:
    """A verdict: its status, what that means, the facts it rests on, the gradients and pictures."""

    status: str
    tone: str
    said: str
    facts: tuple[tuple[str, str], ...]
    gradients: tuple[GradientLine, ...]
    gradients_left_out: int
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class FindingView:
    """A finding: where, what, why, the line it is about (before, marked, behind), its own fix and what was measured of it."""

    anchor: str
    code: str
    rule: str
    severity: str
    message: str
    place: str
    symbol: str
    line: int
    excerpt: tuple[str, str, str]
    reasons: tuple[str, ...]
    state: str
    fix: str
    diff: tuple[Row, ...]
    witness: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class ChangeView:
    """A class or function whose change was run: the findings it answers, the change and the verdict."""

    anchor: str
    symbol: str
    fate: str
    findings: tuple[FindingView, ...]
    diff: tuple[Row, ...]
    verdict: VerdictView


@dataclass(frozen=True)
class FileView:
    """A file: findings that stand for themselves, and changes that were run. `diff`: one for all its changes."""

    anchor: str
    path: str
    findings: tuple[FindingView, ...]
    changes: tuple[ChangeView, ...]
    diff: tuple[Row, ...] = ()

    @property
    def every(self) -> tuple[FindingView, ...]:
        """All findings of the file, those of changes included."""
        return (*self.findings, *(finding for change in self.changes for finding in change.findings))

    @property
    def said(self) -> str:
        """How much there is, in words."""
        kinds = ((len(self.every), "finding"), (len(self.changes), "verdict"))
        return ", ".join(f"{number} {noun}{'' if number == 1 else 's'}" for number, noun in kinds if number)


@dataclass(frozen=True)
class RuleView:
    """A rule that has findings: what it says, its findings, and why it matters as the opening of its page."""

    code: str
    name: str
    sentence: str
    findings: tuple[FindingView, ...]


@dataclass(frozen=True)
class PageView:
    """The whole page. `figures` are numbers worth seeing first, with what each counts; `notes` are what was left out and why."""

    title: str
    lead: str
    figures: tuple[tuple[str, str], ...]
    rules: tuple[RuleView, ...]
    files: tuple[FileView, ...]
    failures: tuple[str, ...]
    notes: tuple[str, ...]
    compares: bool = False
