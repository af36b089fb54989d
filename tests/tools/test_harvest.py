from __future__ import annotations

import pytest

from xbatch.commands.call import HEASOFT, SAS
from xbatch.tools.harvest import harvest, last_words
from xbatch.tools.remedies import remedy

WRONG = [
    "Task fhelp 1.0 terminating with status 208",
    "Unable to redirect prompts to the /dev/tty (at headas_stdio.c:152)",
    "nupipeline_0.4.9: Error: running 'numetrology'",
    "ERROR: Pipeline exit with error",
    "nuproducts_0.3.3: Error: opening parameter file",
    "***ERROR: cannot open the file",
    " ERROR in opening file src.pha",
    "nupipeline_0.4.9: Exit with errors - Fri Nov 26 13:53:29 EST 2021",
    "FITSIO status = 104: could not open the named file",
    "No space left on device",
    "/bin/sh: line 1: 4242 Segmentation fault (core dumped) numkarf",
    "nupipeline: error while loading shared libraries: libcfitsio.so.9: cannot open shared object file",
    "Can't locate HEACORE/HEAINIT.pm in @INC (you may need to install the module)",
    "Traceback (most recent call last):",
    "sh: 1: fdump: command not found",
    "unknown parameter 'binsiz'",
    "** GP_ADDSPEC 1.1.1 ERROR: Getting INFIL parameter",
    "** ADDSPEC 1.3.0 ERROR : Fatal",
]
FINE = [
    "nupipeline_0.4.9: Exit with no errors - Fri Nov 26 13:53:29 EST 2021",
    "**** Verification found 0 warning(s) and 0 error(s). ****",
    "Number of errors: 0",
    "error = 0.32",
    "    3 ERROR              1E              counts/s",
    "properr = yes (propagate errors)",
    "errmeth: POISS-0",
    "Task nuproducts 0.3.3 terminating with status 0",
    "FITSIO status = 0",
    "The default error column is STAT_ERR",
    "Errors will be propagated",
    "nuproducts_0.3.3: Exit with success",
    "** ADDSPEC 1.3.0 Finished",
    "***** THIS IS A BETA_TEST VERSION (check your o/p) *****",
    "** grppha 3.0.1 completed successfully",
    " ...... exiting, changes written to file : grouped.pha",
    "could not get minimum time resolution of the data read",
    " Command not found; type ? for a command listing",
    "Notes: XSELECT set up for      NUSTAR",
    "    17896     3586    14310        0        0        0",
]


@pytest.mark.parametrize("line", WRONG)
def test_lines_that_tell_an_error_of_heasoft(line: str) -> None:
    assert harvest(HEASOFT, f"fine\n{line}\nmore\n").errors == (line.strip(),)


@pytest.mark.parametrize("line", FINE)
def test_lines_that_tell_none(line: str) -> None:
    assert harvest(HEASOFT, line).errors == ()
    assert harvest(SAS, line).errors == ()


def test_messages_of_sas() -> None:
    said = """\
evselect:- Executing (routine): evselect table=pn.fits
** evselect: warning (NoFilteringInfo), no filtering
   was asked for
** evselect: error (tableDoesNotExist), The table EVENTS does not exist
   in the data set
    pn.fits
** xmm: fatal (caught), gave up
evselect:- evselect (evselect-3.71) ended
"""
    found = harvest(SAS, "", said)
    assert found.errors == (
        "** evselect: error (tableDoesNotExist), The table EVENTS does not exist in the data set pn.fits",
        "** xmm: fatal (caught), gave up",
    )
    assert found.warnings == ("** evselect: warning (NoFilteringInfo), no filtering was asked for",)


def test_messages_of_a_task_that_another_has_called() -> None:
    said = """\
backscale:- Executing (routine): arfgen spectrumset=s.pha withzerrorcolumn=no zerrorcolumn=EWEIGHT
backscale::arfgen:- Executing (routine): attcalc eventset=rawpixellist.ds:EVENTS attitudelabel=fixed
backscale::arfgen:- CCF constituents accessed by the calibration server:
CifEntry{EMOS2, QUANTUMEF, 21, /ccf/EMOS2_QUANTUMEF_0021.CCF, 2002-11-08T00:00:01.000}
Making file temp_badcol.ds
** backscale::arfgen: warning (zeroRenorm), nothing within the map
"""
    found = harvest(SAS, said, "** backscale::arfgen: error (noCcf), none found\n")
    assert found.errors == ("** backscale::arfgen: error (noCcf), none found",)
    assert found.warnings == ("** backscale::arfgen: warning (zeroRenorm), nothing within the map",)
    assert harvest(SAS, said).errors == () and harvest(SAS, said).telling == ()
    assert last_words("", "done so far\nbackscale::arfgen:- Executing (routine): attcalc imagesize=0.36\n") == (
        "done so far",
    )


