"""What to do about what tools say."""

from __future__ import annotations

import re
from collections.abc import Iterable

from xbatch.commands.call import HEASOFT, SAS

__all__ = ["DISK_FULL", "PART_FAILED", "remedy"]

DISK_FULL = "the disk is full"
PART_FAILED = (
    "A part of the chain failed, and what it has made may lack a CCD or an exposure: look at the log. If it is good "
    "nevertheless, write data.pipeline.part_errors: note"
)
"""What to do where a chain has gone on after an error, to its end."""
_ROOM = (
    "Make room on the disk, or name a roomy folder by XBATCH_SCRATCH (where tools work) or --store (where results go); "
    "then run again"
)
_SIZE = "The limit of the size of files is too low (ulimit -f): raise it and run again"
_PROMPT = (
    "It asks for a parameter that was not given, and there is nobody to answer: a defect of xbatch, or a tool of "
    "another version; its parameters are in its .par file"
)
_SETUP = (
    "The toolset is not initialised, is not whole, or was built for another system: source $HEADAS/headas-init.sh "
    "(then SAS's setsas.sh) in the shell before the run, and see whether the tool starts there"
)
_PARAMETER = "The installed version of the tool does not have this parameter: xbatch doctor shows the versions"
_MEMORY = "Run fewer steps at once (--jobs, or --memory), or on a machine with more memory"
_WRITABLE = "Make the folder writable, and run again"

# what has happened, where that says by itself what to do
_HAPPENED = (
    (r"No space left|Disk quota|the disk is full", _ROOM),
    (r"File too large|File size limit exceeded", _SIZE),
    (r"took longer than", "Look in the log whether it waits for something; a long observation may need more time"),
    (r"prints? without end", _PROMPT),
    (r"not installed here|cannot be started", _SETUP),
    (r"has no parameter", _PARAMETER),
    (r"SIGKILL", _MEMORY),
    (r"Read-only file system|Permission denied", _WRITABLE),
)
_FULL = (r"No space left|Disk quota|write error|FITSIO status = 10[56]\b.*(?:space|quota)", _ROOM)
_SAS_SAID = (
    (
        r"(?i)SAS_CCFPATH|no ?(?:such ?|available ?)?ccf(?!\.cif)|CCF constituent|CalIndexError|"
        r"calibration (?:file|data)",
        "The calibration files of XMM-Newton are missing or old: mirror them, and export SAS_CCFPATH with the name of "
        "their folder before the run",
    ),
    (
        r"(?i)ccf\.cif|SAS_CCF\b|CifNotFound|NoCifFound|calindex",
        "The calibration index is missing: the step cifbuild of the observation makes it; run it again with --force",
    ),
    (
        r"(?i)SAS_ODF|SUM\.SAS|summary file",
        "The summary of the ODF is missing or stale: the step odfingest makes it; run it again with --force",
    ),
)
_HEASOFT_SAID = (
    (
        r"(?i)ghost rays correction is supported only|region shape .*not (?:supported|yet implemented)",
        "For a point the region of the source must be one circle, ellipse or annulus, and one of the latter two be "
        "written in the spec, not as a file; or write source_type: extended",
    ),
    (
        r"(?i)\bcaldb\b|calibration (?:file|data)|quzcif",
        "Set up CALDB: install NuSTAR's part of it, export CALDB and source $CALDB/software/tools/caldbinit.sh; "
        "xbatch doctor shows what is found",
    ),
)
_SAID = (
    (r"File too large|File size limit exceeded", _SIZE),
    (r"Unable to redirect prompts|prompt", _PROMPT),
    (
        r"HEADAS(?: \S+)* (?:not|undefined|must be)|refdata|LHEA_DATA|headas-init",
        "HEASoft is not initialised: source $HEADAS/headas-init.sh before the run",
    ),
    (
        r"error while loading shared libraries|Library not loaded|symbol lookup|Can't locate .* in @INC|"
        r"command not found|: not found$",
        _SETUP,
    ),
    (
        r"No module named",
        "A script of the toolset lacks a Python module: install it for the Python that is first on PATH, and see that "
        "the toolset's own folder is in PYTHONPATH (SAS: $SAS_DIR/lib/python)",
    ),
    (r"(?i)unknown parameter|invalid parameter|undefined parameter|UnknownParam", _PARAMETER),
    (
        r"\bPIL|parameter file|\bAPE\b",
        "A parameter file of the installation is damaged or of another version: compare $HEADAS/syspfiles with a fresh "
        "one, and unset PFILES before sourcing headas-init.sh",
    ),
    (
        r"(?i)no region|region file|\.reg\b",
        "Look at the region, with xbatch preview or in DS9: it must have an area, and lie on the observation's field",
    ),
    (r"(?i)out of memory|cannot allocate|bad_alloc", _MEMORY),
    (r"Read-only file system|Permission denied", _WRITABLE),
)
_SUITES = {SAS: (_FULL, *_SAS_SAID), HEASOFT: (_FULL, *_HEASOFT_SAID)}
# where nothing is known of what was said
_ELSE = (
    (
        r"Segmentation fault|SIGSEGV|SIGBUS|SIGABRT|SIGFPE|SIGILL|core dumped|Bus error|Abort",
        "The tool crashed. Try it by hand; if it crashes there too, a newer version of the toolset may cure it",
    ),
    (
        r"has not made|has left .* as it was|is empty",
        "The log says how far it came; often nothing was selected, or it did without an input that it did not find",
    ),
    (r"truncated|which ", "Run again; if it comes again, look whether the disk is full or the data are damaged"),
)
_LAST = "Mend what it says, and run again"


def remedy(happened: str, said: Iterable[str] = (), suite: str = "", otherwise: str = "") -> str:
    """Give what to do, the most telling first.

    Parameters
    ----------
    happened : str
        What has happened to the tool.
    said : iterable of str
        What it has said.
    suite : str
        The tool's.
    otherwise : str
        What to do where nothing is known of what was said; empty for what is said to any tool.
    """
    lines = tuple(said)
    known = ((_HAPPENED, (happened,)), (_SUITES.get(suite, ()), lines), (_SAID, lines))
    tables = known if otherwise else (*known, (_ELSE, (happened, *lines)))
    for table, texts in tables:
        for pattern, cure in table:
            if any(re.search(pattern, text) for text in texts):
                return cure
    return otherwise or _LAST
