"""Which Python packages are installed, told quickly."""

from __future__ import annotations

import re
import sys
from pathlib import Path

__all__ = ["installed"]


def installed() -> dict[str, str]:
    """Give the version of every distribution that can be imported from, by its name in small letters.

    A distribution's folder bears its name and version (PEP 376, and Python's older egg-info). To read what lies in it,
    as `importlib.metadata` does, would take longer than many a step.
    """
    packages: dict[str, str] = {}
    for folder in sys.path:
        for path in sorted(Path(folder).glob("*-*.*-info")) if folder else ():
            name, version = path.stem.split("-")[:2]
            packages.setdefault(re.sub(r"[-_.]+", "-", name).lower(), version)
    return dict(sorted(packages.items()))
