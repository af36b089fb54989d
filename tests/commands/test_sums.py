"""The folder that addspec works in: every name that a spectrum tells is the name of a file beside it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.commands.call import Staged
from xbatch.commands.sums import LISTED, SUM, sum_work


def test_work_of_two_spectra() -> None:
    work = sum_work([0, 1], True, True)
    assert [call.command for call in work.calls] == [
        (
            "grppha",
            f"infile=m{number}.pha",
            f"outfile=!s{number}.pha",
            f"comm=chkey BACKFILE b{number}.pha&chkey RESPFILE r{number}.rmf&chkey ANCRFILE r{number}.arf&exit",
            "tempc=exit",
        )
        for number in (0, 1)
    ] + [("addspec", f"infil={LISTED}", f"outfil={SUM}", "qaddrmf=yes", "qsubback=yes")]
    assert work.written == {LISTED: "s0.pha\ns1.pha\n"}
    assert work.staged["m1.pha"] == Staged("spectrum/1", "copy")
    assert work.staged["b1.pha"] == Staged("background/1", "copy")
    assert work.staged["r1.rmf"] == Staged("response/1", "rmf")
    assert work.staged["r1.arf"] == Staged("response/1", "arf")


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("response", [True, False])
def test_what_members_lack_is_none_in_their_headers(background: bool, response: bool) -> None:
    work = sum_work([3, 7], background, response)
    comm = dict(work.calls[0].args)["comm"]
    assert ("chkey BACKFILE none" in comm) is not background
    assert ("chkey RESPFILE none&chkey ANCRFILE none" in comm) is not response
    assert any(name.startswith("b") for name in work.staged) is background
    assert any(name.startswith("r") for name in work.staged) is response
    assert work.calls[-1].expects == (
        f"{SUM}.pha",
        *([f"{SUM}.bak"] if background else []),
        *([f"{SUM}.rsp"] if response else []),
    )


@given(st.lists(st.integers(0, 999), min_size=1, max_size=12, unique=True), st.booleans(), st.booleans())
def test_names_are_of_files_that_are_there(numbers: list[int], background: bool, response: bool) -> None:
    work = sum_work(numbers, background, response)
    made = {dict(call.args)["outfile"].removeprefix("!") for call in work.calls[:-1]}
    assert set(work.written[LISTED].split()) == made
    assert len(made) == len(numbers)
    for call in work.calls[:-1]:
        assert dict(call.args)["infile"] in work.staged
        told = re.findall(r"chkey \w+ (\S+?)(?:&|$)", dict(call.args)["comm"])
        assert len(told) == 3
        assert all(name == "none" or name in work.staged for name in told)
    roles = [staged.role for staged in work.staged.values() if staged.how == "copy"]
    assert len(set(roles)) == len(roles)
    assert all("/" not in name for name in (*work.staged, *made))
