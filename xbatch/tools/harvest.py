"""What of a tool's output says that something is wrong.

An exit status proves little: SAS tasks, Perl scripts and some ftools print an error and exit with 0. The lines that
tell errors have a form that each suite keeps to, and are looked for there, not anywhere in the text: tools print
parameters and columns called ``error`` too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from xbatch.commands.call import SAS

__all__ = ["Harvest", "harvest", "last_words"]

_MOST = 50
_COMMON = (
    r"No space left on device|Disk quota exceeded|File too large|File size limit exceeded",
    r"Read-only file system",
    r"Segmentation fault|Bus error|Illegal instruction|core dumped|Abort trap|^Aborted\b|Floating point exception",
    r"Out of memory|Cannot allocate memory|std::bad_alloc|virtual memory exhausted",
    r"error while loading shared libraries|Library not loaded|symbol lookup error",
    r"Can't locate \S+ in @INC|^Traceback \(most recent call last\)|^\w*(Error|Exception): ",
    r": command not found|: not found$",
)
_HEASOFT = (
    r"^Task \S+.* terminating with status -?0*[1-9]",
    r"Unable to redirect prompts",
    # ERROR: text; nupipeline_0.4.9: Error: text; *** ERROR text; Error in task: text
    r"^\W*(?:[\w.+/-]+ ?:\s*)?(?:fatal )?error\s*[:!]",
    r"^\W*ERROR\b(?!\s*=)",
    r"^[\w.+/-]+: *(?:fatal|error) ",
    r"Exit with (?:an )?errors?\b",
    r"^\W*FITSIO (?:Error Status|status)\s*[=:]\s*[1-9]",
    r"^(?:failed|could not|unable|cannot|Couldn't|Can't|Error) (?:to )?(?:find|open|create|read|write|access|load)\b",
    r"PIL(?:ERR| error|_BAD|_NOT)|\bAPE error",
    r"(?i)\bcaldb\b.*\b(?:error|not (?:set|found|defined)|no (?:such|matching|valid))",
    r"(?i)no calibration (?:file|data)s? (?:found|match)",
    r"^invalid parameter|^(?:unknown|ambiguous) parameter|Unknown parameter",
)
_SAS = (
    r"^\*\* ?[\w.+-]+: (?:error|fatal)\b",
    r"^[\w.+-]+:- .*(?:failed|aborted)\s*$",
)
_WARNINGS = {
    SAS: re.compile(r"^\*\* ?[\w.+-]+: warning\b"),
    "": re.compile(r"^\W*(?:[\w.+/-]+ ?:\s*)?warning\s*[:!]", re.IGNORECASE),
}


def _any(*patterns: str, flags: int = 0) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), flags)


_ERRORS = {
    SAS: _any(*_COMMON, *_SAS),
    "": re.compile("|".join((_any(*_COMMON).pattern, _any(*(p.replace("(?i)", "") for p in _HEASOFT)).pattern))),
}
# what reads like an error and is none
_HARMLESS = re.compile(
    r"no errors?\b|\b0 errors?\b|errors? ?[:=] ?(?:0|none|no)\b|error (?:bars?|column)|errors? (?:will|are|is) ",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Harvest:
    """Lines of a tool's output that tell errors and warnings, each once, as they came."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def harvest(suite: str, *texts: str) -> Harvest:
    """Find the lines that tell errors and warnings.

    Parameters
    ----------
    suite : str
    texts : str
        What came out, a stream each.
    """
    errors: dict[str, None] = {}
    warnings: dict[str, None] = {}
    wrong, warns = _ERRORS.get(suite, _ERRORS[""]), _WARNINGS.get(suite, _WARNINGS[""])
    for text in texts:
        for line in _messages(suite, text):
            if warns.search(line):
                if len(warnings) < _MOST:
                    warnings.setdefault(line)
            elif len(errors) < _MOST and wrong.search(line) and not _HARMLESS.search(line):
                errors.setdefault(line)
    return Harvest(tuple(errors), tuple(warnings))


def _messages(suite: str, text: str) -> Iterator[str]:
    """Give the lines without the blanks around them; a message of SAS with the indented lines that belong to it."""
    message = ""
    for raw in text.splitlines():
        if suite == SAS and message.startswith("**") and raw[:1] in " \t" and raw.strip():
            message += " " + raw.strip()
            continue
        if message:
            yield message
        message = raw.strip()
    if message:
        yield message


def last_words(*texts: str, most: int = 3) -> tuple[str, ...]:
    """Give the last lines that hold something: what there is to say where no line tells an error."""
    for text in texts:
        lines = [line.strip() for line in text.splitlines() if re.search(r"\w", line)]
        if lines:
            return tuple(lines[-most:])
    return ()
