"""The release of HEASoft, for what its tools do otherwise from one to the next."""

from __future__ import annotations

import re

__all__ = ["NEWEST", "release_of"]

NEWEST = (6, 36)
"""The newest release whose notes were read; one that is not known is taken for it."""


def release_of(version: str) -> tuple[int, int]:
    """Give the first two numbers of a version (``6.35.1``), for comparisons; those of the newest where it has none."""
    found = re.search(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else NEWEST
