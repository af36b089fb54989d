"""The call of espfilt by the version of SAS: as DAXA writes it, and before 20 as reductions of those years have."""

from __future__ import annotations

import shlex
from fnmatch import fnmatchcase

import pytest

from xbatch.commands.espfilt import ESPFILT_GTI, espfilt, own_band

FLARE = {
    "estimator": "histogram", "band": [2500, 8500], "bin": 60.0, "sigma": 3.0, "range_scale": 15.0, "smooth": 51,
    "ratio": 1.2,
}  # fmt: skip
NEW = (
    "espfilt eventfile=e.fits withoot=yes ootfile=oot.fits method=histogram withsmoothing=yes smooth=51 "
    "withbinning=yes binsize=60 ratio=1.2 elow=2500 ehigh=8500 rangescale=15.0 allowsigma=3.0 "
    "keepinterfiles=yes 'limits=0.1 6.5'"
)
OLD = "espfilt eventset=e.fits method=histogram withsmoothing=yes smooth=51 withbinning=yes binsize=60 ratio=1.2"


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("17.0.0", "espfilt eventset=e.fits method=histogram ratio=1.2"),
        ("xmmsas_20190531_1155-18.0.0", OLD),
        ("19.1.0", OLD),
        ("xmmsas_20211130_0941-20.0.0", NEW),
        ("21.0.0", NEW),
        ("22.0.0-9173c7d25-20250127", NEW),
        ("xmmsas_22.1.0-a8f2c2afa-20250304", NEW),
        ("", NEW),
    ],
)
def test_versions(version: str, expected: str) -> None:
    assert list(espfilt("e.fits", FLARE, version, "oot.fits").command) == shlex.split(expected)
    assert own_band(version) == ("eventset" in expected)


def test_without_a_list_of_out_of_time_events() -> None:
    command = espfilt("e.fits", {**FLARE, "estimator": "ratio"}, "22.1.0").command
    assert "withoot=no" in command and not any(word.startswith("ootfile") for word in command)
    assert "method=ratio" in command


@pytest.mark.parametrize(
    ("made", "gti"),
    [
        # a published reduction of 0841190101, before SAS 20
        (["P0841190101PNS003-gti.FIT", "P0841190101PNS003-gti.txt", "P0841190101PNS003-objevlifilt.FIT"], 0),
        # DAXA, SAS 20 with long names; and without the band since 21 (its issue 373)
        (["mos1S001-gti-2500-8500.fits", "mos1S001-allevc-2500-8500.fits", "mos1S001-hist-2500-8500.qdp"], 0),
        (["pnS003-allevc.fits", "pnS003-corlc.fits", "pnS003-gti.fits", "pnS003-gti.txt", "pnS003-hist.qdp"], 2),
    ],
)
def test_good_times_are_found_by_the_names_of_each_version(made: list[str], gti: int) -> None:
    assert [name for name in made if fnmatchcase(name, ESPFILT_GTI)] == [made[gti]]
