"""What stands in the place of a call's tokens: values that only data decide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xbatch.base.errors import StepError
from xbatch.registry import Job

__all__ = ["as_text", "value_of"]


def value_of(token: str, job: Job, folder: Path) -> str:
    """Give the text for a token (without its braces).

    Parameters
    ----------
    token : str
        ``scratch``, or ``ROLE:KEY`` for a value in the JSON file that is the input ROLE; dots in KEY go deeper, and a
        number among them is a place in a list.
    job : Job
    folder : Path
        The working folder.

    Raises
    ------
    StepError
        There is no such input, or it does not hold the value.
    """
    if token == "scratch":  # noqa: S105 - no password
        return str(folder)
    role, _, key = token.partition(":")
    path = job.inputs.get(role)
    if path is None:
        raise StepError(f"has no input {role!r}, which a command takes {key} from")
    try:
        value: Any = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StepError(f"cannot be read as JSON: {error}", str(path)) from error
    if isinstance(value, dict) and key in value:
        return as_text(value[key])
    for part in key.split("."):
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise StepError(f"does not hold {key}, which a command takes from it", str(path)) from error
    return as_text(value)


def as_text(value: Any) -> str:
    """Write a value as tools read it: ``yes`` and ``no``, whole numbers without a point, lists with blanks between.

    Raises
    ------
    StepError
        It is null, or an object.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list):
        return " ".join(as_text(one) for one in value)
    raise StepError(f"cannot write {value!r} into a command")
