"""Parameter files of the fake SAS: written from `facts.txt`, and read when a task starts.

They are XML, as the real ones: ``FILE > CONFIG > PARAM`` with the attributes id, type, default, mandatory and list. The
values that a choice may have are the ITEMs of its CASE; the parameters that belong to a value stand inside its ITEM.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from tests.fakes.core import ToolError
from xbatch.base.sasrelease import release_of

__all__ = ["Parameter", "SasError", "Values", "read_arguments", "read_parameters", "tasks", "write_parameters"]

_FACTS = Path(__file__).with_name("facts.txt")
_TRUE = {"yes", "y", "true", "t", "1"}
_FALSE = {"no", "n", "false", "f", "0"}
_DATE = re.compile(r"now|\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?)?")


class SasError(ToolError):
    """An error with its code; status 0 is that of chains that do not pass on how their parts ended."""

    def __init__(self, code: str, text: str, status: int = 1) -> None:
        super().__init__(f"({code}), {text}", status)


@dataclass
class Parameter:
    """A parameter of a task; `parent` and `value` are of the parameter it belongs to."""

    name: str
    kind: str
    default: str
    mandatory: bool = False
    several: bool = False
    choices: tuple[str, ...] = ()
    parent: str = ""
    value: str = ""


@dataclass
class Values:
    """What the parameters of a call are."""

    texts: dict[str, str]
    given: set[str] = field(default_factory=set)

    def text(self, name: str) -> str:
        return self.texts[name]

    def path(self, name: str) -> Path:
        return Path(self.texts[name].partition(":")[0])

    def on(self, name: str) -> bool:
        return self.texts[name].lower() in _TRUE

    def real(self, name: str) -> float:
        return float(self.texts[name])

    def integer(self, name: str) -> int:
        return int(float(self.texts[name]))

    def items(self, name: str) -> list[str]:
        """Give the items of a list: apart by blanks, each maybe in double quotes."""
        return shlex.split(self.texts[name].replace("'", '"'))


def tasks(release: str) -> dict[str, tuple[str, list[Parameter]]]:
    """Read the facts: each task of a release with its version and its parameters."""
    found: dict[str, tuple[str, list[Parameter]]] = {}
    number = release_of(release)
    name, there = "", True
    for line in _FACTS.read_text().splitlines():
        if line.startswith("["):
            name, version, *since = line.strip("[]").split()
            there = _holds(since, number)
            if there:
                found[name] = (version, [])
        elif there and line and not line.startswith("#"):
            fact, at, since_when = line.partition(" @ ")
            if _holds(since_when.split(), number):
                found[name][1].append(_fact(fact if at else line))
    return found


def _holds(ends: Sequence[str], release: tuple[int, int]) -> bool:
    """Say whether a release lies within ``>=18`` and ``<20``."""
    for end in ends:
        first, _, second = end.lstrip("<>=").partition(".")
        limit = int(first), int(second or 0)
        if not (release < limit if end.startswith("<") else release >= limit):
            return False
    return True


def _fact(line: str) -> Parameter:
    name, kind, default, *more = shlex.split(line)
    parameter = Parameter(name.rstrip("!"), kind.removesuffix("[]"), default, name.endswith("!"), kind.endswith("[]"))
    if more and more[0].startswith("{"):
        parameter.choices = tuple(more.pop(0).strip("{}").split("|"))
    if more:
        parameter.parent, _, value = more[1].partition("=")
        parameter.value = value or "yes"
    return parameter


def write_parameters(folder: Path, release: str) -> list[str]:
    """Write the parameter file of each task of a release, and give their names."""
    folder.mkdir(parents=True, exist_ok=True)
    known = tasks(release)
    for task, (_, parameters) in known.items():
        body = "".join(_xml(one, parameters, 1) for one in parameters if not one.parent)
        text = f'<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<FILE>\n<CONFIG>\n{body}</CONFIG>\n</FILE>\n'
        (folder / f"{task}.par").write_text(text)
    return list(known)


def _xml(one: Parameter, parameters: Sequence[Parameter], depth: int) -> str:
    pad = " " * depth
    attributes = {"id": one.name, "type": one.kind, "default": one.default}
    if one.mandatory:
        attributes["mandatory"] = "yes"
    if one.several:
        attributes["list"] = "yes"
    head = " ".join(f"{key}={quoteattr(value)}" for key, value in attributes.items())
    inner = f"{pad} <DESCRIPTION>{one.name}</DESCRIPTION>\n"
    children = [other for other in parameters if other.parent == one.name]
    values = list(one.choices) + [other.value for other in children if other.value not in one.choices]
    if values:
        inner += f"{pad} <CASE>\n"
        for value in dict.fromkeys(values):
            mine = "".join(_xml(other, parameters, depth + 3) for other in children if other.value == value)
            inner += f"{pad}  <ITEM value={quoteattr(value)}>\n{mine}{pad}  </ITEM>\n"
        inner += f"{pad} </CASE>\n"
    return f"{pad}<PARAM {head}>\n{inner}{pad}</PARAM>\n"


def read_parameters(folders: Sequence[Path], task: str) -> dict[str, Parameter]:
    """Read a task's parameter file, from the first folder of SAS_PATH that has it."""
    for folder in folders:
        path = folder / "config" / f"{task}.par"
        if path.is_file():
            config = ElementTree.parse(path).getroot().find("CONFIG")
            assert config is not None
            return {one.name: one for one in _read(config, "", "")}
    raise SasError("ParamFileNotFound", f"parameter file {task}.par not found in SAS_PATH")


