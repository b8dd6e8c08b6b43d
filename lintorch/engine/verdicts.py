"""Where a run gets its verdicts from, and what it may do with them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from lintorch.settings import Settings, UsageError
from lintorch.verify.verdict import Change, Status, Verdict

if TYPE_CHECKING:
    from lintorch.verify.verifier import Verifier

Verify = Callable[[Change], Verdict]


def allows(settings: Settings, verdict: Verdict) -> bool:
    """May a rewrite with this verdict be written?"""
    order = list(Status)
    return verdict.status is not Status.REFUTED and order.index(verdict.status) <= order.index(Status(settings.allow))


class Verifiers:
    """One verifier for each settings of a run; their worker processes start with the first question and end with `close`."""

    def __init__(self, told: Callable[[], None] = lambda: None) -> None:
        """`told` is called with each verdict."""
        self._told = told
        self._by_settings: dict[tuple[int, bool], tuple[Settings, Verifier]] = {}

    def under(self, settings: Settings, peak: bool = False) -> Verify:
        """What gives verdicts under these settings, with `peak` the peak memory too; it raises UsageError where no version can be run here."""
        return functools.partial(self._verify, settings, peak)

    def _verify(self, settings: Settings, peak: bool, change: Change) -> Verdict:
        from lintorch.verify.verifier import Verifier, VerifierUnavailable

        try:
            # Settings hold mappings, so they cannot be hashed; the stored reference keeps the identity from being used again.
            key = id(settings), peak
            if key not in self._by_settings:
                self._by_settings[key] = (settings, Verifier(settings, peak=peak))
            verdict = self._by_settings[key][1].verify(change)
        except VerifierUnavailable as error:
            raise UsageError(f"both versions cannot be run here: {error}") from None
        self._told()
        return verdict

    def close(self) -> None:
        """End all worker processes."""
        for _, verifier in self._by_settings.values():
            verifier.__exit__(None, None, None)
        self._by_settings.clear()
