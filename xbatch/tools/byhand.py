"""A script that does by hand what a step did, up to the call that failed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from xbatch.commands.call import Call
from xbatch.tools import environment as variables

__all__ = ["script"]

_END = "END_OF_TEXT"
_LEFT_OUT = "'(' -name ccf.cif -o -name '*SUM.SAS' ')'"
_UNPACK = """-exec sh -c 'gzip -dc "$1" > "${1%.gz}" && rm "$1"' _ {} ';'"""


def script(
    folder: Path,
    sources: Mapping[str, tuple[str, Path]],
    written: Mapping[str, str],
    calls: Sequence[Call],
    extra: Mapping[str, str],
    headas: str,
) -> str:
    """Write the script, with a line above and below it.

    Parameters
    ----------
    folder : Path
        The working folder that was; the script makes another.
    sources : Mapping
        Name in it to how it came there, and from where.
    written : Mapping
        Name to text.
    calls : sequence of Call
        Tokens filled.
    extra : Mapping
        Variables beside those that every call gets.
    headas : str
        Where HEASoft is; empty where it is not.
    """
    own = " ".join((variables.PFILES, variables.TMP, variables.HOME))
    lines = [
        "",
        "--- by hand: in a shell in which the toolset is initialised",
        f'SCRATCH=$(mktemp -d /tmp/xb-XXXXXX) && cd "$SCRATCH" && mkdir {own}',
    ]
    folders = {str(Path(name).parent): None for name in (*sources, *written) if Path(name).parent != Path()}
    if folders:
        lines.append(f"mkdir -p {' '.join(map(shlex.quote, folders))}")
    for name, (how, source) in sources.items():
        lines.append(_staged(name, how, shlex.quote(str(source))))
    for name, text in written.items():
        lines += [f"cat > {shlex.quote(name)} <<'{_END}'", text.rstrip("\n"), _END]
    given = variables.tool_environment({"HEADAS": headas}, folder, extra)
    lines += [variables.by_hand(call, given, folder, extra) for call in calls]
    return "\n".join([*lines, "--- end of the script", ""])


def _staged(name: str, how: str, source: str) -> str:
    target = shlex.quote(name)
    how, _, path = how.partition(" ")
    match how:
        case "summary":
            return f'sed "s|^PATH .*|PATH $SCRATCH/{path}/|" {source} > {target}'
        case "tree" | "tree-unpack":
            line = f"mkdir -p {target} && cp -rsL {source}/. {target}/ && find {target} {_LEFT_OUT} -exec rm {{}} +"
            return f"{line} && find {target} -name '*.gz' {_UNPACK}" if how == "tree-unpack" else line
        case "link":
            return f"ln -s {source} {target}"
        case "unpack":
            return f"(gzip -dcf {source} || cat {source}) > {target}"
        case _:
            return f"cp -L {source} {target} && chmod u+w {target}"
