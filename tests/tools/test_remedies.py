"""What to do about what tools say: the most telling first."""

from __future__ import annotations

import pytest

from xbatch.commands.call import HEASOFT, SAS
from xbatch.tools.remedies import DISK_FULL, PART_FAILED, remedy

FAILED = "evselect failed with exit status 1"


@pytest.mark.parametrize(
    ("happened", "words"),
    [
        (DISK_FULL, "XBATCH_SCRATCH"),
        ("evselect took longer than 2 hours", "whether it waits for something"),
        ("evselect has no parameter 'colour'", "xbatch doctor shows the versions"),
        ("nupipeline was killed (SIGKILL)", "--memory"),
        ("fthedit prints without end", "nobody to answer"),
        ("evselect is not installed here", "source $HEADAS/headas-init.sh"),
        ("evselect has not made src.pha", "often nothing was selected"),
    ],
)
def test_what_has_happened_says_what_to_do(happened: str, words: str) -> None:
    assert words in remedy(happened)


@pytest.mark.parametrize(
    ("suite", "said", "words"),
    [
        (SAS, "** cifbuild: error (noCcf), SAS_CCFPATH is not set", "export SAS_CCFPATH"),
        (SAS, "** evselect: error (NoCifFound), no ccf.cif", "the step cifbuild"),
        (SAS, "** epproc: error (x), cannot open the summary file", "the step odfingest"),
        (HEASOFT, "numkarf: Error: ghost rays correction is supported only for circles", "source_type: extended"),
        (HEASOFT, "Error: querying CALDB", "caldbinit.sh"),
        (HEASOFT, "ImportError: No module named astropy", "PYTHONPATH"),
        (SAS, "Segmentation fault (core dumped)", "crashed"),
        (HEASOFT, "FITSIO status = 106: error writing to file, no space", "Make room"),
    ],
)
def test_what_a_tool_has_said_is_read_as_of_its_suite(suite: str, said: str, words: str) -> None:
    assert words in remedy(FAILED, ["it began", said], suite)


def test_a_suite_is_not_told_of_what_the_other_needs() -> None:
    said = ["the calibration file cannot be opened"]
    assert "SAS_CCFPATH" in remedy(FAILED, said, SAS) and "CALDB" in remedy(FAILED, said, HEASOFT)


def test_what_has_happened_goes_before_what_was_said() -> None:
    assert "Make room" in remedy(DISK_FULL, ["Error: querying CALDB"], HEASOFT)


def test_where_nothing_is_known() -> None:
    assert remedy(FAILED, ["an odd thing"], SAS) == "Mend what it says, and run again"
    # what stands for such a case goes before guesses, and after what is known
    assert remedy(FAILED, ["Segmentation fault"], SAS, PART_FAILED) == PART_FAILED
    assert "SAS_CCFPATH" in remedy(FAILED, ["no CCF constituent"], SAS, PART_FAILED)
