"""File names in a spec."""

from __future__ import annotations

from pathlib import Path

__all__ = ["joined"]


def joined(base: Path, text: str) -> Path:
    """Join a file name to a folder; an absolute one, or one that begins with ``~``, stands alone.

    The home of a user that there is not stays as it is written, and is found missing later.
    """
    path = Path(text)
    try:
        return base / path.expanduser()
    except RuntimeError:
        return base / path
