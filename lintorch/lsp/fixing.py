"""Commands: both versions are run, and what the verdict allows is applied to the text in the editor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lsprotocol import types

from lintorch.engine.lineage import line_edits
from lintorch.engine.result import FileResult, Rewrite
from lintorch.lsp.actions import whole_edit
from lintorch.lsp.desk import Document
from lintorch.lsp.server import Server
from lintorch.lsp.trial import Bench, Cancelled, Trial
from lintorch.report.words import counted, verdict_lines
from lintorch.settings import Settings, UsageError

_CHANGED = "the text changed before {} was verified; nothing was applied, ask again"
_WATCH = 0.1  # seconds between looks at whether the editor has cancelled


async def verify_and_apply(ls: Server, uri: str, version: int, code: str, first: int, last: int) -> None:
    """Run the fix of one finding, given by its code and its lines in one version of a document, and apply it if its verdict allows."""
    document = ls.desk.find(uri)
    if document is not None and document.version != version:
        ls.say(_CHANGED.format(f"the fix of {code}"), types.MessageType.Warning)
    elif document is not None:
        await _try(ls, document, f"the fix of {code}", lambda told: Trial.of_finding(document.source, _settings(ls, document), code, (first, last), told))


async def fix_all(ls: Server, uri: str) -> None:
    """Run every fix in a file and apply those whose verdicts allow it."""
    document = ls.desk.find(uri)
    if document is not None:
        await _try(ls, document, "all fixes", lambda told: Trial.of_file(document.source, _settings(ls, document), told))


def _settings(ls: Server, document: Document) -> Settings:
    return ls.desk.settings_for(document.source.path)


async def _try(ls: Server, document: Document, what: str, trial_of: Callable[[Callable[[], None]], Trial]) -> None:
    source, loop, verdicts = document.source, asyncio.get_running_loop(), [0]
    token = await ls.begin_progress(f"running both versions for {what}")

    def tell() -> None:
        verdicts[0] += 1
        if token is not None:
            ls.work_done_progress.report(token, types.WorkDoneProgressReport(message=f"{counted(verdicts[0], 'verdict')} so far for {what}"))

    def told() -> None:
        loop.call_soon_threadsafe(tell)

    ended = "done"
    try:
        trial = trial_of(told)
        result = await _unless_cancelled(ls, ls.bench, trial, token)
        if document.source is not source:
            ls.say(_CHANGED.format(what), types.MessageType.Warning)
        else:
            await _apply(ls, document, result)
    except (Cancelled, asyncio.CancelledError):
        ended = "cancelled"
        ls.say(f"cancelled; {what} was not applied")
    except UsageError as error:
        ended = "failed"
        ls.say(str(error), types.MessageType.Error)
    finally:
        if token is not None:
            ls.work_done_progress.end(token, types.WorkDoneProgressEnd(message=ended))


async def _unless_cancelled(ls: Server, bench: Bench, trial: Trial, token: str | None) -> FileResult:
    """The outcome of a trial; raises Cancelled once the editor has cancelled the request or its progress."""
    running = asyncio.get_running_loop().run_in_executor(None, bench.run, trial)
    stop = ls.work_done_progress.tokens.get(token) if token is not None else None
    try:
        while not (await asyncio.wait([running], timeout=_WATCH))[0]:
            if stop is not None and stop.cancelled():
                raise Cancelled
        return running.result()
    finally:
        if not running.done():
            running.add_done_callback(lambda future: future.cancelled() or future.exception())  # nobody waits for it any more
            asyncio.get_running_loop().run_in_executor(None, bench.cancel, trial)


async def _apply(ls: Server, document: Document, result: FileResult) -> None:
    """Apply what came of a trial, and say what its verdicts were."""
    refused = [rewrite for rewrite in result.rewrites if not rewrite.allowed]
    if result.text is not None:
        edits = ls.positions(document).edits(line_edits(document.source.text, result.text))
        answer = await ls.workspace_apply_edit_async(types.ApplyWorkspaceEditParams(whole_edit(document, edits), "lintorch"))
        if not answer.applied:
            ls.say(f"the editor did not apply the edit ({answer.failure_reason or 'no reason given'})", types.MessageType.Warning)
            return
    told = [*(_told(rewrite, "applied") for rewrite in result.rewrites if rewrite.allowed), *(_told(rewrite, "not applied") for rewrite in refused)]
    told += result.failures
    kind = types.MessageType.Warning if refused or result.failures else types.MessageType.Info
    ls.say("\n".join(told) or "there is nothing left to fix here", kind)


def _told(rewrite: Rewrite, fate: str) -> str:
    return f"{rewrite.symbol}: {fate}; {'; '.join(verdict_lines(rewrite.verdict))}"
