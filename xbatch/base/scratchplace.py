"""Where the missions' tools work: what the folder's name must be like, and what is wrong with one that is named."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from xbatch.base.toolstate import Fault

__all__ = ["MOST", "OWN", "SCRATCH", "is_plain", "named_fault", "unusable"]

#: The longest path of a working folder. Some tools cut names off: xselect takes a file's absolute path, which must stay
#: below some 80 to 100 characters, and the names of an observation take 20 to 30 of them.
MOST = 60
#: What the name of a step's own folder adds to its parent's.
OWN = len("/xb-00000000")
#: The variable that names a roomy folder with a short path.
SCRATCH = "XBATCH_SCRATCH"
_PLAIN = re.compile(r"[\w/.+@~%=-]+", re.ASCII)


def is_plain(path: str | Path) -> bool:
    """Say whether a path has none of what tools take for the end of a name: blanks, signs, letters with accents."""
    return bool(_PLAIN.fullmatch(str(path)))


def named_fault(environ: Mapping[str, str]) -> Fault | None:
    """Say what is wrong with the name of the folder that `SCRATCH` gives, without a look at it; None if nothing is.

    The folder itself may be on other machines than this one.
    """
    named = environ.get(SCRATCH, "")
    if not named:
        return None
    if len(named) + OWN > MOST:
        what = f"has {len(named)} characters, and tools cut long names off"
    elif not is_plain(named):
        what = "has a blank or another character in it that tools do not bear"
    else:
        return None
    return _fault(named, what)


def unusable(environ: Mapping[str, str]) -> Fault | None:
    """Say why the folder that `SCRATCH` names cannot be worked in; None if it can, or none is named."""
    named = environ.get(SCRATCH, "")
    fault = named_fault(environ)
    if fault is not None or not named:
        return fault
    folder = Path(named)
    if not folder.is_dir():
        return _fault(named, "is no folder" if folder.exists() else "does not exist")
    if not os.access(folder, os.W_OK | os.X_OK):
        return _fault(named, "cannot be written")
    real = folder.resolve()
    if len(str(real)) + OWN > MOST or not is_plain(real):
        return _fault(named, f"is {real}, whose name is too long or has a blank or the like in it")
    return None


def _fault(named: str, what: str) -> Fault:
    cure = f"set {SCRATCH} to a roomy folder that can be written, of at most {MOST - OWN} plain characters, or unset it"
    return Fault(f"a folder for tools to work in: {SCRATCH}={named} {what}", cure)
