"""The release of SAS, as its files and tools write it.

Up to 21 a release has the name of its build before its number (``xmmsas_20230412_1735-21.0.0``), from 22 on the commit
and the day behind it (``22.0.0-9173c7d25-20250127``, ``xmmsas_22.1.0-a8f2c2afa-20250304``).
"""

from __future__ import annotations

import re

__all__ = ["NEWEST", "number_of", "printed_number", "release_of"]

NEWEST = (22, 1)
"""The newest release that calls are written for; one that is not known is taken for it."""

#: A number stands at the beginning, or behind a sign that parts words; three numbers are surer than two.
_THREE, _TWO = (re.compile(rf"(?:^|[-_\s\[(:=])v?({pattern})(?![\d.])") for pattern in (r"\d+\.\d+\.\d+", r"\d+\.\d+"))
#: ``SAS release: ...`` and ``SAS AKA: ...``, and what stands in brackets behind the name of a task.
_PRINTED = re.compile(r"(?:release|AKA)\s*:\s*(.+)|\[([^]\s]+)\]")


def number_of(text: str) -> str:
    """Give the number of a release (``21.0.0``) by its name or its folder's; empty where there is none in it."""
    found = _THREE.search(text.strip()) or _TWO.search(text.strip())
    return found[1] if found else ""


def printed_number(text: str) -> str:
    """Give the number of the release that `sasversion` has printed; empty where it says none."""
    told = (found[1] or found[2] for found in _PRINTED.finditer(text))
    return next((number for one in told if (number := number_of(one))), "")


def release_of(version: str) -> tuple[int, int]:
    """Give the first two numbers of a version, for comparisons; those of the newest where it has none."""
    number = number_of(version)
    if not number:
        return NEWEST
    first, second = number.split(".")[:2]
    return int(first), int(second)
