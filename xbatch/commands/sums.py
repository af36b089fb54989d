"""The folder that addspec works in: short names without folders, which the spectra themselves tell."""

from __future__ import annotations

from collections.abc import Sequence

from xbatch.commands.call import Staged, Work
from xbatch.commands.ftools import addspec, grppha, grppha_commands

__all__ = ["SUM", "sum_work"]

LISTED, SUM = "sum.txt", "sum"


def sum_work(numbers: Sequence[int], background: bool, response: bool) -> Work:
    """Give what is done to add spectra.

    addspec follows the names that a spectrum has in its header, in its own folder, and those of products are all alike:
    each member is copied with other names first.

    Parameters
    ----------
    numbers : sequence of int
        Of the members' roles, ``spectrum/0`` and so on; in a plan all of them, though those without a result are left
        out when it is done.
    background, response : bool
        Whether all members have one.
    """
    staged: dict[str, Staged] = {}
    calls = []
    for number in numbers:
        staged[f"m{number}.pha"] = Staged(f"spectrum/{number}", "copy")
        keys = {"BACKFILE": "none", "RESPFILE": "none", "ANCRFILE": "none"}
        if background:
            keys["BACKFILE"] = f"b{number}.pha"
            staged[keys["BACKFILE"]] = Staged(f"background/{number}", "copy")
        if response:
            keys |= {"RESPFILE": f"r{number}.rmf", "ANCRFILE": f"r{number}.arf"}
            staged[keys["RESPFILE"]] = Staged(f"response/{number}", "rmf")
            staged[keys["ANCRFILE"]] = Staged(f"response/{number}", "arf")
        calls.append(grppha(f"m{number}.pha", f"s{number}.pha", grppha_commands(keys=keys)))
    calls.append(addspec(LISTED, SUM, responses=response, subtract=background))
    return Work(tuple(calls), staged, {LISTED: "".join(f"s{number}.pha\n" for number in numbers)})
