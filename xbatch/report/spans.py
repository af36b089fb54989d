"""Lengths of time in words."""

from __future__ import annotations

from datetime import datetime

__all__ = ["clock_text", "left_text", "seconds_between", "span_text"]


def seconds_between(started: str, ended: str) -> float:
    """Give the seconds between two ISO times; 0 where one is missing."""
    if not started or not ended:
        return 0.0
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()


def span_text(seconds: float) -> str:
    """Give a length of time in the unit that suits it: ``0.42 s``, ``42 s``, ``3.5 min``, ``2.1 h``."""
    if seconds < 120:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.1f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def clock_text(seconds: float) -> str:
    """Give a length of time that grows, as a clock shows it: ``0:07``, ``12:34``, ``1:02:03``, ``2d 03:00``."""
    whole = int(seconds)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    if hours >= 24:
        return f"{hours // 24}d {hours % 24:02}:{minute:02}"
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def left_text(seconds: float) -> str:
    """Give an estimate of a length of time, no finer than it deserves: ``about 40 s``, ``about 12 min``."""
    if seconds < 5:
        return "a few seconds"
    if seconds < 55:
        return f"about {5 * round(seconds / 5)} s"
    minutes = seconds / 60
    if minutes < 90:
        return f"about {round(minutes)} min"
    return f"about {minutes / 60:.1f} h" if minutes < 24 * 60 else f"about {minutes / 1440:.1f} days"
