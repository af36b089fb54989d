"""What of a tool's output says that something is wrong.

An exit status proves little: SAS tasks, Perl scripts and some ftools print an error and exit with 0. The lines that
tell errors have a form that each suite keeps to, and are looked for there, not anywhere in the text: tools print
parameters and columns called ``error`` too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from xbatch.commands.call import HEASOFT, SAS

__all__ = ["MOST", "Harvest", "harvest", "last_words"]

MOST = 50
"""Lines of each kind that are kept."""
# what no task of SAS may have met, whatever goes on after it
_GRAVE = (
    r"No space left on device|Disk quota exceeded|File too large|File size limit exceeded",
    r"Read-only file system",
    r"Segmentation fault|Bus error|Illegal instruction|core dumped|Abort trap|^Aborted\b|Floating point exception",
    r"Out of memory|Cannot allocate memory|std::bad_alloc|virtual memory exhausted",
    r"error while loading shared libraries|Library not loaded|symbol lookup error",
    r"Can't locate \S+ in @INC|^Traceback \(most recent call last\)|^\w*(Error|Exception): ",
)
_COMMON = (*_GRAVE, r": command not found|: not found$")
# what decides that a call has failed, whatever its exit status
_HEASOFT = (
    r"^Task \S+.* terminating with status -?0*[1-9]",
    r"Unable to redirect prompts",
    # ERROR: text; nupipeline_0.4.9: Error: text; *** ERROR text; Error in task: text
    r"^\W*(?:[\w.+/-]+ ?:\s*)?(?:fatal )?error\s*[:!]",
    r"^\W*ERROR\b\s*(?:$|[!*-]|(?:in|while|from|opening|reading|writing|creating|running)\b)",
    r"^[\w.+/-]+: *(?:fatal|error) ",
    # ** DO_ADDSPEC 1.2.1 ERROR: text; so do grppha, mathpha and what else is written in Fortran
    r"^\*\* ?\w+ +\d[\d.]* +error\b",
    r"Exit with (?:an )?errors?\b",
    r"^\W*FITSIO (?:Error Status|status)\s*[=:]\s*[1-9]",
    r"^(?:invalid|unknown|ambiguous) parameter\b",
)
# a task that another has called is told with it: ** backscale::arfgen: warning (...)
_SAS_TASK = r"[\w.+-]+(?:::[\w.+-]+)*"
_SAS = (rf"^\*\* ?{_SAS_TASK}: (?:error|fatal)\b",)
# what tells why, where a call has failed; by itself it may be about something that the tool does without
_TELLING = re.compile(
    r"^(?:failed|could not|couldn't|unable|cannot|can't|error) (?:to )?(?:find|open|create|read|write|access|load)\b"
    r"|\bPIL\w*|\bAPE\b|\bcaldb\b|calibration (?:file|data)|SAS_CCF|SAS_ODF|ccf\.cif|HEADAS|no such file|not found"
    r"|\bfail(?:ed|ure)\b|\babort",
    re.IGNORECASE,
)
_WARNINGS = {
    SAS: re.compile(rf"^\*\* ?{_SAS_TASK}: warning\b"),
    HEASOFT: re.compile(r"^\W*(?:[\w.+/-]+ ?:\s*)?warning\s*[:!]|^\*\* ?\w+ +\d[\d.]* +warning\b", re.IGNORECASE),
}


# SAS says of each task when it began, with all its parameters, and when it ended
_ROUTINE = re.compile(rf"^{_SAS_TASK}:- (?:Executing \(routine\)|.*\b(?:started|ended): )")
_HARMLESS = re.compile(
    r"\bno errors?\b|(?<![.\d])0 errors?\b|errors? ?[:=] ?(?:0|none|no)\s*$|error (?:bars?|columns?)\b", re.IGNORECASE
)


def _any(*patterns: str) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


_ERRORS = {
    SAS: re.compile(_any(*_COMMON, *_SAS)),
    HEASOFT: re.compile(f"{_any(*_COMMON)}|(?i:{_any(*_HEASOFT)})"),
}
_OF_TASK = re.compile(rf"^\*\* ?{_SAS_TASK}: error\b(?!.*(?:{_any(*_GRAVE)}))")


@dataclass(frozen=True)
class Harvest:
    """Lines of a tool's output, each once, as they came.

    Attributes
    ----------
    errors : tuple of str
        Each says that the call has failed.
    warnings : tuple of str
    telling : tuple of str
        What else may say why, where it has failed.
    of_tasks : bool
        Whether there are errors, and each is a line by which a task of SAS tells that it has failed: none is a crash,
        a full disk or the like, nor anything that another program says.
    """

    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    telling: tuple[str, ...] = ()
    of_tasks: bool = False


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
    telling: dict[str, None] = {}
    of_tasks = suite == SAS
    for text in texts:
        for line in _messages(suite, text):
            if _ROUTINE.search(line):
                continue
            if _WARNINGS[suite].search(line):
                kept = warnings
            elif _ERRORS[suite].search(line) and not _HARMLESS.search(line):
                kept = errors
                of_tasks = of_tasks and _OF_TASK.search(line) is not None
            elif _TELLING.search(line):
                kept = telling
            else:
                continue
            if len(kept) < MOST:
                kept.setdefault(line)
    return Harvest(tuple(errors), tuple(warnings), tuple(telling), of_tasks and bool(errors))


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
        lines = [line.strip() for line in text.splitlines() if re.search(r"\w", line) and not _ROUTINE.search(line)]
        if lines:
            return tuple(lines[-most:])
    return ()
