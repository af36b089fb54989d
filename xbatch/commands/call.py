"""A tool call as data: task, parameters, expected products, environment; and the folder that calls work in.

A step of an external engine carries its calls in its parameters (`Work.params`), so that they are known before anything
runs, are part of the step's key, and can be shown as a script. Every name in them is relative to a working folder that
the step has for itself: paths stay short, and no command depends on where the user's files lie.

Text may hold tokens in braces, which are filled when the step runs:

- ``{scratch}``: the working folder's absolute path, for variables of the environment that must be absolute;
- ``{ROLE:KEY}``: a value of a JSON file that another step has made (the input `ROLE`); dots in `KEY` go deeper. This is
  how a command gets what only data decide: a region in the pixels of a list, a radius found by a loop.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

__all__ = ["HEASOFT", "SAS", "TOKEN", "Call", "Staged", "Work", "filled", "tokens"]

HEASOFT, SAS = "heasoft", "sas"
TOKEN = re.compile(r"\{(scratch|[a-z][\w/-]*:[\w.@-]+)\}")
_EMPTY: Mapping[str, Any] = MappingProxyType({})
_OF_PLACES = frozenset({"tree", "tree-unpack", "part"})


@dataclass(frozen=True)
class Call:
    """One command of a tool.

    Attributes
    ----------
    suite : str
        `HEASOFT` or `SAS`.
    tool : str
        The executable's name, which is also that of its parameter file.
    args : tuple of (str, str)
        Parameters in the order they are given, as ``name=value``; values are text as the tool reads it.
    expects : tuple of str
        Patterns (`fnmatch`) of files that must be in the working folder when the tool has ended, each with at least one
        match that opens; its exit status alone proves nothing.
    environment : Mapping
        Variables for this call alone, beside those that every call gets.
    folder : str
        Where it runs, relative to the working folder.
    flags : tuple of str
        Words before the parameters, such as ``-V 5``.
    part_errors : bool
        Whether errors of the parts of a chain are noted, where the chain itself ends well with all its products.
    """

    suite: str
    tool: str
    args: tuple[tuple[str, str], ...]
    expects: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    folder: str = ""
    flags: tuple[str, ...] = ()
    part_errors: bool = False

    @property
    def command(self) -> tuple[str, ...]:
        """The command's words: the tool, its flags, ``name=value`` for each parameter."""
        return (self.tool, *self.flags, *(f"{name}={value}" for name, value in self.args))

    def params(self) -> dict[str, Any]:
        """Give the call as JSON-able data."""
        data: dict[str, Any] = {"suite": self.suite, "tool": self.tool, "args": [list(pair) for pair in self.args]}
        if self.expects:
            data["expects"] = list(self.expects)
        if self.environment:
            data["environment"] = dict(self.environment)
        if self.folder:
            data["folder"] = self.folder
        if self.flags:
            data["flags"] = list(self.flags)
        if self.part_errors:
            data["part_errors"] = "note"
        return data

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Call:
        """Read what `params` gave."""
        return cls(
            suite=data["suite"],
            tool=data["tool"],
            args=tuple((str(name), str(value)) for name, value in data["args"]),
            expects=tuple(data.get("expects", ())),
            environment=dict(data.get("environment", {})),
            folder=data.get("folder", ""),
            flags=tuple(data.get("flags", ())),
            part_errors=data.get("part_errors") == "note",
        )


@dataclass(frozen=True)
class Staged:
    """How an input comes into the working folder.

    Attributes
    ----------
    role : str
        The step's input; for a ``tree`` or a ``part``, the step's place (a folder of the user's).
    how : str
        ``link``: read only. ``copy``: the tool writes into it. ``unpack``: a copy, unpacked where it is ``.gz``.
        ``tree``: each file of the folder linked, with the folders in it. ``tree-unpack``: the same, and packed files
        unpacked. ``part``: one file of such a folder, `path` below it, unpacked if it is ``path.gz`` there. ``rmf``,
        ``arf``: a ``response.npz`` as the file that tools read, with the instrument of the input that has ``spectrum``
        in its role for ``response``. ``summary``: a SAS summary file (``*SUM.SAS``), whose line ``PATH`` is set to the
        folder `path`.
    path : str
        Of a ``summary``: the folder of the ODF, relative to the working folder. Of a ``part``: which file.
    optional : bool
        An input that did not come is left out.
    """

    role: str
    how: str = "link"
    path: str = ""
    optional: bool = False

    @property
    def of_place(self) -> bool:
        """Whether `role` is a place of the step, and not an input."""
        return self.how in _OF_PLACES

    def params(self) -> dict[str, Any]:
        """Give it as JSON-able data."""
        data: dict[str, Any] = {"role": self.role, "how": self.how}
        if self.path:
            data["path"] = self.path
        if self.optional:
            data["optional"] = True
        return data


@dataclass(frozen=True)
class Work:
    """What a step does with external tools.

    Attributes
    ----------
    calls : tuple of Call
        In order; the first that fails ends the step.
    staged : Mapping of str to Staged
        Name in the working folder (with folders, by ``/``) to what stands there before the first call.
    written : Mapping of str to str
        Name in the working folder to the text of a small file (a region, a list of files).
    kept : Mapping of str to str
        Each declared output of the step (without ``?``) to the pattern of its file in the working folder. One file must
        match; for an output that may be absent, at most one.
    environment : Mapping
        Variables for all calls.
    """

    calls: tuple[Call, ...]
    staged: Mapping[str, Staged] = field(default_factory=lambda: _EMPTY)
    written: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    kept: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    environment: Mapping[str, str] = field(default_factory=lambda: _EMPTY)

    def params(self) -> dict[str, Any]:
        """Give the work as JSON-able data: what stands as ``work`` in a step's parameters."""
        return {
            "calls": [call.params() for call in self.calls],
            "staged": {name: staged.params() for name, staged in self.staged.items()},
            "written": dict(self.written),
            "kept": dict(self.kept),
            "environment": dict(self.environment),
        }

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Work:
        """Read what `params` gave."""
        return cls(
            calls=tuple(Call.of(call) for call in data["calls"]),
            staged={
                name: Staged(one["role"], one["how"], one.get("path", ""), one.get("optional", False))
                for name, one in data["staged"].items()
            },
            written=dict(data["written"]),
            kept=dict(data["kept"]),
            environment=dict(data["environment"]),
        )


def tokens(text: str) -> Iterator[str]:
    """Give the tokens of a text, without their braces."""
    return (found.group(1) for found in TOKEN.finditer(text))


def filled(text: str, value: Callable[[str], str]) -> str:
    """Put values in the place of a text's tokens; `value` is asked for each."""
    return TOKEN.sub(lambda found: value(found.group(1)), text)
