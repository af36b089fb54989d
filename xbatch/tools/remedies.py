"""What to do about what tools say."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["DISK_FULL", "remedy"]

DISK_FULL = "the disk is full"
_TABLE = (
    (
        r"No space left|Disk quota|write error|FITSIO status = 10[56]\b.*(?:space|quota)|the disk is full",
        "Make room on the disk, or name a roomy folder by XBATCH_SCRATCH (where tools work) or --store (where results "
        "go); then run again",
    ),
    (
        r"File too large|File size limit exceeded",
        "The limit of the size of files is too low (ulimit -f): raise it and run again",
    ),
    (
        r"took longer than",
        "Look in the log whether it waits for something; a long observation may need more time",
    ),
    (
        r"prints? without end|Unable to redirect prompts|prompt",
        "It asks for a parameter that was not given, and there is nobody to answer: a defect of xbatch, or a tool of "
        "another version; its parameters are in its .par file",
    ),
    (
        r"(?i)\bcaldb\b|calibration (?:file|data)|quzcif",
        "Set up CALDB: install NuSTAR's part of it, export CALDB and source $CALDB/software/tools/caldbinit.sh; "
        "xbatch doctor shows what is found",
    ),
    (
        r"(?i)SAS_CCFPATH|no (?:such )?ccf|CCF constituent|noAvailableCcf|CalIndexError",
        "The calibration files of XMM-Newton are missing or old: mirror them into the folder that SAS_CCFPATH names",
    ),
    (
        r"(?i)ccf\.cif|SAS_CCF\b|CifNotFound|NoCifFound|calindex",
        "The calibration index is missing: the step cifbuild of the observation makes it; run it again with --force",
    ),
    (
        r"(?i)SAS_ODF|SUM\.SAS|summary file",
        "The summary of the ODF is missing or stale: the step odfingest makes it; run it again with --force",
    ),
    (
        r"HEADAS(?: \S+)* (?:not|undefined|must be)|refdata|LHEA_DATA|headas-init",
        "HEASoft is not initialised: source $HEADAS/headas-init.sh before the run",
    ),
    (
        r"error while loading shared libraries|Library not loaded|symbol lookup|Can't locate .* in @INC|"
        r"not installed here",
        "The toolset is not initialised, or was built for another system: source $HEADAS/headas-init.sh (then SAS's "
        "setsas.sh) in the shell before the run, and see whether the tool starts there",
    ),
    (
        r"(?i)unknown parameter|invalid parameter|undefined parameter|UnknownParam|has no parameter",
        "The installed version of the tool does not have this parameter: xbatch doctor shows the versions",
    ),
    (
        r"\bPIL|parameter file|\bAPE\b",
        "A parameter file of the installation is damaged or of another version: compare $HEADAS/syspfiles with a fresh "
        "one, and unset PFILES before sourcing headas-init.sh",
    ),
    (
        r"(?i)out of memory|cannot allocate|bad_alloc|SIGKILL",
        "Run fewer steps at once (--jobs, or --memory), or on a machine with more memory",
    ),
    (
        r"Segmentation fault|SIGSEGV|SIGBUS|SIGABRT|core dumped|Bus error|Abort",
        "The tool crashed. Try it by hand; if it crashes there too, a newer version of the toolset may cure it",
    ),
    (r"Read-only file system|Permission denied", "Make the folder writable, and run again"),
)
_REMEDIES = tuple((re.compile(pattern), text) for pattern, text in _TABLE)


def remedy(said: Iterable[str]) -> str:
    """Give what to do about what was said, the most telling first; empty where nothing is known."""
    lines = tuple(said)
    for pattern, text in _REMEDIES:
        if any(pattern.search(line) for line in lines):
            return text
    return ""
