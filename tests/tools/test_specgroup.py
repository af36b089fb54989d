"""The step of specgroup: what it is given to group, and which of its flags are taken."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tasks.test_group import SIZE, spectrum
from tests.tools.played import Play, play
from xbatch.base.errors import StepError
from xbatch.commands.call import Call, Work
from xbatch.ogip.pha import Spectrum, read_pha, write_pha
from xbatch.registry import Job
from xbatch.tools import specgroup

COUNTS = np.arange(SIZE, dtype=np.float64) % 7
GROUPS = np.where(np.arange(SIZE) % 4 == 0, 1, -1).astype(np.int16)


def _job(folder: Path, background: bool = True, **binning: Any) -> Job:
    write_pha(folder / "spectrum.pha", spectrum(counts=COUNTS))
    write_pha(folder / "background.pha", spectrum(counts=np.ones(SIZE)))
    (folder / "out").mkdir()
    params = {"binning": {"type": "specgroup", **binning}, "name": "sg", "work": Work(()).params()}
    params |= {"obsid": "1", "instrument": "EPN", "spectrum": "agn"}
    roles = ["spectrum", *(["background"] if background else [])]
    return Job("group", params, {role: folder / f"{role}.pha" for role in roles}, folder / "out")


def _tool(seen: dict[str, Spectrum], **changes: Any) -> Play:
    def tool(call: Call, folder: Path) -> None:
        given = dict(call.args)
        for name in ("spectrumset", "backgndset"):
            if name in given:
                seen[name] = read_pha(folder / given[name])
        made = replace(seen["spectrumset"], grouping=GROUPS, **changes)
        write_pha(folder / given["groupedset"], made)

    return tool


def test_flags_are_those_of_the_tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: dict[str, Spectrum] = {}
    calls = play(monkeypatch, specgroup, _tool(seen))
    outcome = specgroup.run(_job(tmp_path, counts=9.0))
    made = read_pha(tmp_path / "out/grouped.pha")
    assert np.array_equal(made.grouping, GROUPS) and not made.quality.any()
    assert dict(calls[0].args)["mincounts"] == "9" and "setbad" not in dict(calls[0].args)
    assert outcome.facts["calls"] == ["specgroup"]
    # it would follow names in the header to files that are not there
    assert {seen["spectrumset"].header.get(name) for name in ("BACKFILE", "RESPFILE", "ANCRFILE")} == {"none"}


def test_the_background_counts_for_signal_to_noise_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for number, (binning, there) in enumerate(
        [({"snr": 3.0}, True), ({"snr": 3.0, "background": False}, False), ({"counts": 9.0}, False)]
    ):
        seen: dict[str, Spectrum] = {}
        play(monkeypatch, specgroup, _tool(seen))
        folder = tmp_path / str(number)
        folder.mkdir()
        specgroup.run(_job(folder, **binning))
        assert ("backgndset" in seen) is there


def test_channels_left_out_keep_their_flags(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls = play(monkeypatch, specgroup, _tool({}, quality=np.where(np.arange(SIZE) < 12, 1, 0).astype(np.int16)))
    ranged = {"unit": "channel", "lo": 8, "hi": 31}
    specgroup.run(_job(tmp_path, counts=9.0, bad=[[20, 22]], range=ranged))
    assert dict(calls[0].args)["setbad"] == "0:7,20:22,32:39"
    made = read_pha(tmp_path / "out/grouped.pha")
    outside = np.r_[0:8, 20:23, 32:40]
    assert (made.grouping[outside] == 1).all()
    assert (made.quality[20:23] == 5).all() and not made.quality[np.r_[0:8, 32:40]].any()
    # what the tool says of all others holds
    assert (made.quality[8:12] == 1).all() and not made.quality[12:20].any()


def test_another_spectrum_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    play(monkeypatch, specgroup, _tool({}, counts=COUNTS + 1))
    with pytest.raises(StepError, match="has other counts"):
        specgroup.run(_job(tmp_path, counts=9.0))


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(0, 3000))
def test_ranges_are_the_chosen_channels(chosen: list[bool], first: int) -> None:
    channel = first + np.arange(len(chosen))
    ranges = specgroup._ranges(channel, np.array(chosen))
    found = [number for one, last in ranges for number in range(one, last + 1)]
    assert found == channel[np.array(chosen)].tolist()
    assert all(one[1] + 1 < two[0] for one, two in pairwise(ranges))
