"""The parameter files of HEASoft and SAS, and what they find wrong with a call before it runs.

HEASoft keeps a text file for each tool, IRAF-style: ``name,type,mode,default,min,max,prompt``. SAS keeps an XML file of
``PARAM`` elements, of which one may stand in another: it counts when that has a certain value.

The check is needed because the tools do not make it. heasoftpy drops unknown names and values out of range without a
word, and with ``noprompt`` leaves out what is required; a tool that then asks has nobody to answer it.
"""

from __future__ import annotations

import csv
import difflib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

from xbatch.base.errors import FileError
from xbatch.commands.call import HEASOFT, TOKEN, Call

__all__ = ["Parameter", "ParameterFile", "find_parameters", "problems", "read_heasoft", "read_sas"]

_YES_NO = frozenset({"yes", "no", "y", "n", "true", "false", "t", "f"})
_INTEGER = re.compile(r"[+-]?\d+\Z")
_REAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([EeDd][+-]?\d+)?\Z")
_INDEFINITE = frozenset({"INDEF", "INF", "INFINITY", "-INF", "+INF", "NAN"})
_WORDS = {"b": "yes or no", "i": "a whole number", "r": "a number"}
# HEASoft's files do not say which parameters a script asks for only where another has a value: its help pages do.
_SOURCE, _BACKGROUND = frozenset({"srcra", "srcdec"}), frozenset({"bkgra", "bkgdec"})
_BARYCENTRE = frozenset({"orbitfile", "srcra_barycorr", "srcdec_barycorr"})
_SECOND_STAGE = frozenset(
    {
        "inmastaspectfile",
        "fpma_inoptaxisfile",
        "fpmb_inoptaxisfile",
        "fpma_indet1reffile",
        "fpmb_indet1reffile",
        "inpsdfilecor",
    }
)
_ASKED_WHERE: Mapping[str, tuple[tuple[frozenset[str], str, str], ...]] = {
    "nupipeline": (
        (_SOURCE | _BACKGROUND, "exitstage", "3"),
        (_BARYCENTRE, "barycorr", "yes"),
        (_SECOND_STAGE, "entrystage", "2"),
    ),
    "nuproducts": (
        (_SOURCE, "srcregionfile", "DEFAULT"),
        (_BACKGROUND, "bkgregionfile", "DEFAULT"),
        (frozenset({"bkgregionfile"}), "bkgextract", "yes"),
        (_BARYCENTRE, "barycorr", "yes"),
    ),
}
# ... and what they find for themselves where it is not given: in the folder of the lists, or of the observation
_FOUND: Mapping[str, frozenset[str]] = {
    "nupipeline": frozenset({"inobebhkfile"}),
    "nuproducts": frozenset({"inobebhkfile"}),
}
# types of SAS that are checked; all others are text
_SAS_TYPES = {"bool": "b", "boolean": "b", "int": "i", "integer": "i", "real": "r"}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a tool.

    Attributes
    ----------
    name : str
    kind : str
        ``b`` yes or no, ``i`` whole number, ``r`` number, ``s`` text, ``f`` file.
    default : str
    required : bool
        The tool asks for it, or stops, where it is not given: it is required and has no default.
    low, high : float or None
        The range.
    choices : tuple of str
        All values it may have; empty where any will do.
    many : bool
        It holds a list, with blanks between.
    parent : tuple of (str, str) or None
        It counts only where another parameter has a value.
    """

    name: str
    kind: str
    default: str = ""
    required: bool = False
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    many: bool = False
    parent: tuple[str, str] | None = None


@dataclass(frozen=True)
class ParameterFile:
    """The parameters of a tool, by name, in the order of its file."""

    path: Path
    parameters: Mapping[str, Parameter]


def find_parameters(tool: str, suite: str, folders: Sequence[Path]) -> ParameterFile | None:
    """Find and read the parameter file of a tool; None if it has none.

    Parameters
    ----------
    tool : str
    suite : str
        `HEASOFT` or `SAS`.
    folders : sequence of Path
        Where to look, as `xbatch.base.toolset.Suite.parameters` has it.

    Raises
    ------
    FileError
        There is one that cannot be read.
    """
    for folder in folders:
        path = folder / f"{tool}.par"
        if path.is_file():
            return read_heasoft(path) if suite == HEASOFT else read_sas(path)
    return None


def read_heasoft(path: Path) -> ParameterFile:
    """Read a parameter file of HEASoft.

    Raises
    ------
    FileError
        It cannot be read, or declares no parameter.
    """
    try:
        text = path.read_text(encoding="latin-1")
    except OSError as error:
        raise FileError(str(path), f"cannot be read: {error.strerror or error}") from error
    # line by line, so that a quote that is not closed costs no more than its line
    rows = [row for line in _lines(text) for row in csv.reader([line], skipinitialspace=True) if len(row) >= 4]
    overall = next((row[3].strip().lower() for row in rows if row[0].strip() == "mode"), "ql")
    found = {}
    for row in rows:
        parameter = _heasoft_parameter([*(field.strip() for field in row), "", "", ""], overall)
        needed = parameter.required and parameter.name not in _FOUND.get(path.stem, ())
        found[parameter.name] = replace(parameter, required=needed, parent=_parent(path.stem, parameter.name))
    if not found:
        raise FileError(str(path), "declares no parameter", "Install HEASoft anew, or name its own with PFILES unset")
    return ParameterFile(path, found)


def _parent(tool: str, name: str) -> tuple[str, str] | None:
    """Give the parameter of a script, and its value, without which another is not asked for."""
    for names, parent, value in _ASKED_WHERE.get(tool, ()):
        if name in names:
            return parent, value
    return None


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _heasoft_parameter(fields: Sequence[str], overall: str) -> Parameter:
    name, kind, mode, default, low, high = fields[:6]
    mode = overall if mode.lower() in {"a", "auto"} else mode.lower()
    base = kind[:1].lower()  # fr, fw, fe and fn are files that must be readable, writable, there, or not there
    base = "r" if base == "d" else base
    choices = tuple(choice.strip() for choice in low.split("|")) if "|" in low else ()
    ranged = base in {"i", "r"} and not choices
    return Parameter(
        name,
        base,
        default,
        required="q" in mode and not default.strip(),
        low=_limit(low) if ranged else None,
        high=_limit(high) if ranged else None,
        choices=choices,
    )


def _limit(text: str) -> float | None:
    return _value(text) if _REAL.match(text) else None


def _value(text: str) -> float:
    return float(text.upper().replace("D", "E"))


def read_sas(path: Path) -> ParameterFile:
    """Read a parameter file of SAS.

    Raises
    ------
    FileError
        It cannot be read.
    """
    try:
        root = ElementTree.fromstring(path.read_bytes())  # noqa: S314
    except OSError as error:
        raise FileError(str(path), f"cannot be read: {error.strerror or error}") from error
    except ElementTree.ParseError as error:
        raise FileError(str(path), f"is no parameter file of SAS: {error}", "Install SAS anew") from error
    found: dict[str, Parameter] = {}
    _gather(root, None, found)
    return ParameterFile(path, found)


def _gather(element: ElementTree.Element, parent: tuple[str, str] | None, found: dict[str, Parameter]) -> None:
    """Read the parameters below an element; `parent` is the value of another on which they depend."""
    for child in element:
        match child.tag:
            case "PARAM":
                one = _sas_parameter(child, parent)
                found[one.name] = one
                _gather(child, (one.name, ""), found)
            case "ITEM":
                _gather(child, parent and (parent[0], child.get("value", "")), found)
            case _:
                _gather(child, parent, found)


def _sas_parameter(element: ElementTree.Element, parent: tuple[str, str] | None) -> Parameter:
    kind = element.get("type", "string").lower()
    many = element.get("list", "no").lower() == "yes" or kind.startswith("list")
    kind = _SAS_TYPES.get(kind.removeprefix("list"), "s")
    items = [item.get("value", "") for case in element.findall("CASE") for item in case.findall("ITEM")]
    default = element.get("default", "")
    return Parameter(
        element.get("id", ""),
        kind,
        default,
        required=element.get("mandatory", "no").lower() == "yes" and not default.strip(),
        choices=tuple(items) if kind == "s" else (),
        many=many,
        parent=parent,
    )


def problems(call: Call, parameters: ParameterFile) -> list[str]:
    """Say what is wrong with the parameters of a call; nothing if it may run.

    Values that hold a token, which are known only when the step runs, are taken to be right.
    """
    wrong = []
    given: dict[str, str] = {}
    for name, value in call.args:
        parameter = parameters.parameters.get(name)
        if parameter is None:
            wrong.append(_unknown(call.tool, name, parameters))
        elif name in given:
            wrong.append(f"{call.tool} is given {name} twice")
        elif not TOKEN.search(value):
            trouble = _trouble(value, parameter)
            if trouble:
                wrong.append(f"{name}={value} of {call.tool} {trouble}")
        given[name] = value
    return wrong + [
        f"{call.tool} needs {parameter.name}, which is not given"
        for parameter in parameters.parameters.values()
        if parameter.required and parameter.name not in given and _counts(parameter, parameters, given)
    ]


def _unknown(tool: str, name: str, parameters: ParameterFile) -> str:
    names = list(parameters.parameters)
    close = [one for one in names if one.lower() == name.lower() or one.startswith(name)]
    close = close or difflib.get_close_matches(name, names, 1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"{tool} has no parameter {name} in the version installed here ({parameters.path}){hint}"


def _counts(parameter: Parameter, parameters: ParameterFile, given: Mapping[str, str]) -> bool:
    """Tell whether a parameter is looked at, given what others are."""
    if parameter.parent is None:
        return True
    name, value = parameter.parent
    above = parameters.parameters.get(name)
    if above is None or not _counts(above, parameters, given):
        return False
    if name not in given and not above.default:
        return False
    return not value or _same(given.get(name, above.default), value, above.kind)


def _same(one: str, other: str, kind: str) -> bool:
    if kind == "b":
        return one[:1].lower() in {"y", "t"} if other[:1].lower() in {"y", "t"} else one[:1].lower() in {"n", "f"}
    return one == other


def _trouble(value: str, parameter: Parameter) -> str:
    values = re.findall(r"\"[^\"]*\"|\S+", value) if parameter.many else [value]
    return next(filter(None, (_trouble_of_one(one.strip('"').strip(), parameter) for one in values)), "")


def _trouble_of_one(value: str, parameter: Parameter) -> str:
    if parameter.choices:
        allowed = {choice.lower() for choice in parameter.choices}
        return "" if value.lower() in allowed else f"is none of {', '.join(parameter.choices)}"
    match parameter.kind:
        case "b":
            right = value.lower() in _YES_NO
        case "i":
            right = bool(_INTEGER.match(value)) or value.upper() in _INDEFINITE
        case "r":
            right = bool(_REAL.match(value)) or value.upper() in _INDEFINITE
        case _:
            return ""
    if not right:
        return f"is not {_WORDS[parameter.kind]}"
    if parameter.kind == "b" or value.upper() in _INDEFINITE:
        return ""
    low = -math.inf if parameter.low is None else parameter.low
    high = math.inf if parameter.high is None else parameter.high
    if low <= high and not low <= _value(value) <= high:
        return f"is out of range: {_range(parameter)}"
    return ""


def _range(parameter: Parameter) -> str:
    if parameter.high is None:
        return f"at least {parameter.low:g}"
    if parameter.low is None:
        return f"at most {parameter.high:g}"
    return f"{parameter.low:g} to {parameter.high:g}"
