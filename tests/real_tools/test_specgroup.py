"""Groupings by specgroup, against the native ones; not those by resolution, which SAS takes from its calibration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.real_tools.bench import Tools
from tests.real_tools.lists import XMM_OBSID
from xbatch.commands.call import Work
from xbatch.commands.specgroup import specgroup as call_of
from xbatch.ogip.pha import read_pha
from xbatch.registry import Job
from xbatch.tasks import events, extract, group
from xbatch.tools import specgroup

_WHO = {"mission": "xmm", "instrument": "EPN", "obsid": XMM_OBSID}
#: Channels that are bad are said, since SAS would ask its calibration for them.
_BAD = [[0, 59], [2000, 4095]]
BINNINGS: list[dict[str, Any]] = [
    {"type": "specgroup", "counts": 25.0, "bad": _BAD},
    {"type": "specgroup", "snr": 6.0, "bad": _BAD},
]


@pytest.fixture(scope="module")
def files(epn_list: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A spectrum of EPN and its background, counted natively."""
    folder = tmp_path_factory.mktemp("specgroup")
    events.run(Job("events:x", {**_WHO, "screening": {"pattern": [0, 4]}}, {"events": epn_list}, folder))
    middle = {"frame": "physical", "center": [25921.0, 25921.0], "include": True}
    regions = {
        "src": {"shapes": [{**middle, "shape": "circle", "sizes": [1000.0]}], "combine": None},
        "bkg": {"shapes": [{**middle, "shape": "annulus", "sizes": [2000.0, 6000.0]}], "combine": None},
    }
    spectra = [{"name": "one", "region": "src", "background": "bkg", "source_type": "point"}]
    params = {**_WHO, "regions": regions, "spectra": spectra}
    extract.run(Job("extract:x", params, {"events": folder / "events.bin"}, folder))
    return {"spectrum": folder / "one.pha", "background": folder / "one.bak.pha"}


@pytest.mark.parametrize("binning", [pytest.param(one, id=json.dumps(one)) for one in BINNINGS])
def test_groups(sas: Tools, files: dict[str, Path], binning: dict[str, Any]) -> None:
    roles = ["spectrum", "background"] if "snr" in binning else ["spectrum"]
    planned = Work((call_of(binning, background="snr" in binning, response=False),)).params()
    params = {"binning": binning, "name": "one", "obsid": "1", "instrument": "EPN", "spectrum": "src", "work": planned}
    jobs = [Job("group:x", params, {role: files[role] for role in roles}, sas.out()) for _ in range(2)]
    group.run(jobs[0])
    specgroup.run(jobs[1])
    own, theirs = (read_pha(job.out / "grouped.pha") for job in jobs)
    assert np.array_equal(own.counts, theirs.counts)
    assert np.flatnonzero(own.grouping != theirs.grouping).tolist() == []
    assert np.flatnonzero(own.quality != theirs.quality).tolist() == []
