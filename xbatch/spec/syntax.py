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
_STRANGE_SPACE = re.compile(r"[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]")
_KEY = re.compile(r" *[A-Za-z_][\w.]*:(\s|$)")
_NO_COLON = re.compile(r" *[A-Za-z_][\w.]*(:\S| )[^:\[\]{}]*")
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
    at_end = mark is not None and not "".join(lines[mark.line :])[mark.column :].strip()
    if begun is not None and (at_end or "could not find expected ':'" in str(getattr(error, "problem", ""))):
        mark = begun  # the parser has read on; the fault is where it began
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
    if begun is not None and "flow" in str(getattr(error, "context", "")) and begun.line != number:
        hint = f"{hint}; the bracket was opened at line {begun.line + 1}, and a quote may be open since then"
    return Problem(place, "XB008", f"this is not YAML: {said}", hint)


def _special(lines: list[str], file: str, number: int, column: int) -> Problem | None:
    """Look for text that YAML eats, on the line of the fault and on the one before (the parser reads ahead)."""
    for at in (number, number - 1):
        if at < 0:
            continue
        line = lines[at].split(" #")[0]
        found = _TEMPLATE.search(line)
        if found:
            template = found["text"]
            while template.endswith("}") and template.count("}") > template.count("{"):
                template = template[:-1]  # it closes the map that the template stands in
            message = f"{shown(template)} begins with a brace, which YAML takes for a map"
            return Problem(Place(file, at + 1, found.start() + 1), "XB010", message, f'quote it: "{template}"')
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
    for at in (number, number - 1):
        strange = _STRANGE_SPACE.search(lines[at]) if at >= 0 else None
        if strange is None:
            continue
        message = f"the space U+{ord(strange.group()):04X} is no space to YAML (copied from a web page?)"
        return Problem(Place(file, at + 1, strange.start() + 1), "XB008", message, "type a plain space")
    if number and _KEY.match(lines[number]) and _NO_COLON.fullmatch(lines[number - 1].split(" #")[0]):
        indent = len(lines[number - 1]) - len(lines[number - 1].lstrip())
        if indent == len(lines[number]) - len(lines[number].lstrip()):
            message = f"{shown(lines[number - 1].strip())} has no colon with a space after it"
            return Problem(Place(file, number, indent + 1), "XB008", message, "a line of a map is 'key: value'")
    before = lines[number][: column + 1]
    star = re.search(r"(?:^|[\s,\[{:])(\*[^\s]*)$", before)
    if star:
        whole = re.match(r"\*[^\s:,\]}]*", lines[number][star.start(1) :])
        name = whole.group() if whole else "*"
        message = f"{shown(name)} begins with a star, which YAML takes for an alias"
        return Problem(Place(file, number + 1, star.start(1) + 1), "XB014", message, f'quote it: "{name}"')
    return None
