"""Commands as published analyses have run them, beside those that are rendered here."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from xbatch.commands.call import Call

__all__ = ["differences"]


def differences(call: Call, published: str, names: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """Give the parameters that differ: what was published, and what is given here; None where it is not given.

    Parameters
    ----------
    call : Call
    published : str
        As it was typed.
    names : Mapping
        Names of files there to names here: they are no difference.
    """
    tool, *words = shlex.split(published)
    assert tool == call.tool
    there = {name: _renamed(value, names) for name, value in (word.split("=", 1) for word in words)}
    here = dict(call.args)
    return {name: (there.get(name), here.get(name)) for name in {**there, **here} if there.get(name) != here.get(name)}


def _renamed(text: str, names: Mapping[str, str]) -> str:
    for old in sorted(names, key=len, reverse=True):
        text = text.replace(old, names[old])
    return text
