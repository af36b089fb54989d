"""A script that does by hand what a step does, up to the call at which it stands."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xbatch.commands.call import Call
from xbatch.tools import environment as variables
from xbatch.tools.scratch import SCRATCH

__all__ = ["Told", "script", "script_path"]

_END = "END_OF_TEXT"
# each file of a folder linked, with the folders in it; not what SAS would take for its own
_TREE = """\
mkdir -p {target}
(cd {source} && find -L . -type f ! -name ccf.cif ! -name '*SUM.SAS') | while IFS= read -r f; do
  mkdir -p {target}/"$(dirname "$f")" && ln -s {source}/"${{f#./}}" {target}/"${{f#./}}"
done"""
_UNPACK = """-exec sh -c '[ -e "${1%.gz}" ] || gzip -dc "$1" > "${1%.gz}"; rm "$1"' _ {} ';'"""
_RESPONSE = """\
import pathlib, sys
from xbatch.tools.responses import write_response
write_response(sys.argv[1], pathlib.Path(sys.argv[2]), None, pathlib.Path(sys.argv[3]))"""
_HEAD = """\
#!/bin/sh
# What the step {step} does, by hand: in a new folder, which stays and is named at the end.
# The toolset must be set up in the shell that this is started from.
set -e
SCRATCH=$(mktemp -d "${{{scratch}:-/tmp}}/xb-XXXXXX")
cd "$SCRATCH"
trap 'echo "in $SCRATCH"' EXIT
mkdir {own}"""


@dataclass(frozen=True)
class Told:
    """What a script must know of a step.

    Attributes
    ----------
    step : str
        Its name.
    folder : Path
        The working folder that was; the script makes another.
    sources : Mapping
        Name in it to how it came there, and from where.
    written : Mapping
        Name to text.
    calls : sequence of (Call, Mapping)
        Tokens filled, and the variables that the call has beside those that every call gets.
    headas : str
        Where HEASoft is; empty where it is not.
    """

    step: str
    folder: Path
    sources: Mapping[str, tuple[str, Path]] = field(default_factory=dict)
    written: Mapping[str, str] = field(default_factory=dict)
    calls: Sequence[tuple[Call, Mapping[str, str]]] = ()
    headas: str = ""


def script_path(log: Path) -> Path:
    """Give the place of a step's script: beside its log."""
    return log.with_suffix(".sh")


def script(told: Told) -> str:
    """Write the script."""
    own = " ".join((variables.PFILES, variables.TMP, variables.HOME))
    lines = [_HEAD.format(step=told.step, scratch=SCRATCH, own=own)]
    places = [
        *(Path(name).parent for name in (*told.sources, *told.written)),
        *(Path(call.folder) for call, _ in told.calls),
    ]
    folders = {str(place): None for place in places if place != Path()}
    if folders:
        lines.append(f"mkdir -p {' '.join(map(shlex.quote, folders))}")
    for name, (how, source) in told.sources.items():
        lines.append(_staged(name, how, shlex.quote(str(source))))
    for name, text in told.written.items():
        lines += [f"cat > {shlex.quote(name)} <<'{_END}'", text.rstrip("\n"), _END]
    for call, extra in told.calls:
        given = variables.tool_environment({"HEADAS": told.headas}, told.folder, extra)
        lines.append(variables.by_hand(call, given, told.folder, extra))
    return "\n".join([*lines, ""])


def _staged(name: str, how: str, source: str) -> str:
    target = shlex.quote(name)
    how, _, path = how.partition(" ")
    match how:
        case "summary":
            return f'sed "s|^PATH .*|PATH $SCRATCH/{path}/|" {source} > {target}'
        case "tree" | "tree-unpack":
            line = _TREE.format(source=source, target=target)
            return f"{line}\nfind {target} -name '*.gz' {_UNPACK}" if how == "tree-unpack" else line
        case "link":
            return f"ln -s {source} {target}"
        case "rmf" | "arf":
            return f"{shlex.quote(sys.executable)} -c {shlex.quote(_RESPONSE)} {how} {source} {target}"
        case "unpack" | "part":
            file = f"{source}/{shlex.quote(path)}" if how == "part" else source
            line = f"(gzip -dcf {file} || cat {file}) > {target}"
            return f"if [ -e {file} ]; then {line}; else gzip -dc {file}.gz > {target}; fi" if how == "part" else line
        case _:
            return f"cp -L {source} {target} && chmod u+w {target}"
