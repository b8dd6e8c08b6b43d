"""Many files on a Dask cluster: the project travels to the workers, results come back, lost workers' files are worked on by others."""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lintorch.engine.bundle import Bundle, Place
from lintorch.engine.pool import Chunk, Onlooker, chunked, died, tell_verdicts, usable_cores
from lintorch.engine.tool import tool_mark
from lintorch.engine.workshop import Task, Worked, Workshop
from lintorch.garbage import collect_seldom
from lintorch.settings import UsageError

if TYPE_CHECKING:
    from distributed import Client, Future

_REACH_SECONDS = 10
_LOOK_SECONDS = 2.0
_PATIENCE_SECONDS = 60.0  # for a worker to come, or to come back

DIED = "each worker that judged it died"


@dataclass(frozen=True)
class Cluster:
    """Runs tasks through the scheduler at an address, or through a cluster of `jobs` processes (0: one for each core) started for the run."""

    address: str | None = None
    jobs: int = 0

    def run(self, tasks: Sequence[Task], onlooker: Onlooker) -> Iterator[tuple[int, Worked]]:
        """What came of each task with its index, in any order; raises UsageError where the cluster cannot be used."""
        with self._client() as client:
            yield from _Run(client, tasks, onlooker, self.address or "this machine").results()

    @contextlib.contextmanager
    def _client(self) -> Iterator[Client]:
        try:
            from distributed import Client, LocalCluster
        except ImportError:
            raise UsageError("--executor dask needs Dask, which is not installed; install `lintorch[dask]`") from None
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what goes wrong is told by us, in one line
        with contextlib.ExitStack() as stack:
            where: Any = self.address
            if where is None:
                cluster = LocalCluster(n_workers=self.jobs or usable_cores(), threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL)  # type: ignore[no-untyped-call]
                where = stack.enter_context(cluster)
            try:
                client = Client(where, timeout=_REACH_SECONDS)  # type: ignore[no-untyped-call]
            except (OSError, ValueError) as error:
                detail = " ".join(str(error).split()) or type(error).__name__
                raise UsageError(f"there is no Dask scheduler at {self.address} ({detail}); start one with `dask scheduler`") from None
            yield stack.enter_context(client)


