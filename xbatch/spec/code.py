"""What one code of a problem is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Code"]


@dataclass(frozen=True)
class Code:
    """One code: a title, what it means, and what to do about it."""

    title: str
    meaning: str
    cure: str
