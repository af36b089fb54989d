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
from xbatch.base.scratchplace import MOST, OWN, SCRATCH, is_plain, unusable

__all__ = ["MOST", "SCRATCH", "make_scratch", "remove_scratch"]

_SHORT = ("/tmp", "/var/tmp")  # noqa: S108 - a folder below has a name that nobody can guess, made with mode 700


def make_scratch(out: Path, environ: Mapping[str, str]) -> Path:
    """Make an empty folder with a short path.

    Parameters
    ----------
    out : Path
        The step's own folder, on the store's disk; the working folder lies in it if its name is short and plain, so
        that it goes wherever that goes.
    environ : Mapping
        `SCRATCH` names the folder to take else; ``TMPDIR`` the one that is tried first where that names none.

    Raises
    ------
    StepError
        There is no place to write.
    """
    inside = (out / "w").resolve()
    if len(str(inside)) <= MOST and is_plain(inside):
        inside.mkdir()
        return inside
    fault = unusable(environ)
    if fault is not None:
        raise StepError(f"needs {fault.what}", cure=fault.cure[0].upper() + fault.cure[1:])
    named = [environ[name] for name in (SCRATCH, "TMPDIR") if environ.get(name)]
    tried = []
    for root in (*named, *_SHORT):
        folder = Path(root).resolve() / f"xb-{secrets.token_hex(4)}"
        if len(str(folder)) > MOST or not is_plain(folder):
            continue
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            tried.append(f"{root} ({error.strerror})")
            continue
        return folder
    raise StepError(
        f"found no folder with a short path to work in; tried {', '.join(tried) or ', '.join((*named, *_SHORT))}",
        cure=f"Set {SCRATCH} to a folder of at most {MOST - OWN} plain characters that can be written",
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
