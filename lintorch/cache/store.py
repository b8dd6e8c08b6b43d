"""Entries of bytes under keys below one folder. Runs may share it at any time: an entry is whole or absent, and losing it costs time alone."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lintorch.there import exists, is_file

FOLDER_VARIABLE = "LINTORCH_CACHE_DIR"
BOUND = 512 << 20

_MAGIC = b"lintorch\x01"
_DIGEST = 16
_DAY = 86_400
_STALE_SECONDS = 3600
# What tells our folder from any other that somebody may name, and backups and indexers to leave it alone (bford.info/cachedir).
_TAG = "CACHEDIR.TAG"
_TAG_TEXT = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is lintorch's cache; `lintorch clean` removes it.\n"


class _Entry(NamedTuple):
    used: float
    size: int
    path: str


def cache_folder(given: Path | None = None) -> Path:
    """The folder of the cache: the one given, else that of the environment, else the user's."""
    if given is not None:
        return given
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    from platformdirs import user_cache_path  # late: it costs as much as reading a hundred entries

    return user_cache_path("lintorch", appauthor=False)


class Store:
    """Keeps entries; what cannot be read is absent, what cannot be written is not kept."""

    def __init__(self, folder: Path, bound: int = BOUND) -> None:
        self.folder, self._bound = folder, bound
        self._place = os.path.join(folder, "entries")  # noqa: PTH118 (joined thousands of times)
        self._written = False

    def get(self, key: str) -> bytes | None:
        """The entry of a key, None where there is none that is whole."""
        path = self._path(key)
        try:
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (thousands of entries)
                content = file.read()
                old = time.time() - os.fstat(file.fileno()).st_mtime > _DAY
        except OSError:
            return None
        if old:
            with contextlib.suppress(OSError):
                os.utime(path)  # the last use, for `prune`; once a day is enough
        head = len(_MAGIC) + _DIGEST
        whole = content.startswith(_MAGIC) and content[len(_MAGIC) : head] == _digest(key, content[head:])
        return content[head:] if whole else None

    def put(self, key: str, content: bytes) -> None:
        """Keep an entry: under another name first, so that no reader and no crash ever sees a part of it."""
        path = self._path(key)
        temporary = f"{path}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
        try:
            try:
                self._write(temporary, key, content)
            except FileNotFoundError:
                self._make(os.path.dirname(path))  # noqa: PTH120
                self._write(temporary, key, content)
            os.replace(temporary, path)  # noqa: PTH105
            self._written = True
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108

    def prune(self) -> None:
        """Remove what was not used for longest until three quarters of the bound are left, where it is passed, and what killed writers left."""
        entries = list(self._entries())
        size = sum(entry.size for entry in entries)
        if size <= self._bound:
            return
        for entry in sorted(entries):
            if size <= self._bound * 3 // 4:
                break
            with contextlib.suppress(OSError):
                os.unlink(entry.path)  # noqa: PTH108
            size -= entry.size

    def clean(self) -> int:
        """Remove every entry; the bytes that were freed. A folder that is not a cache of ours is left alone."""
        if not is_file(self.folder / _TAG):
            return 0
        freed = sum(entry.size for entry in self._entries())
        shutil.rmtree(self._place, ignore_errors=True)
        return freed

    def _path(self, key: str) -> str:
        return f"{self._place}/{key[:2]}/{key[2:]}"

    @staticmethod
    def _write(path: str, key: str, content: bytes) -> None:
        with open(path, "xb") as file:  # noqa: PTH123
            file.write(_MAGIC + _digest(key, content) + content)

    def _make(self, folder: str) -> None:
        os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
        tag = self.folder / _TAG
        if not exists(tag):
            tag.write_text(_TAG_TEXT, encoding="ascii")

    def _entries(self) -> Iterator[_Entry]:
        """The whole entries; stale temporaries are removed on the way."""
        for folder in _scanned(self._place):
            for entry in _scanned(folder.path):
                with contextlib.suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    if not entry.name.endswith(".tmp"):
                        yield _Entry(status.st_mtime, status.st_size, entry.path)
                    elif time.time() - status.st_mtime > _STALE_SECONDS:
                        os.unlink(entry.path)  # noqa: PTH108


def _scanned(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _digest(key: str, content: bytes) -> bytes:
    """Of key and content, so that an entry under a wrong name is none."""
    return hashlib.blake2b(content, digest_size=_DIGEST, key=key.encode()[:64]).digest()
