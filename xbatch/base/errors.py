"""The errors a user meets, as data; text is made of them at the very end.

Two kinds exist. A `Problem` has a place in a spec and a stable code; all of them are collected and raised together
as one `SpecError`. A `FileError` or `StepError` is one thing that went wrong with one file or one step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["FileError", "Place", "Problem", "SpecError", "StepError", "UsageError", "XbatchError"]


@dataclass(frozen=True, order=True)
class Place:
    """A position in a text file; line and column count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong with a spec: where, which code, what, and what to do about it.

    Attributes
    ----------
    place : Place
        The key or value at fault.
    code : str
        Stable, ``XB`` and three digits; each has a page in the docs.
    message : str
        What is wrong, without a full stop.
    hint : str
        What to do, or empty.
    path : str
        The dotted path in the spec (``fit.powerlaw.data[0].band``), or empty.
    """

    place: Place
    code: str
    message: str
    hint: str = ""
    path: str = ""

    def __str__(self) -> str:
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.place}: {self.code} {self.message}{hint}"

    def as_dict(self) -> dict[str, Any]:
        """Give the problem as JSON-able data."""
        return {
            "file": self.place.file,
            "line": self.place.line,
            "column": self.place.column,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "path": self.path,
        }


class XbatchError(Exception):
    """Anything a user is told in one paragraph; `exit_status` is what the command ends with."""

    exit_status = 1


class UsageError(XbatchError):
    """The call is wrong (an unknown step, a folder that is no run); exit status 2."""

    exit_status = 2


class SpecError(XbatchError):
    """Everything wrong with a spec, sorted by place; exit status 2."""

    exit_status = 2

    def __init__(self, problems: list[Problem] | tuple[Problem, ...]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(p) for p in self.problems))


class FileError(XbatchError):
    """One file that cannot be used: which, why, and what to try."""

    def __init__(self, file: str, what: str, cure: str = "") -> None:
        self.file = file
        self.what = what
        self.cure = cure
        super().__init__(f"{file}: {what}" + (f". {cure}" if cure else ""))

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.file, self.what, self.cure))


class StepError(XbatchError):
    """A step that cannot give its result: what was tried, on which file, and what to try."""

    def __init__(self, what: str, file: str = "", cure: str = "") -> None:
        self.what = what
        self.file = file
        self.cure = cure
        super().__init__((f"{file}: " if file else "") + what + (f". {cure}" if cure else ""))

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.what, self.file, self.cure))
