"""Errors of parts of SAS's chains: when there are no others, and what is noted of them."""

from __future__ import annotations

from collections.abc import Sequence

from xbatch.commands.call import SAS
from xbatch.commands.sas import CHAINS
from xbatch.tools.failure import Failure, is_full, quoted
from xbatch.tools.harvest import MOST, Harvest
from xbatch.tools.launch import Ended

__all__ = ["note_of", "only_parts"]


def only_parts(failure: Failure, ended: Ended, found: Harvest) -> bool:
    """Say whether a chain has ended well, and nothing but tasks of SAS in it has told of errors.

    What such a task says of the chain as a whole is among them. A full disk is none of it, whoever says so or not.
    """
    call = failure.call
    chain = call.suite == SAS and call.tool in CHAINS
    return chain and ended.status == 0 and not ended.cause and found.of_tasks and not is_full(failure.folder)


def note_of(tool: str, errors: Sequence[str]) -> str:
    """Say what parts of a chain have told, after which it has gone on."""
    count = f"{'at least ' if len(errors) >= MOST else ''}{len(errors)} line{'s' * (len(errors) > 1)}"
    return f"{tool} went on after errors of its parts ({count}), and may lack a CCD or an exposure: {quoted(errors)}"
