"""Templates of file names: ``{obsid}/nu{obsid}{module}01_sr.pha``, checked and filled for a subject."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from xbatch.spec.model import Subject
from xbatch.spec.nodes import Scalar, at_character
from xbatch.spec.observations import Pointing, placeholder_used
from xbatch.spec.paths import joined
from xbatch.spec.report import Report, did_you_mean, shown

__all__ = ["FIELDS", "check_template", "filled", "names_any", "template_path"]

FIELDS = ("obsid", "instrument", "module", "spectrum", "mission")
_BRACES = re.compile(r"\{([^{}]*)\}|[{}]")


def filled(text: str, subject: Subject) -> str:
    """Put a subject's values into a template."""
    return _BRACES.sub(lambda found: str(getattr(subject, found[1])) if found[1] in FIELDS else found[0], text)


def template_path(text: str, subject: Subject, base: Path) -> Path:
    """Give the file that a template names for a subject; a relative one lies below `base`."""
    return joined(base, filled(text, subject))


def names_any(text: str, fields: Sequence[str]) -> bool:
    """Say whether a template has one of some fields."""
    return any(found[1] in fields for found in _BRACES.finditer(text))


def check_template(
    value: Scalar, pointings: Sequence[Pointing], report: Report, fields: Sequence[str] = FIELDS
) -> bool:
    """Check the braces and fields of a template; say whether they are sound."""
    before = len(report.problems)
    text = str(value.value)
    if not text.strip():
        report.add(value, "XB208", "a file name is empty", "write 'none' if there is none, or remove the key")
    for found in _BRACES.finditer(text):
        place = at_character(value, found.start())
        word = found[1]
        if word is None:
            message = f"a brace in {shown(text)} has no partner"
            report.add(place, "XB112", message, "a field is written {obsid}", value.path)
        elif word not in fields:
            message = f"no field {{{shown(word)[1:-1]}}} in a file name"
            report.add(place, "XB112", message, did_you_mean(word, fields), value.path)
        elif word in {"instrument", "module"} and any(placeholder_used(one) for one in pointings):
            message = f"{{{word}}} needs the names of the instruments"
            report.add(place, "XB111", message, "add 'instruments: [...]' to the observations", value.path)
    return len(report.problems) == before
