"""Options about what steps may take and how long: ``--timeout``, ``--tries``, ``--cores``, ``--memory``, ``--limit``.

Each takes ``PATTERN=VALUE``, where the pattern is one of steps' names. They change no result.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from xbatch.base.errors import UsageError

if TYPE_CHECKING:
    from xbatch.run.limits import Wishes

__all__ = ["limit_options", "wishes_from"]

_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d|)")
_SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([MGT])i?B?", re.IGNORECASE)
_MEGABYTES = {"M": 1, "G": 1024, "T": 1024**2}

F = TypeVar("F", bound=Callable[..., object])
T = TypeVar("T")


def limit_options(function: F) -> F:
    """Add the options to a verb, which makes something of them by `wishes_from`."""
    options = (
        ("--timeout", "[STEP=]TIME", "Stop a step that takes longer: 90s, 10m, 2h, none. e.g. 'fit:*=10m'"),
        ("--tries", "[STEP=]N", "Start a step so often when it is killed or too late  [default: 2 when killed]."),
        ("--cores", "STEP=N", "Count such a step as N of the --jobs."),
        ("--memory", "[STEP=]SIZE", "Memory for all that runs at once (8GB), or what such a step takes ('fit:*=2GB')."),
        ("--limit", "NAME=N", "Run at most N such steps ('fit:*=2'), or N of a tool, at the same time."),
    )
    for name, form, text in reversed(options):
        function = click.option(name, multiple=True, metavar=form, help=text)(function)
    return function


def wishes_from(
    timeout: tuple[str, ...],
    tries: tuple[str, ...],
    cores: tuple[str, ...],
    memory: tuple[str, ...],
    limit: tuple[str, ...],
) -> Wishes:
    """Read the options' values.

    Raises
    ------
    UsageError
        One of them is not of its form.
    """
    from xbatch.run.limits import Wishes

    sizes = [_pair("--memory", text, _size, "*") for text in memory]
    room = [size for (_, size), text in zip(sizes, memory, strict=True) if "=" not in text]
    return Wishes(
        timeout=tuple(_pair("--timeout", text, _seconds, "*") for text in timeout),
        tries=tuple(_pair("--tries", text, _count, "*") for text in tries),
        cores=tuple(_pair("--cores", text, _count) for text in cores),
        memory_mb=tuple(pair for pair, text in zip(sizes, memory, strict=True) if "=" in text),
        limits=tuple(_pair("--limit", text, _count) for text in limit),
        room_mb=room[-1] if room else None,
    )


def _pair(option: str, text: str, read: Callable[[str], T], pattern: str = "") -> tuple[str, T]:
    """Split ``PATTERN=VALUE``; the pattern may have ``=`` in it, and may be left out where there is one to be taken."""
    name, _, value = text.rpartition("=")
    if not (name or pattern):
        raise UsageError(f"{option} {text!r} names no step; write it like {option} 'fit:*=2'")
    try:
        return name or pattern, read(value.strip())
    except ValueError as error:
        raise UsageError(f"{option} {text!r}: {error}") from None


def _seconds(text: str) -> float | None:
    if text == "none":
        return None
    found = _TIME.fullmatch(text)
    if found is None or not float(found[1]):
        raise ValueError(f"{text!r} is no time; write 90s, 10m, 2h or none")
    return float(found[1]) * _SECONDS[found[2]]


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text)
    if found is None or not float(found[1]):
        raise ValueError(f"{text!r} is no size; write 500MB or 8GB")
    return max(1, round(float(found[1]) * _MEGABYTES[found[2].upper()]))


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ValueError(f"{text!r} is no number from 1 on")
    return int(text)
