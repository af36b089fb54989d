"""The page of what agrees with what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from agreement import extractor, grouping, published, responses, values
from agreement.check import Check, Data, Family

__all__ = ["all_checks", "page"]

_HEAD = """\
# Agreement with other programs

Written by `make agreement DATA=FOLDER`, which runs this program's own code on reference cases and compares what comes
out with what the missions' tools make of the same input. Nothing here is copied from the tools' output.

"""


def all_checks(root: Path, work: Path) -> list[Check]:
    """Compare every case there is.

    Parameters
    ----------
    root : Path
        The folder that holds ``data`` and ``reference``.
    work : Path
        A folder to work in.
    """
    data = Data(root, work)
    parts = (values, extractor, grouping, responses, published)
    return [check for part in parts for check in part.checks(data)]


def page(checks: Sequence[Check]) -> str:
    """Write the page."""
    families = list(dict.fromkeys(check.family for check in checks))
    agreed = sum(check.agrees for check in checks)
    lines = [
        f"{agreed} of {len(checks)} comparisons agree.",
        "",
        "| what | with | compared | through | tolerance | cases | agree |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [_row(family, [check for check in checks if check.family == family]) for family in families]
    lines += [*_differences(checks), *_quirks(checks)]
    return _HEAD + "\n".join(lines) + "\n"


def _row(family: Family, checks: Sequence[Check]) -> str:
    cells = (
        family.name,
        family.peer,
        family.compared,
        family.through,
        family.tolerance,
        str(len(checks)),
        str(sum(check.agrees for check in checks)),
    )
    return f"| {' | '.join(cells)} |"


def _differences(checks: Iterable[Check]) -> list[str]:
    wrong = [check for check in checks if not check.agrees]
    if not wrong:
        return []
    return ["", "## What differs", ""] + [f"- {one.family.name}, {one.case}: {one.difference}" for one in wrong]


def _quirks(checks: Iterable[Check]) -> list[str]:
    said: dict[tuple[str, str], list[str]] = {}
    for check in checks:
        if check.quirk:
            said.setdefault((check.family.name, check.quirk), []).append(check.case)
    lines = [
        "",
        "## What is not copied",
        "",
        "In these cases the comparison allows for something that a tool does and this program does not.",
        "",
        "| what | cases | why |",
        "| --- | --- | --- |",
    ]
    for (name, quirk), cases in said.items():
        shown = ", ".join(cases) if len(cases) <= 4 else f"{len(cases)} cases"
        lines.append(f"| {name} | {shown} | {quirk} |")
    return lines