def _read(element: ElementTree.Element, parent: str, value: str) -> Iterator[Parameter]:
    for child in element.findall("PARAM"):
        name, kind = child.attrib["id"], child.attrib["type"]
        items = child.findall("CASE/ITEM")
        choices = tuple(item.attrib["value"] for item in items) if kind == "choice" else ()
        yes, several = (child.attrib.get(key) == "yes" for key in ("mandatory", "list"))
        yield Parameter(name, kind, child.attrib.get("default", ""), yes, several, choices, parent, value)
        for item in items:
            yield from _read(item, name, item.attrib["value"])


def read_arguments(parameters: Mapping[str, Parameter], words: Sequence[str]) -> Values:
    """Read ``name=value`` words, check them, and set the parents of what was given."""
    given: dict[str, str] = {}
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        if not equals:
            raise SasError("BadSyntax", f"argument `{word}' is not of the form parameter=value")
        if name not in parameters:
            raise SasError("UnknownParameter", f"parameter `{name}' is not known to this task")
        if name in given:
            raise SasError("DuplicateParameter", f"parameter `{name}' is given more than once")
        _check(parameters[name], value)
        given[name] = value
    for one in parameters.values():
        if one.mandatory and not given.get(one.name):
            raise SasError("MissingParameter", f"mandatory parameter `{one.name}' has no value")
    texts = {name: one.default for name, one in parameters.items()} | given
    for name in given:
        one = parameters[name]
        while one.parent and one.parent not in given:
            texts[one.parent] = one.value
            one = parameters[one.parent]
    return Values(texts, set(given))


def _check(one: Parameter, value: str) -> None:
    items = shlex.split(value.replace("'", '"')) if one.several else [value]
    if not one.several and " " in value.strip() and one.kind in ("integer", "real", "boolean", "dataset", "file"):
        raise SasError("BadParameterValue", f"value `{value}' of parameter `{one.name}' is a list")
    for item in items:
        low = item.lower()
        good = {
            "boolean": low in _TRUE | _FALSE,
            "integer": re.fullmatch(r"[+-]?\d+", item) is not None,
            "real": _is_real(item),
            "angle": _is_real(item) or ":" in item,
            "date": _DATE.fullmatch(item) is not None,
            "choice": low in {choice.lower() for choice in one.choices},
        }.get(one.kind, True)
        if not good:
            wanted = f" (one of {', '.join(one.choices)})" if one.choices else f" (a {one.kind})"
            raise SasError("BadParameterValue", f"value `{item}' of parameter `{one.name}' is not valid{wanted}")


def _is_real(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
