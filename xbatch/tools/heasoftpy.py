"""HEASoft's own Python interface, where it is installed."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence

from xbatch.commands.call import Call
from xbatch.tools import hsp

__all__ = ["through_heasoftpy"]


def through_heasoftpy(call: Call, path: Sequence[str]) -> list[str] | None:
    """Give the command that makes a call through heasoftpy; None where that is not installed, or cannot say it.

    Parameters
    ----------
    call : Call
        Its parameters have been checked: heasoftpy drops unknown names and values out of range without a word.
    path : sequence of str
        Where Python finds packages.
    """
    # it has no words but parameters, and gives an empty one to the tool as "$( )"
    if call.flags or any(not value.strip() for _, value in call.args) or importlib.util.find_spec("heasoftpy") is None:
        return None
    order = {"path": list(path), "task": call.tool, "params": dict(call.args)}
    return [sys.executable, "-S", hsp.__file__, json.dumps(order)]
