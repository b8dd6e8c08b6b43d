"""Where a run gets its verdicts from, and what it may do with them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from lintorch.settings import Settings, UsageError
from lintorch.verify.verdict import Change, Status, Verdict

if TYPE_CHECKING:
    from lintorch.cache.store import Store
    from lintorch.engine.judgements import Judgements
    from lintorch.verify.grounds import Judged
    from lintorch.verify.verifier import Verifier

Verify = Callable[[Change], Verdict]


def allows(settings: Settings, verdict: Verdict) -> bool:
    """May a rewrite with this verdict be written?"""
    order = list(Status)
    return verdict.status is not Status.REFUTED and order.index(verdict.status) <= order.index(Status(settings.allow))


class Verifiers:
    """One verifier for each settings of a run; their worker processes start with the first question and end with `close`."""

    def __init__(self, told: Callable[[], None] = lambda: None, cache: Store | None = None) -> None:
        """`told` is called with each verdict; `cache` keeps those that will last."""
        self._told, self._cache = told, cache
        self._judgements: Judgements | None = None
        self.loaded: set[str] = set()  # the files that took part in the verdicts since `begin`
        self.last = True  # would all of them be reached again on any day?
        self._by_settings: dict[tuple[int, bool], tuple[Settings, Verifier]] = {}

    def under(self, settings: Settings, peak: bool = False) -> Verify:
        """What gives verdicts under these settings, with `peak` the peak memory too; it raises UsageError where no version can be run here."""
        return functools.partial(self._verify, settings, peak)

    def _verify(self, settings: Settings, peak: bool, change: Change) -> Verdict:
        from lintorch.engine.judgements import Judgements  # late: a check asks for no verdict

        if self._judgements is None:
            self._judgements = Judgements(self._cache)
        judged = self._judgements.recall(settings, peak, change)
        if judged is None:
            judged = self._reached(settings, peak, change)
            self._judgements.keep(settings, peak, change, judged)
        self.loaded |= judged.loaded
        self.last = self.last and judged.lasts
        self._told()
        return judged.verdict

    def begin(self) -> None:
        """Forget what earlier verdicts rest on."""
        self.loaded.clear()
        self.last = True

    def _reached(self, settings: Settings, peak: bool, change: Change) -> Judged:
        """A verdict reached by running both versions now."""
        from lintorch.verify.verifier import Verifier, VerifierUnavailable

        try:
            # Settings hold mappings, so they cannot be hashed; the stored reference keeps the identity from being used again.
            key = id(settings), peak
            if key not in self._by_settings:
                self._by_settings[key] = (settings, Verifier(settings, peak=peak))
            return self._by_settings[key][1].judge(change)
        except VerifierUnavailable as error:
            raise UsageError(f"both versions cannot be run here: {error}") from None

    def close(self) -> None:
        """End all worker processes."""
        for _, verifier in self._by_settings.values():
            verifier.__exit__(None, None, None)
        self._by_settings.clear()
