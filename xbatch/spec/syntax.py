"""What a YAML parser could not read, in words that say what to do.

The commonest faults of a spec are texts that YAML takes for something else: a template that begins with a brace, a
unit after a list, a glob that begins with a star. Each is found by the look of the line.
"""

from __future__ import annotations

import re

import yaml

from xbatch.base.errors import Place, Problem
from xbatch.spec.report import shown

__all__ = ["syntax_problem"]

_TEMPLATE = re.compile(r"(?<![\"'\w}/])(?P<text>\{ *[A-Za-z_]+ *\}[^\s,\]}#:'\"][^\s,\]#'\"]*)")
_LIST_WITH_UNIT = re.compile(r"(?P<list>\[[^\[\]]*\])[ \t]*(?P<unit>[^\s,\]}#:'\"][^\s,\]}#]*)")
_HINTS = (
    ("mapping values are not allowed", "a value that holds ': ' must be quoted; else check the indentation"),
    ("could not find expected ':'", "a line of a map is 'key: value'; check the indentation, and close every quote"),
    ("did not find expected key", "check the indentation, and that a text with special signs is quoted"),
    ("expected <block end>", "check the indentation, and that a text with special signs is quoted"),
    ("found unexpected end of stream", "close the quote"),
    ("did not find expected ',' or", "close the bracket, or put a comma between the members"),
    ("expected ',' or", "close the bracket, or put a comma between the members"),
    ("did not find expected node content", "close the bracket, or write the value"),
    ("expected the node content", "close the bracket, or write the value"),
    ("escape", r"in double quotes a \ begins an escape; use single quotes"),
    ("cannot start any token", "a text that begins with this sign must be quoted"),
)


def syntax_problem(text: str, file: str, error: yaml.YAMLError) -> Problem:
    """Word what a YAML parser found.

    Parameters
    ----------
    text : str
        The whole text.
    file : str
        Its name.
    error : YAMLError

    Returns
    -------
    Problem
        With the cure where the fault is one of those that specs have.
    """
    lines = text.splitlines() or [""]
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    begun = getattr(error, "context_mark", None)
    if mark is not None and begun is not None and not "".join(lines[mark.line :])[mark.column :].strip():
        mark = begun
    number = min(mark.line, len(lines) - 1) if mark is not None else 0
    column = min(mark.column, len(lines[number])) if mark is not None else 0
    line = lines[number]
    said = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error).splitlines()[0]
    special = _special(lines, file, number, column)
    if special is not None:
        return special
    place = Place(file, number + 1, column + 1)
    if "\t" in line[: column + 1] and not line[: column + 1].strip():
        return Problem(place, "XB009", "a tab in the indentation", "YAML is indented with spaces only")
    if line[column : column + 1] == "\t":
        return Problem(place, "XB009", "a tab where YAML wants spaces", "replace it with spaces")
    hint = next((hint for start, hint in _HINTS if start in said), "check the indentation, colons and quotes here")
    return Problem(place, "XB008", f"this is not YAML: {said}", hint)


def _special(lines: list[str], file: str, number: int, column: int) -> Problem | None:
    """Look for text that YAML eats, on the line of the fault and on the one before (the parser reads ahead)."""
    for at in (number, number - 1):
        if at < 0:
            continue
        line = lines[at].split(" #")[0]
        found = _TEMPLATE.search(line)
        if found:
            message = f"{shown(found['text'])} begins with a brace, which YAML takes for a map"
            return Problem(Place(file, at + 1, found.start() + 1), "XB010", message, f'quote it: "{found["text"]}"')
        found = _LIST_WITH_UNIT.search(line)
        if found:
            inside = " ".join(re.split(r"[\s,]+", found["list"][1:-1].strip()))
            message = f"text after a list: {shown(found.group())}"
            return Problem(
                Place(file, at + 1, found.start() + 1),
                "XB011",
                message,
                f"write it without brackets: {inside} {found['unit']}",
            )
    before = lines[number][: column + 1]
    star = re.search(r"(?:^|[\s,\[{:])(\*[^\s]*)$", before)
    if star:
        whole = re.match(r"\*[^\s:,\]}]*", lines[number][star.start(1) :])
        name = whole.group() if whole else "*"
        message = f"{shown(name)} begins with a star, which YAML takes for an alias"
        return Problem(Place(file, number + 1, star.start(1) + 1), "XB014", message, f'quote it: "{name}"')
    return None
