"""The files that tasks need where they are not: packed with their places, unpacked below a folder; results are told of the places they came from."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lintorch.engine.result import FileResult, fingerprinted
from lintorch.engine.workshop import Task, Worked
from lintorch.project.consulted import Seen, digest
from lintorch.settings import Settings, UsageError
from lintorch.source.root import find_root

# What checks and runs of a project's code read: its code, and texts that packages read when they are imported or that show how they are called.
_TAKEN = (".py", ".pyi", ".ipynb", ".toml", ".cfg", ".json", ".yaml", ".yml", ".txt", ".md", ".rst")
_SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__"})
_LARGEST = 1 << 20  # of files that are no code
_MOST = 2 << 30


@dataclass(frozen=True)
class Bundle:
    """Files below `base`, packed; `name` tells it from any other."""

    base: str
    packed: bytes
    name: str

    @classmethod
    def of(cls, tasks: Sequence[Task]) -> Bundle:
        """The files of the projects that the tasks are part of; raises UsageError where that is too much to be sent."""
        paths = [_absolute(task.path) for task in tasks]
        roots = {str(find_root(Path(folder))) for folder in {os.path.dirname(path) for path in paths}}  # noqa: PTH120
        settings = {_absolute(task.settings.root) for task in tasks}
        base = os.path.commonpath([*roots, *settings])
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            _pack(archive, base, roots, paths)
        packed = buffer.getvalue()
        return cls(base, packed, digest(base.encode(errors="surrogatepass") + packed))

    def unpack(self, folder: Path) -> Place:
        """Put the files below a folder, under the name of their own: a project may be named by its folder."""
        place = folder / (Path(self.base).name or "files")
        with zipfile.ZipFile(io.BytesIO(self.packed)) as archive:
            archive.extractall(place)
        return Place(self.base, str(place))


@dataclass(frozen=True)
class Place:
    """Where the files of `base` are for now."""

    base: str
    here: str

    def task(self, task: Task) -> Task:
        """The task as it is here."""
        return replace(task, path=Path(self._moved(_absolute(task.path))), settings=self.settings(task.settings))

    def settings(self, settings: Settings) -> Settings:
        """The settings, whose patterns are relative to a folder, as they are here."""
        return replace(settings, root=Path(self._moved(_absolute(settings.root))))

    def worked(self, worked: Worked, task: Task) -> Worked:
        """What came of a task here, told of the file that it came from."""
        kept = worked.kept and self._told(worked.kept, task)
        return Worked(self._told(worked.result, task), kept, frozenset(map(self._seen, worked.seen)))

    def _moved(self, path: str) -> str:
        return os.path.join(self.here, os.path.relpath(path, self.base)) if _is_below(path, self.base) else path  # noqa: PTH118

    def _seen(self, seen: Seen) -> Seen:
        if not _is_below(seen.what, self.here):
            return seen
        return seen._replace(what=os.path.normpath(os.path.join(self.base, os.path.relpath(seen.what, self.here))))  # noqa: PTH118

    def _told(self, result: FileResult, task: Task) -> FileResult:
        path, here = str(task.path), self._moved(_absolute(task.path))
        return replace(
            result,
            path=path,
            diagnostics=fingerprinted(replace(one, path=path) for one in result.diagnostics),
            withdrawn=tuple(replace(one, path=path) for one in result.withdrawn),
            rewrites=tuple(replace(one, path=path) for one in result.rewrites),
            failures=tuple(line.replace(here, path) for line in result.failures),
            original=result.original and replace(result.original, path=task.path),
        )


def _pack(archive: zipfile.ZipFile, base: str, roots: Iterable[str], paths: Iterable[str]) -> None:
    seen: set[str] = set()
    for path in (*paths, *(path for root in roots for path in _files(root))):
        if path not in seen and os.path.isfile(path):  # noqa: PTH113
            seen.add(path)
            archive.write(path, os.path.relpath(path, base))
            if archive.fp is not None and archive.fp.tell() > _MOST:
                raise UsageError(f"the project at {base} is too large to be sent to a cluster; give a smaller part of it")
    for root in roots:
        # A folder that marks its project by what is not sent, such as .git, is still one.
        if not any(_is_mark(path, root) for path in seen):
            archive.writestr(os.path.relpath(os.path.join(root, "setup.cfg"), base), "")  # noqa: PTH118


def _is_mark(path: str, root: str) -> bool:
    return os.path.dirname(path) == root and os.path.basename(path) in ("pyproject.toml", "setup.py", "setup.cfg")  # noqa: PTH119, PTH120


def _files(root: str) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _SKIPPED and not _is_environment(folder, name)]
        for name in files:
            path = os.path.join(folder, name)  # noqa: PTH118
            if name.endswith(_TAKEN) and os.path.isfile(path) and (name.endswith(_TAKEN[:2]) or os.path.getsize(path) <= _LARGEST):  # noqa: PTH113, PTH202
                yield path


def _is_environment(folder: str, name: str) -> bool:
    return os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))  # noqa: PTH110, PTH118


def _absolute(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100 (links stay: modules are named by where they are imported from)


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