def test_warnings_of_tools_in_fortran() -> None:
    said = "** DO_ADDSPEC 1.2.1 WARNING: no background file\n ** grppha 3.0.1 completed successfully\n"
    assert harvest(HEASOFT, said).warnings == ("** DO_ADDSPEC 1.2.1 WARNING: no background file",)


def test_what_may_tell_why_decides_nothing() -> None:
    found = harvest(HEASOFT, "could not find the attitude file, and go on without\nAccessing CALDB\n")
    assert found.errors == ()
    assert len(found.telling) == 2


def test_each_line_once_and_not_without_end() -> None:
    found = harvest(HEASOFT, "ERROR: a\n" * 3 + "".join(f"ERROR: number {n}\n" for n in range(500)))
    assert found.errors[:2] == ("ERROR: a", "ERROR: number 0")
    assert len(found.errors) == 50


def test_last_words() -> None:
    assert last_words("", "a\nb\n\nc\n---\nd\n") == ("b", "c", "d")
    assert last_words("  \n", "") == ()
    routine = """\
evselect:- Executing (routine): evselect table=pn.fits
evselect:- evselect (evselect-3.71.2) [xmmsas_20230412_1735-21.0.0] started:  2026-11-21T21:47:03.000
evselect:- evselect (evselect-3.71.2) [xmmsas_20230412_1735-21.0.0] ended:    2026-11-21T21:47:03.000
"""
    assert last_words("", routine) == ()
    assert last_words("", f"{routine}nothing selected\n") == ("nothing selected",)


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ("FITSIO status = 106: No space left on device", "Make room"),
        ("numkarf: Error: CALDB is not set", "Set up CALDB"),
        ("** cifbuild: error (noAvailableCcf), no CCF constituent in SAS_CCFPATH", "The calibration files of XMM"),
        ("** evselect: error (CifNotFound), cannot open ccf.cif", "The calibration index is missing"),
        ("** epproc: error (noODF), SAS_ODF is not set", "The summary of the ODF"),
        ("HEADAS environment variable not set", "HEASoft is not initialised"),
        ("Can't locate HEACORE/HEAINIT.pm in @INC", "The toolset is not initialised"),
        ("Unable to redirect prompts to the /dev/tty", "It asks for a parameter"),
        ("unknown parameter 'saacalc'", "The installed version"),
        ("ModuleNotFoundError: No module named 'beautifultable'", "A script of the toolset"),
        ("PIL_BAD_FILE_ACCESS in fhelp.par", "A parameter file of the installation"),
        ("was killed (SIGKILL, perhaps for want of memory)", "Run fewer steps"),
        ("was killed (SIGSEGV)", "The tool crashed"),
        ("has not made src.pha, though its exit status is 0", "The log says how far it came"),
        ("has made src.pha, which is truncated", "Run again"),
        ("nuproducts_0.3.3: Error: no region found in src.reg", "Look at the region"),
        ("all is well", "Mend what it says"),
    ],
)
def test_remedies(line: str, start: str) -> None:
    suite = SAS if line.startswith("** ") else HEASOFT
    # what has happened, and what was said
    found = {remedy(line, (), suite), remedy("failed with exit status 1", [line], suite)} - {
        "Mend what it says, and run again"
    }
    assert [text[: len(start)] for text in found or {"Mend what it says"}] == [start]


def test_a_suite_has_remedies_of_its_own() -> None:
    said = ["error, no calibration files in /nowhere"]
    assert remedy("failed with exit status 1", said, HEASOFT).startswith("Set up CALDB")
    assert remedy("failed with exit status 1", said, SAS).startswith("The calibration files of XMM-Newton")
    assert remedy("has not made *SUM.SAS, though its exit status is 0", [], SAS).startswith("The log says how far")


def test_what_a_task_says_of_its_beginning_tells_nothing() -> None:
    said = "epatplot:- Executing (routine): epatplot set=a.fits plotfile=b.gif caldb=none useplotfile=yes\n"
    assert harvest(SAS, said).telling == ()
    assert harvest(SAS, f"{said}calibration file not found\n").telling == ("calibration file not found",)