class _Run:
    """One run on a cluster."""

    def __init__(self, client: Client, tasks: Sequence[Task], onlooker: Onlooker, where: str) -> None:
        self._client, self._tasks, self._onlooker, self._where = client, tasks, onlooker, where
        self._bundle = Bundle.of(tasks)

    def results(self) -> Iterator[tuple[int, Worked]]:
        """The tasks in chunks, those of a chunk that could not be done singly, those that cannot be done even so told as lost."""
        self._require_same_tool()
        bringing = _bringing(self._bundle)
        self._client.register_plugin(bringing)
        try:
            lost = yield from self._round(chunked(self._tasks))
            for index in [index for chunk in lost for index in chunk]:
                if (yield from self._round([[index]])):
                    yield index, died(self._tasks[index], DIED)
        finally:
            with contextlib.suppress(Exception):  # the scheduler may be gone
                self._client.unregister_worker_plugin(self._bundle.name)  # type: ignore[no-untyped-call]

    def _require_same_tool(self) -> None:
        """Raise UsageError where workers have no lintorch or another one, whose results would not be these."""
        self._await_workers()
        try:
            marks = self._client.run(tool_mark, on_error="return")
        except Exception as error:  # noqa: BLE001 - whatever a foreign cluster may raise is one line to the user
            raise self._unusable(error) from None
        for worker, mark in marks.items():
            if mark != tool_mark():
                have = "no lintorch" if isinstance(mark, ImportError) else "another version of lintorch or of a rule pack"
                raise UsageError(f"the Dask worker at {worker} has {have}; install there what is installed here")

    def _await_workers(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=_PATIENCE_SECONDS)
        except TimeoutError:
            raise UsageError(f"the Dask scheduler at {self._where} has no worker; start some with `dask worker`") from None

    def _round(self, chunks: Sequence[Chunk]) -> Generator[tuple[int, Worked], None, list[Chunk]]:
        """The results of chunks; those that no worker survived are returned."""
        futures = {self._submit(chunk): chunk for chunk in chunks}
        lost: list[Chunk] = []
        for future in self._completed(list(futures)):
            chunk = futures.pop(future)
            done = self._outcome(future)
            if done is None:
                lost.append(chunk)
            for index, worked in zip(chunk, done or (), strict=False):
                yield index, tell_verdicts(worked, self._onlooker)
        return lost

    def _submit(self, chunk: Chunk) -> Future[list[Worked]]:
        name = f"lintorch-{self._bundle.name[:8]}-{chunk[0]}-{len(chunk)}"
        return self._client.submit(work, self._bundle.name, [self._tasks[index] for index in chunk], key=f"{name}-{time.monotonic_ns()}", pure=False)

    def _completed(self, futures: list[Future[list[Worked]]]) -> Iterator[Future[list[Worked]]]:
        """Futures as they are done; raises UsageError once there was no worker for some time."""
        from distributed import wait

        seen = time.monotonic()
        while futures:
            try:
                done = wait(futures, timeout=_LOOK_SECONDS, return_when="FIRST_COMPLETED").done  # type: ignore[no-untyped-call]
            except TimeoutError:
                done = set()
            seen = time.monotonic() if done or self._has_workers() else seen
            if time.monotonic() - seen > _PATIENCE_SECONDS:
                raise UsageError(f"the Dask scheduler at {self._where} has lost all its workers; start some with `dask worker` and run again")
            futures = [future for future in futures if future not in done]
            yield from done

    def _has_workers(self) -> bool:
        try:
            return bool(self._client.nthreads())  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001 - the scheduler may be gone in any way
            raise self._unusable(error) from None

    def _outcome(self, future: Future[list[Worked]]) -> list[Worked] | None:
        """What came of a chunk, None where no worker survived it."""
        from distributed import KilledWorker

        try:
            done: list[Worked] = future.result()
            return done
        except KilledWorker:
            return None
        except UsageError:
            raise
        except BaseException as error:  # futures of a lost scheduler raise CancelledError
            if isinstance(error, KeyboardInterrupt):
                raise
            raise self._unusable(error) from None

    def _unusable(self, error: BaseException) -> UsageError:
        detail = " ".join(f"{type(error).__name__}: {error}".split())
        return UsageError(f"the Dask cluster at {self._where} failed ({detail}); see to it and run again")


@dataclass
class _Unpacked:
    """A bundle where it was unpacked, and the workshop for it."""

    folder: Path
    place: Place
    workshop: Workshop

    def close(self) -> None:
        self.workshop.close()
        shutil.rmtree(self.folder, ignore_errors=True)


_unpacked: dict[str, _Unpacked] = {}
_lock = threading.RLock()  # a worker may have several threads; a workshop serves one


def _bringing(bundle: Bundle) -> Any:
    """What unpacks a bundle on every worker there is and every one that comes, and removes it at the end."""
    from distributed import WorkerPlugin

    class Bringing(WorkerPlugin):
        """Made here, since Dask need not be installed; it is sent by value."""

        name = bundle.name

        def setup(self, worker: Any) -> None:
            unpack(bundle)

        def teardown(self, worker: Any) -> None:
            remove(bundle.name)

    return Bringing()


def unpack(bundle: Bundle) -> None:
    """On a worker: make the files of a run."""
    with _lock:
        if bundle.name not in _unpacked:
            collect_seldom()
            folder = Path(tempfile.mkdtemp(prefix="lintorch-run-"))
            _unpacked[bundle.name] = _Unpacked(folder, bundle.unpack(folder), Workshop())


def remove(name: str) -> None:
    """On a worker: end what a run left."""
    with _lock:
        if name in _unpacked:
            _unpacked.pop(name).close()


def work(name: str, tasks: list[Task]) -> list[Worked]:
    """On a worker: what comes of tasks."""
    with _lock:
        unpacked = _unpacked[name]
        return [unpacked.place.worked(unpacked.workshop.work(unpacked.place.task(task)), task) for task in tasks]
