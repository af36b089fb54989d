"""Golden tests of the call of specgroup."""

from __future__ import annotations

from tests.commands.published import differences
from xbatch.commands.specgroup import specgroup

PUBLISHED = (
    "specgroup spectrumset=s.pha rmfset=s.rmf backgndset=s.bgd arfset=s.arf groupedset=s.grp minSN=6 oversample=3"
)
NAMES = {"s.pha": "src.pha", "s.rmf": "src.rmf", "s.bgd": "bgd.pha", "s.arf": "src.arf", "s.grp": "grouped.pha"}


def test_call_is_the_published_command() -> None:
    binning = {"type": "specgroup", "snr": 6.0, "oversample": 3.0}
    assert differences(specgroup(binning, background=True, response=True), PUBLISHED, NAMES) == {}


def test_other_minima_and_channels_left_out() -> None:
    call = specgroup(
        {"type": "specgroup", "counts": 20.0}, background=False, response=False, bad=[(0, 29), (3010, 3010)]
    )
    assert call.command == (
        "specgroup",
        "spectrumset=src.pha",
        "groupedset=grouped.pha",
        "mincounts=20",
        "setbad=0:29,3010:3010",
    )


def test_counts_are_whole() -> None:
    call = specgroup({"type": "specgroup", "counts": 20.5}, background=False, response=False)
    assert call.command[-1] == "mincounts=21"
