"""Files in a store of files (`storage.recordings`, `storage.attachments`: a directory or an fsspec address): whole, or not there at all."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import IO, Any

import fsspec


class Unkept(Exception):
    """The file could not be kept: the disk is full, or its store is away. Nothing of it is left."""


def write(store: str, path: str, content: bytes) -> None:
    """Written aside and moved, so that a half-written file never has the name. Raises Unkept."""
    try:
        fs, whole = _place(store, path)
        fs.makedirs(whole.rpartition("/")[0], exist_ok=True)
    except Exception as error:
        raise Unkept(type(error).__name__) from error
    try:
        with fs.open(f"{whole}.part", "wb") as file:
            file.write(content)
        fs.mv(f"{whole}.part", whole)
    except Exception as error:
        remove(store, f"{path}.part")
        raise Unkept(type(error).__name__) from error


def remove(store: str, path: str) -> None:
    """Gone, if it was there; never raises."""
    with contextlib.suppress(Exception):
        fs, whole = _place(store, path)
        fs.rm_file(whole)


def read(store: str, path: str) -> IO[bytes]:
    """Raises FileNotFoundError."""
    fs, whole = _place(store, path)
    opened: IO[bytes] = fs.open(whole, "rb")
    return opened


def _place(store: str, path: str) -> tuple[Any, str]:
    fs, base = fsspec.core.url_to_fs(store)
    return fs, f"{base}/{path}"


def directory(store: str) -> Path | None:
    """Where `store` is on this machine; None when it is elsewhere."""
    fs, base = fsspec.core.url_to_fs(store)
    return Path(base) if "file" in (fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,)) else None


def free_bytes(path: Path) -> int:
    """Room on the disk that `path` is, or will be, on."""
    there = path.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    return shutil.disk_usage(there).free
