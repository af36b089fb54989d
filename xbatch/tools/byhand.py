"""A script that does by hand what a step did, up to the call that failed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from xbatch.commands.call import Call
from xbatch.tools import environment as variables

__all__ = ["script"]

_END = "END_OF_TEXT"


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
    for name, (how, source) in sources.items():
        lines += _staged(name, how, shlex.quote(str(source)))
    for name, text in written.items():
        lines += [*_folder_of(name), f"cat > {shlex.quote(name)} <<'{_END}'", text.rstrip("\n"), _END]
    given = variables.tool_environment({"HEADAS": headas}, folder, extra)
    lines += [variables.by_hand(call, given, folder, extra) for call in calls]
    return "\n".join([*lines, "--- end of the script", ""])


def _staged(name: str, how: str, source: str) -> list[str]:
    target = shlex.quote(name)
    if how.startswith("tree"):
        lines = [*_folder_of(name), f"cp -rsL {source} {target}"]
        return [*lines, f"find -L {target} -name '*.gz' -exec gunzip -f {{}} +"] if how == "tree-unpack" else lines
    match how:
        case "link":
            command = f"ln -s {source} {target}"
        case "unpack":
            command = f"(gzip -dcf {source} || cat {source}) > {target}"
        case _:
            command = f"cp -L {source} {target} && chmod u+w {target}"
    return [*_folder_of(name), command]


def _folder_of(name: str) -> list[str]:
    parent = Path(name).parent
    return [] if parent == Path() else [f"mkdir -p {shlex.quote(str(parent))}"]
