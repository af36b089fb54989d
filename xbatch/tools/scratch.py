"""The folder that a step's tools work in: short, its own, and gone afterwards."""

from __future__ import annotations

import secrets
import shutil
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from xbatch.base.errors import StepError

__all__ = ["MOST", "SCRATCH", "make_scratch", "remove_scratch"]

#: The longest path of a working folder. Some tools cut names off: xselect takes a file's absolute path, which must stay
#: below some 80 to 100 characters, and the names of an observation take 20 to 30 of them.
MOST = 60
#: The variable that names a roomy folder with a short path.
SCRATCH = "XBATCH_SCRATCH"
_SHORT = ("/tmp", "/var/tmp")  # noqa: S108 - a folder below has a name that nobody can guess, made with mode 700


def make_scratch(out: Path, environ: Mapping[str, str]) -> Path:
    """Make an empty folder with a short path.

    Parameters
    ----------
    out : Path
        The step's own folder, on the store's disk; the working folder lies in it if that is short enough, so that it
        goes wherever that goes.
    environ : Mapping
        `SCRATCH` and ``TMPDIR`` name the folders that are tried next.

    Raises
    ------
    StepError
        There is no place to write.
    """
    inside = out / "w"
    if len(str(inside.resolve())) <= MOST:
        inside.mkdir()
        return inside.resolve()
    named = [environ[name] for name in (SCRATCH, "TMPDIR") if environ.get(name)]
    tried = []
    for root in (*named, *_SHORT):
        folder = Path(root).resolve() / f"xb-{secrets.token_hex(4)}"
        if len(str(folder)) > MOST:
            continue
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            tried.append(f"{root} ({error.strerror})")
            continue
        return folder
    raise StepError(
        f"found no folder with a short path to work in; tried {', '.join(tried) or ', '.join((*named, *_SHORT))}",
        cure=f"Set {SCRATCH} to a folder of at most {MOST - 12} characters that can be written",
    )


def remove_scratch(folder: Path) -> None:
    """Remove a folder, also what tools have made read-only in it."""
    shutil.rmtree(folder, onerror=_unlocked)


def _unlocked(remove: Callable[..., Any], path: str, _error: Any) -> None:
    with suppress(OSError):
        for place in (Path(path).parent, Path(path)):
            if not place.is_symlink():
                place.chmod(stat.S_IRWXU)
        remove(path)
