"""Small tasks on files as they stand: ftcopy, fparkey, fkeypar, and those that say which HEASoft this is."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.fakes.core import Run, ToolError
from tests.fakes.headas.fitsbytes import Part, read_parts, write_parts
from tests.fakes.headas.parameters import Parameters

__all__ = ["TOOLS"]


def _version(run: Run, parameters: Parameters) -> None:
    del parameters
    run.say(f"30May2025_V{run.root.parent.name.removeprefix('heasoft-')}")


def _ftcopy(run: Run, parameters: Parameters) -> None:
    parameters.needed("infile", "outfile")
    source, name = Path(parameters["infile"].split("[")[0]), parameters["outfile"]
    target = Path(name.removeprefix("!"))
    if target.exists() and not (name.startswith("!") or parameters.yes("clobber")):
        raise ToolError(f"FITSIO status = 105: couldn't create the named file {target}: it exists", 105)
    read_parts(source)
    shutil.copy(source, run.keep(target))


def _at(name: str) -> tuple[Path, int]:
    """Give the file and the number of the extension that ``file[1]`` or ``file+1`` names."""
    path, _, rest = name.replace("+", "[").rstrip("]").partition("[")
    return Path(path), int(rest or 0)


def _fparkey(run: Run, parameters: Parameters) -> None:
    parameters.needed("fitsfile", "keyword")
    path, number = _at(parameters["fitsfile"])
    parts = read_parts(path)
    keyword, value = parameters["keyword"].upper(), parameters["value"]
    if not parts[number].get(keyword) and not parameters.yes("add"):
        raise ToolError(f"keyword {keyword} not found in {path}, use add=yes")
    if len(value) > 68:
        raise ToolError(f"value of {keyword} is longer than 68 characters")
    try:
        parts[number].put(keyword, float(value) if "." in value else int(value))
    except ValueError:
        parts[number].put(keyword, value)
    write_parts(run.keep(path), parts)


def _fkeypar(run: Run, parameters: Parameters) -> None:
    parameters.needed("fitsfile", "keyword")
    path, number = _at(parameters["fitsfile"])
    part: Part = read_parts(path)[number]
    value = part.get(parameters["keyword"].upper())
    parameters.learn("value", value)
    parameters.learn("exist", "yes" if value else "no")
    del run


TOOLS = {
    "fkeypar": _fkeypar,
    "fparkey": _fparkey,
    "ftcopy": _ftcopy,
    "ftversion": _version,
    "fversion": _version,
}
