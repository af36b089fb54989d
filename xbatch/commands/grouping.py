"""Which of HEASoft's tools groups a spectrum by which type of binning, and the calls for it.

grppha does what it has commands for: a minimum of counts, written-out groups, bad channels, systematic errors.
ftgrouppha does the rest, after grppha has flagged the bad channels.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from xbatch.commands.call import Call, Staged
from xbatch.commands.ftools import (
    MOST_COMMANDS,
    MOST_GROUP_LINES,
    MOST_LETTERS,
    ftgrouppha,
    grppha,
    grppha_commands,
)

__all__ = ["GROUPED", "group_files", "grouping_calls", "grouping_staged"]

#: Names in the working folder: those that BACKFILE and RESPFILE of a spectrum have.
SPECTRUM, BACKGROUND, RESPONSE, TEMPLATE, GROUPED = (
    "spectrum.pha",
    "background.pha",
    "response.rmf",
    "template.pha",
    "grouped.pha",
)

_FLAGGED = "flagged.pha"
_NEEDS_RESPONSE = {"opt", "optmin", "optsnmin"}


def group_files(lines: Sequence[str]) -> dict[str, str]:
    """Share lines of groups out to files that grppha can hold: name to text."""
    parts = [lines[start : start + MOST_GROUP_LINES] for start in range(0, len(lines), MOST_GROUP_LINES)]
    return {f"groups{number or ''}.txt": "\n".join(part) + "\n" for number, part in enumerate(parts)}


def grouping_staged(roles: Collection[str]) -> dict[str, Staged]:
    """Say how the inputs of a grouping, of some roles, come into the working folder."""
    files = {"spectrum": SPECTRUM, "background": BACKGROUND, "template": TEMPLATE, "response": RESPONSE}
    return {
        name: Staged(role, "rmf" if role == "response" else "copy") for role, name in files.items() if role in roles
    }


def grouping_calls(
    binning: Mapping[str, Any],
    *,
    background: bool = False,
    channels: tuple[int, int] | tuple[str, str] | None = None,
    files: Sequence[str] = (),
    leftover: Sequence[Sequence[int]] = (),
) -> tuple[Call, ...]:
    """Give the calls that group `SPECTRUM` to `GROUPED`.

    Parameters
    ----------
    binning : Mapping
        The keys of the spec.
    background : bool
        Whether `BACKGROUND` counts.
    channels : tuple of int or str, optional
        The first and last channel that are grouped, or tokens for them; those of the binning's range in channels unless
        given.
    files : sequence of str
        Files with the groups of type nutools.
    leftover : sequence of (int, int)
        Channels that reach no minimum, of type nutools: they are flagged.

    Raises
    ------
    ValueError
        No tool of HEASoft groups so.
    """
    kind = str(binning["type"])
    ranged = binning.get("range")
    if channels is None and ranged is not None and ranged["unit"] == "channel":
        channels = (int(ranged["lo"]), int(ranged["hi"]))
    flags: dict[str, Any] = {"bad": binning.get("bad", ()), "systematic": binning.get("systematic", ())}
    if kind in {"min", "none"} and channels is None and ranged is None:
        commands = grppha_commands(counts=binning.get("counts"), **flags)
        return _flagged(GROUPED, commands)
    if kind == "nutools" or "ranges" in binning:
        bad = [*flags["bad"], *leftover]
        commands = grppha_commands(
            files=files, ranges=binning.get("ranges", ()), bad=bad, systematic=flags["systematic"]
        )
        return _flagged(GROUPED, commands)
    if kind == "opt" and ranged is not None:
        raise ValueError("ftgrouppha does not heed a range for type opt: leave it out, or group natively")
    # a background that is there and not meant must not be found by the spectrum's own card
    keys = {"BACKFILE": "none"} if binning.get("background") is False and kind != "bmin" else {}
    commands = grppha_commands(**flags, keys=keys)
    first = _flagged(_FLAGGED, commands) if commands else ()
    return (
        *first,
        ftgrouppha(
            _FLAGGED if first else SPECTRUM,
            GROUPED,
            binning,
            background=BACKGROUND if background else "",
            response=RESPONSE if kind in _NEEDS_RESPONSE else "",
            template=TEMPLATE if kind == "file" else "",
            channels=channels,
        ),
    )


def _flagged(outfile: str, commands: Sequence[str]) -> tuple[Call, ...]:
    """Do grppha's commands to `SPECTRUM`, by several calls one after the other where it has no room for all of them."""
    parts: list[list[str]] = [[]]
    for command in commands:
        # what stands in a call: the commands, & after each, and exit
        letters = sum(len(one) + 1 for one in (*parts[-1], command)) + len("exit")
        if parts[-1] and (len(parts[-1]) + 2 > MOST_COMMANDS or letters > MOST_LETTERS):
            parts.append([])
        parts[-1].append(command)
    names = [SPECTRUM, *(f"part{number}.pha" for number in range(1, len(parts))), outfile]
    return tuple(grppha(before, after, part) for before, after, part in zip(names, names[1:], parts, strict=False))
