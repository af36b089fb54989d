"""The files of a run's folder that people open: links to what the store keeps, under names that never change.

`steps.json` remembers, for each step, the key of its last success and the files that were placed for it, so that files
that no step makes any more can be taken away, and nothing else ever is.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from xbatch.base.errors import FileError
from xbatch.base.files import canonical_json, write_atomically
from xbatch.run.links import link_or_copy
from xbatch.run.store import LOG

__all__ = ["Placed", "Products", "log_path", "product_path"]

_NAME = "steps.json"
_MAX_NAME = 200
_PAUSES_S = (0.01, 0.1, 0.5, None)


def product_path(run_dir: Path, product: str) -> Path:
    """Give the folder of a step's products.

    Raises
    ------
    ValueError
        The name leads out of the run's folder.
    """
    return run_dir / _product_name(product)


def _product_name(product: str) -> str:
    if not product or product.startswith("/") or ".." in product.split("/"):
        raise ValueError(f"{product!r} is no folder for products")
    return f"products/{product}"


def log_path(run_dir: Path, step: str) -> Path:
    """Give the log file of a step, each its own: the name with ``/`` as ``+`` and the first ``:`` as ``.``."""
    return Path(f"{run_dir}/logs/{_log_name(step)}")


@lru_cache(maxsize=1024)  # asked for again when the step has ended
def _log_name(step: str) -> str:
    task, _, subject = step.partition(":")
    parts = [quote(part, safe="@=,") for part in subject.split("/")]
    name = f"{quote(task, safe='')}.{'+'.join(parts)}"
    if len(name) > _MAX_NAME:
        import hashlib

        name = f"{name[:_MAX_NAME]}~{hashlib.sha256(step.encode()).hexdigest()[:12]}"
    return f"{name}.log"


@dataclass
class Placed:
    """What stands in a run's folder for a step: its key and its files by path in the folder, each with its mark."""

    key: str
    files: dict[str, list[int]] = field(default_factory=dict)


class Products:
    """The products of one run's folder.

    Parameters
    ----------
    run_dir : Path
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._root = str(run_dir)
        self._steps = _read(run_dir / _NAME)
        self._changed = False

    def last_key(self, step: str) -> str | None:
        """Give the key of a step's last success in this folder."""
        placed = self._steps.get(step)
        return placed.key if placed else None

    def place(self, step: str, product: str, entry: Path, record: Mapping[str, Any], fresh: bool = False) -> None:
        """Put a step's outputs and its log where people find them.

        What was put there before for the same key is left alone, unless the entry is `fresh` (just made) or someone
        has changed it.

        Raises
        ------
        FileError
            The folder cannot be written.
        """
        # Paths are text here: a run of thousands of steps is at its slowest in this place.
        wanted = {f"logs/{_log_name(step)}": LOG}
        if product:
            folder = _product_name(product)
            wanted |= {f"{folder}/{name}": name for name in record["outputs"]}
        before = self._steps.get(step, Placed(""))
        now = Placed(record["key"])
        for name, output in wanted.items():
            target = f"{self._root}/{name}"
            mark = before.files.get(name) if before.key == now.key and not fresh else None
            if mark is None or _mark(target) != mark:
                self._put(f"{entry}/{output}", target)
                mark = _mark(target)
            now.files[name] = mark or []
        self._take_away(before, keep=now.files)
        if now != before:
            self._steps[step] = now
            self._changed = True

    def withdraw(self, step: str) -> None:
        """Take away the files of a step that has failed, so that no old result stands among new ones.

        Its key is kept, to say later what has changed since, and so is a log written meanwhile.
        """
        placed = self._steps.get(step)
        if placed is not None and placed.files:
            self._take_away(placed, keep=())
            placed.files.clear()
            self._changed = True

    def forget_others(self, steps: Collection[str]) -> None:
        """Take away what was placed for steps that are not in the plan any more."""
        for step in sorted(self._steps.keys() - set(steps)):
            self._take_away(self._steps.pop(step), keep=())
            self._changed = True

    def save(self) -> None:
        """Write `steps.json` if anything has changed.

        Raises
        ------
        FileError
            It cannot be written.
        """
        if not self._changed:
            return
        path = self._run_dir / _NAME
        steps = {step: {"key": placed.key, "files": placed.files} for step, placed in sorted(self._steps.items())}
        try:
            write_atomically(path, canonical_json({"steps": steps}))  # a tenth of the time of a pretty one
        except OSError as error:
            raise _unwritable(path, error) from error
        self._changed = False

    def _put(self, source: str, target: str) -> None:
        """Make a file stand under another name; what stood there gives way in one rename."""
        try:
            if _linked(source, target):
                return
        except OSError:  # perhaps there can be no links here
            pass
        part = self._run_dir / f".{os.urandom(8).hex()}.part"  # where the next run finds it, should this one be killed
        for pause in _PAUSES_S:
            try:
                _put_anyway(Path(source), Path(target), part)
            except OSError as error:
                # another run may just have taken the entry away, to put its own in that place
                if pause is None or not isinstance(error, FileNotFoundError):
                    raise _unwritable(Path(target), error) from error
                time.sleep(pause)
            else:
                return

    def _take_away(self, placed: Placed, keep: Collection[str]) -> None:
        """Remove files that are as they were placed, and folders that are empty then."""
        for name, mark in placed.files.items():
            if name in keep or _mark(f"{self._root}/{name}") != mark:
                continue
            path = self._run_dir / name
            with suppress(OSError):
                path.unlink()
                for folder in path.relative_to(self._run_dir).parents[:-2]:
                    (self._run_dir / folder).rmdir()


def _read(path: Path) -> dict[str, Placed]:
    """Read `steps.json`; a missing or damaged one costs reasons, not results."""
    try:
        steps = json.loads(path.read_bytes())["steps"]
        return {name: Placed(step["key"], dict(step["files"])) for name, step in steps.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _mark(path: str) -> list[int] | None:
    """Give size, time of change and inode of a file; None if it is not there."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns, status.st_ino]


def _linked(source: str, target: str) -> bool:
    """Try the quick way: a link where nothing stands yet, or where it stands already."""
    try:
        os.link(source, target)
    except FileExistsError:
        return os.path.samefile(source, target)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.link(source, target)
    return True


def _put_anyway(source: Path, target: Path, part: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and target.samefile(source):
        return
    try:
        link_or_copy(source, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> FileError:
    cure = "What is finished is kept; make room, or name another folder with --out, and run again"
    return FileError(str(path), f"cannot be written: {error.strerror or error}", cure)
