"""Sums by addspec have the counts, exposures and responses of the native sums."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fakes import make_headas
from tests.fakes.core import calls
from tests.tasks.test_combine import PARAMS, bright, dense
from tests.tasks.test_group import SIZE, response
from xbatch.base.errors import StepError
from xbatch.commands.call import Work
from xbatch.ogip.pha import read_pha, write_pha
from xbatch.ogip.response import load_response, save_response
from xbatch.registry import Job, Outcome
from xbatch.tasks import combine as native
from xbatch.tools import addspec
from xbatch.tools.execute import Session


@pytest.fixture
def headas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in make_headas(tmp_path / "tools").items():
        monkeypatch.setenv(name, value)
    return next((tmp_path / "tools").glob("heasoft-*/*"))


def job(
    folder: Path, out: str, members: int = 2, responses: bool = True, exposure: float = 1000.0, **params: Any
) -> Job:
    inputs = {}
    for number in range(members):
        source = bright(number, exposure=exposure * (number + 1))
        below = bright(number + 9, exposure=exposure * (number + 1), backscal=np.full(SIZE, 0.008))
        for role, one in (("spectrum", source), ("background", below)):
            inputs[f"{role}/{number}"] = folder / f"{role}{number}.pha"
            write_pha(inputs[f"{role}/{number}"], one)
        if responses:
            inputs[f"response/{number}"] = folder / f"{number}.npz"
            save_response(inputs[f"response/{number}"], response())
    (folder / out).mkdir()
    labels = [f"{number}/FPMA/src" for number in range(members)]
    return Job("combine", {**PARAMS, "members": labels, **params}, inputs, folder / out)


def both(folder: Path, **params: Any) -> tuple[Outcome, Outcome]:
    return native.run(job(folder, "native", **params)), addspec.run(job(folder, "tool", **params))


def test_a_sum_with_backgrounds_and_responses(headas: Path, tmp_path: Path) -> None:
    own, made = both(tmp_path)
    assert [call["tool"] for call in calls(headas)] == ["grppha", "grppha", "addspec"]
    one, two = (read_pha(tmp_path / out / "spectrum.pha") for out in ("native", "tool"))
    assert np.array_equal(one.counts, two.counts)
    assert one.exposure == two.exposure == 3000.0
    assert (two.header["BACKFILE"], two.header["OBS_ID"]) == ("background.pha", "e2012")
    assert made.facts["net_rate"] == pytest.approx(own.facts["net_rate"], rel=1e-6)
    assert np.allclose(
        *(dense(load_response(tmp_path / out / "response.npz")) for out in ("native", "tool")), rtol=1e-5
    )
    assert made.facts["calls"][-1]["command"] == "addspec infil=sum.txt outfil=sum qaddrmf=yes qsubback=yes"


def test_a_background_that_is_subtracted(headas: Path, tmp_path: Path) -> None:
    own, made = both(tmp_path, background="subtract", responses=False)
    assert [call["args"][2:] for call in calls(headas, "addspec")] == [["qaddrmf=no", "qsubback=yes"]]
    assert not (tmp_path / "tool" / "background.pha").exists()
    assert made.facts["rate"] == pytest.approx(own.facts["rate"], rel=1e-6)
    one, two = (read_pha(tmp_path / out / "spectrum.pha") for out in ("native", "tool"))
    assert not two.poisson and one.stat_err is not None and two.stat_err is not None
    # not the roots of counts that addspec has multiplied by a thousand
    assert np.allclose(one.stat_err, two.stat_err, rtol=1e-5)


# three times this is just below, and just above, what a whole number of 4 bytes holds, divided by bexpscale
@pytest.mark.parametrize("exposure", [715_827.0, 715_829.0])
def test_exposures_that_addspec_cannot_hold_are_told(headas: Path, tmp_path: Path, exposure: float) -> None:
    one = job(tmp_path, "tool", responses=False, exposure=exposure)
    if exposure < 715_828.0:
        addspec.run(one)
        assert read_pha(tmp_path / "tool" / "spectrum.pha").exposure == pytest.approx(3 * exposure)
        return
    with pytest.raises(StepError) as told:
        addspec.run(one)
    assert str(told.value) == (
        "addspec has written EXPOSURE -2.14748365e+09 s for the background of the sum, which should be 2.147487e+09 s: "
        "that of its members, times 1000 (bexpscale); it writes no more than 2147483647 s, which are 2.15e+06 s of its "
        "members. Write engine: {combine: native}, which adds the same spectra without this limit"
    )
    # as the message says
    native.run(job(tmp_path, "native", responses=False, exposure=exposure))
    assert read_pha(tmp_path / "native" / "background.pha").exposure == 3 * exposure


def test_without_backgrounds_there_is_no_such_limit(headas: Path, tmp_path: Path) -> None:
    one = job(tmp_path, "tool", responses=False, exposure=1e7)
    alone = {role: path for role, path in one.inputs.items() if role.startswith("spectrum/")}
    addspec.run(replace(one, inputs=alone))
    assert read_pha(tmp_path / "tool" / "spectrum.pha").exposure == 3e7


@pytest.mark.parametrize(("suffix", "what"), [("pha", "the sum"), ("bak", "the background of the sum")])
def test_any_other_exposure_is_told(
    headas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, what: str
) -> None:
    done = Session.do

    def halve(session: Session, work: Work) -> None:
        done(session, work)
        path = session.folder / f"sum.{suffix}"
        made = read_pha(path)
        path.unlink()
        write_pha(path, replace(made, exposure=made.exposure / 2), made.header)

    monkeypatch.setattr(Session, "do", halve)
    with pytest.raises(StepError, match=rf"has written EXPOSURE 1500(000)? s for {what}, which should be") as told:
        addspec.run(job(tmp_path, "tool", responses=False))
    assert "it writes no more" not in str(told.value)


def test_one_spectrum_is_not_added(headas: Path, tmp_path: Path) -> None:
    outcome = addspec.run(job(tmp_path, "tool", members=1))
    assert calls(headas) == []
    assert any("addspec was not called" in note for note in outcome.notes)


def test_responses_by_counts_are_not_addspecs(headas: Path, tmp_path: Path) -> None:
    with pytest.raises(StepError, match="by exposure alone"):
        addspec.run(job(tmp_path, "tool", response="counts-weighted"))
