"""The variables that a tool is given: the user's own, less what would reach beyond the step, and the step's folders."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from xbatch.base.toolstate import find_program
from xbatch.commands.call import Call

__all__ = ["HOME", "PFILES", "TMP", "by_hand", "find_executable", "plainly", "tool_environment"]

PFILES, TMP, HOME = "pfiles", "tmp", "home"
# what a tool must not see of its caller: a screen, parameter files and observations of other work, and what pools set
_DROPPED = frozenset(
    {
        "DISPLAY",
        "WAYLAND_DISPLAY",
        "UPARM",
        "SAS_CCF",
        "SAS_ODF",
        "SAS_CCFFILES",
        "SAS_IMAGEVIEWER",
        "SAS_MEMORY_MODEL",
        "PGPLOT_TYPE",
        "PYTHONSAFEPATH",
        "PYTHONHASHSEED",
        "MPLBACKEND",
        "OLDPWD",
    }
)
# what must be said to do the same by hand, beside what the call asks for
_TOLD = ("HEADASNOQUERY", "HEADASPROMPT", "PFILES", "PFCLOBBER", "SAS_RAND_SEED", "LC_ALL")


def tool_environment(base: Mapping[str, str], folder: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """Make the environment of a call.

    Parameters
    ----------
    base : Mapping
        The environment of this process, which is not touched.
    folder : Path
        The working folder.
    extra : Mapping
        What the work and the call ask for; has the last word.

    Notes
    -----
    ``HEADASNOQUERY`` and ``HEADASPROMPT`` keep HEASoft's tools from asking at the terminal, for which they would stop
    with "Unable to redirect prompts". The first list of ``PFILES`` is where a tool writes its parameters, which two
    tools at a time must not share; values that a user's own ``~/pfiles`` holds from other work would become defaults.
    Scripts of NuSTARDAS (nuproducts) take their parameter file from there without the common interface, and copy
    HEASoft's there first only with ``PFCLOBBER=1``, which ``headas-init.sh`` sets and other set-ups may not.
    Without ``SAS_RAND_SEED`` SAS draws other random numbers at each run.
    """
    given = {name: value for name, value in base.items() if name not in _DROPPED}
    scratch = str(folder)
    system = [f"{base['HEADAS']}/syspfiles"] if base.get("HEADAS") else []
    renewed = {"PFCLOBBER": "1"} if system else {}
    return {
        "SAS_RAND_SEED": "1",
        **given,
        "HEADASNOQUERY": "",
        "HEADASPROMPT": "/dev/null",
        "PFILES": ";".join([f"{scratch}/{PFILES}", *system]),
        **renewed,
        "HOME": f"{scratch}/{HOME}",
        "TMPDIR": f"{scratch}/{TMP}",
        "TMP": f"{scratch}/{TMP}",
        "TEMP": f"{scratch}/{TMP}",
        "LC_ALL": "C",
        "TERM": "dumb",
        **extra,
    }


def find_executable(call: Call, environment: Mapping[str, str]) -> str | None:
    """Find a tool's executable: on ``PATH``, or in its suite's own folder; None if it is not there."""
    return find_program(call.tool, call.suite, environment)


def by_hand(call: Call, environment: Mapping[str, str], folder: Path, extra: Mapping[str, str]) -> str:
    """Write a call as one line for a shell whose folder is the working folder, with the variables that matter."""
    told = {name: environment[name] for name in (*_TOLD, *extra) if name in environment}
    words = [f"{name}={_quoted(value, folder)}" for name, value in told.items()]
    command = f"env {' '.join(words)} {plainly(call, folder)}"
    return f"(cd {shlex.quote(call.folder)} && {command})" if call.folder else command


def plainly(call: Call, folder: Path) -> str:
    """Write a call's words alone for a shell, to be read."""
    return " ".join(_quoted(word, folder) for word in call.command)


def _quoted(text: str, folder: Path) -> str:
    """Quote a word for the shell; the working folder becomes the shell's own."""
    if str(folder) not in text:
        return shlex.quote(text)
    escaped = text
    for mark in '\\"$`':
        escaped = escaped.replace(mark, f"\\{mark}")
    return f'"{escaped.replace(str(folder), "$SCRATCH")}"'
