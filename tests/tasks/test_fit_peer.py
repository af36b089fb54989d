"""A joint fit of two modules, against a plain Sherpa script that reads the same files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tasks.fit_bench import dataset, parameter, params
from xbatch.ogip.pha import read_pha, write_pha
from xbatch.ogip.response import read_response, save_response
from xbatch.registry import Job
from xbatch.simulator import simulate_config
from xbatch.simulator.small import small_config
from xbatch.tasks.fit import run
from xbatch.tasks.group import run as group
from xbatch.tasks.spectrum import run as spectrum

CASES = [
    ("chi2", "data", "subtract", "chi2datavar"),
    ("chi2", "gehrels", "subtract", "chi2gehrels"),
    ("chi2", "model", "ignore", "chi2modvar"),
    ("cstat", "data", "ignore", "cstat"),
    ("wstat", "data", "profiled", "wstat"),
]


@pytest.fixture
def script() -> Iterator[Any]:
    """Sherpa's session, left as it was found."""
    from sherpa.astro.ui.utils import Session
    from sherpa.models import basic

    session = Session()
    session._add_model_types(basic)
    yield session
    session.clean()


def prepare(folder: Path, stems: Sequence[Path], rmfs: Sequence[Path], bad: list[list[int]]) -> dict[str, Path]:
    """Read, group and keep the spectra as the steps before a fit do; leave a grouped copy beside each for Sherpa."""
    inputs: dict[str, Path] = {}
    for number, (stem, rmf) in enumerate(zip(stems, rmfs, strict=True)):
        place = folder / f"group{number}"
        place.mkdir()
        source = read_pha(Path(f"{stem}_sr.pha"))
        names = {"RESPFILE": "none", "ANCRFILE": "none", "BACKFILE": "none"}
        write_pha(folder / f"spectrum{number}.pha", source, {**source.header, **names})
        binning = {"type": "min", "counts": 30.0, "bad": bad}
        about = {"obsid": "1", "instrument": "AB"[number], "spectrum": "src", "name": "min30", "binning": binning}
        group(Job("group:x", about, {"spectrum": folder / f"spectrum{number}.pha"}, place))
        below = read_pha(Path(f"{stem}_bk.pha"))
        write_pha(folder / f"background{number}.pha", below, {**below.header, **names})
        save_response(folder / f"response{number}.npz", read_response(rmf, Path(f"{stem}_sr.arf")))
        inputs |= {
            f"grouped/{number}": place / "grouped.pha",
            f"background/{number}": folder / f"background{number}.pha",
            f"response/{number}": folder / f"response{number}.npz",
        }
    return inputs


def joint(statistic: str, variance: str, mode: str, **changes: Any) -> dict[str, Any]:
    both = {"datasets": [0, 1]}
    band = {"name": "main", "lo": 4.0, "hi": 40.0}
    return params(
        datasets=[dataset("A", band=band), dataset("B", band=band)],
        model={"op": "*", "args": [{"component": "cal"}, {"component": "pl"}]},
        model_text="constant.cal * powerlaw.pl",
        components={"cal": "constant", "pl": "powerlaw"},
        parameters=[
            parameter("cal.factor[A]", 1.0, 0.0, 10.0, frozen=True),
            parameter("cal.factor[B]", 1.0, 0.0, 10.0, datasets=[1]),
            parameter("pl.PhoIndex", 1.5, -3.0, 10.0, **both),
            parameter("pl.norm", 0.01, 0.0, 1e24, **both),
        ],
        statistic=statistic,
        variance=variance,
        background=mode,
        **changes,
    )


def fitted(folder: Path, given: dict[str, Any], inputs: dict[str, Path]) -> dict[str, Any]:
    out = folder / "out"
    out.mkdir(exist_ok=True)
    run(Job("fit:joint", given, inputs, out))
    document: dict[str, Any] = json.loads((out / "fit.json").read_text())
    return document


def load(
    script: Any, inputs: dict[str, Path], stems: Sequence[Path], rmfs: Sequence[Path], fit: dict[str, Any], name: str
) -> None:
    """Do in Sherpa what a user would: load, group, choose groups, subtract, set the model and the statistic."""
    from sherpa.astro.data import DataARF

    for number, (stem, rmf) in enumerate(zip(stems, rmfs, strict=True)):
        script.load_pha(number, str(inputs[f"grouped/{number}"]))
        script.load_rmf(number, str(rmf))
        # Sherpa evaluates models on the ARF's energies, we (as XSPEC) on the RMF's: these are the same up to the
        # rounding of 32-bit numbers, which is 1e-5 of the statistic of a million counts.
        matrix, area = script.get_rmf(number), script.unpack_arf(f"{stem}_sr.arf")
        script.set_arf(number, DataARF("arf", matrix.energ_lo, matrix.energ_hi, area.specresp))
        if fit["background"] in ("subtract", "profiled"):
            script.load_bkg(number, str(inputs[f"background/{number}"]))
        script.set_analysis(number, "energy")
        script.ignore_bad(number)
        ends = (fit["datasets"][number]["first"]["energy"][0], fit["datasets"][number]["last"]["energy"][1])
        script.notice_id(number, ends[0] + 1e-3, ends[1] - 1e-3)
        if fit["background"] == "subtract":
            script.subtract(number)
    power_law, factor = script.create_model_component("powlaw1d", "pl"), script.create_model_component("scale1d", "cal")
    script.set_source(0, power_law)
    script.set_source(1, factor * power_law)
    script.set_stat(name)
    values = {one["name"]: one["value"] for one in fit["parameters"]}
    factor.c0, power_law.gamma, power_law.ampl = (
        values["cal.factor[B]"],
        values["pl.PhoIndex"],
        values["pl.norm"],
    )


def check(script: Any, fit: dict[str, Any]) -> None:
    assert script.calc_stat(0, 1) == pytest.approx(fit["stat_value"], rel=1e-8)
    assert script.get_dep(0, filter=True).size + script.get_dep(1, filter=True).size == fit["bins"]
    script.set_method("neldermead")
    script.fit(0, 1)
    found = script.get_fit_results()
    assert found.statval == pytest.approx(fit["stat_value"], rel=1e-8, abs=1e-5)
    theirs = dict(zip(found.parnames, found.parvals, strict=True))
    ours = {one["name"]: one for one in fit["parameters"]}
    for name, peer in (("cal.factor[B]", "cal.c0"), ("pl.PhoIndex", "pl.gamma"), ("pl.norm", "pl.ampl")):
        error = ours[name]["error_plus"] or 1e-3 * ours[name]["value"]
        assert ours[name]["value"] == pytest.approx(theirs[peer], abs=1e-3 * error)


@pytest.mark.filterwarnings("ignore::UserWarning:sherpa")
@pytest.mark.parametrize(("statistic", "variance", "mode", "name"), CASES)
def test_a_joint_fit_is_the_one_of_a_sherpa_script(
    tmp_path: Path, script: Any, statistic: str, variance: str, mode: str, name: str
) -> None:
    config = small_config()
    data = tmp_path / "data"
    simulate_config(replace(config, model=config.model[1:]), data)
    stems = [data / "99900000001" / f"nu99900000001{module}01" for module in "AB"]
    rmfs = [Path(f"{stem}_sr.rmf") for stem in stems]
    inputs = prepare(tmp_path, stems, rmfs, [])
    fit = fitted(tmp_path, joint(statistic, variance, mode), inputs)
    load(script, inputs, stems, rmfs, fit, name)
    check(script, fit)
    truth = {"cal.factor[B]": 1.05, "pl.PhoIndex": 1.9, "pl.norm": 0.01}
    if mode != "ignore":
        for one in fit["parameters"]:
            if one["name"] in truth:
                assert abs(one["value"] - truth[one["name"]]) < 3 * one["error_plus"]


@pytest.mark.real_data
@pytest.mark.filterwarnings("ignore::UserWarning:sherpa")
def test_vela_x1_is_what_a_sherpa_script_gives(tmp_path: Path, script: Any, real_data: Path) -> None:
    folder = real_data / "nustar" / "90402339002"
    stems = [folder / f"nu90402339002{module}01" for module in "AB"]
    rmfs = [folder / "nuAdet3_2012.rmf.gz"] * 2
    inputs = prepare(tmp_path, stems, rmfs, [[0, 34], [1910, 4095]])
    given = joint("chi2", "data", "subtract")
    for one in given["datasets"]:
        one["band"] = {"name": "main", "lo": 3.0, "hi": 79.0}
    fit = fitted(tmp_path, given, inputs)
    assert not fit["good_fit"]
    assert np.isclose(fit["reduced"], fit["stat_value"] / fit["dof"])
    load(script, inputs, stems, rmfs, fit, "chi2datavar")
    check(script, fit)


XMM = (
    ("EPN", "PN_spectrum_grp20.fits", "PNbackground_spectrum.fits", "PN"),
    ("EMOS1", "MOS1_spectrum_grp.fits", "MOS1background_spectrum.fits", "MOS1"),
    ("EMOS2", "MOS2_spectrum_grp.fits", "MOS2background_spectrum.fits", "MOS2"),
)


@pytest.mark.real_data
@pytest.mark.filterwarnings("ignore::UserWarning:sherpa")
@pytest.mark.parametrize(
    ("statistic", "mode", "name"), [("chi2", "subtract", "chi2datavar"), ("wstat", "profiled", "wstat")]
)
def test_three_cameras_of_xmm_are_fitted_as_by_a_sherpa_script(
    tmp_path: Path, script: Any, real_data: Path, statistic: str, mode: str, name: str
) -> None:
    """NGC 7793 ULX-4, 1.5 to 5 keV, with specgroup's groups: Sherpa reads the archive's own files."""
    from sherpa.astro.data import DataARF

    folder = real_data / "xmm" / "0693760101"
    inputs: dict[str, Path] = {}
    for number, (instrument, source, below, stem) in enumerate(XMM):
        place = tmp_path / instrument
        place.mkdir()
        files = {"pha": folder / source, "background": folder / below}
        files |= {"rmf": folder / f"{stem}.rmf.gz", "arf": folder / f"{stem}.arf"}
        about = {"obsid": "1", "instrument": instrument, "mission": "xmm", "spectrum": "src", "note": ""}
        spectrum(Job("spectrum:x", about, files, place))
        binning = {**about, "name": "asis", "binning": {"type": "file"}}
        group(Job("group:x", binning, {"spectrum": place / "spectrum.pha"}, place))
        made = {"grouped": "grouped.pha", "background": "background.pha", "response": "response.npz"}
        inputs |= {f"{role}/{number}": place / file for role, file in made.items()}
    band = {"name": "main", "lo": 1.5, "hi": 5.0}
    others = [parameter(f"cal.factor[{one[0]}]", 1.0, 0.0, 10.0, datasets=[n]) for n, one in enumerate(XMM) if n > 0]
    first = parameter("cal.factor[EPN]", 1.0, 0.0, 10.0, frozen=True, datasets=[0])
    every = {"datasets": [0, 1, 2]}
    given = joint(statistic, "data", mode)
    given |= {
        "errors": {"parameters": ["free"], "method": "covariance", "confidence": 0.6826894921370859},
        "datasets": [dataset(one[0], band=band, edge="overlap") for one in XMM],
        "parameters": [
            first,
            *others,
            parameter("pl.PhoIndex", 1.5, -3.0, 10.0, **every),
            parameter("pl.norm", 3e-4, 0.0, 1e24, **every),
        ],
    }
    fit = fitted(tmp_path, given, inputs)
    assert fit["good_fit"] and fit["bins"] > 100
    power_law = script.create_model_component("powlaw1d", "pl")
    factors = [script.create_model_component("scale1d", f"cal{number}") for number in range(3)]
    factors[0].c0.freeze()
    for number, (_, source, _, stem) in enumerate(XMM):
        script.load_pha(number, str(folder / source))
        script.load_rmf(number, str(folder / f"{stem}.rmf.gz"))
        matrix, area = script.get_rmf(number), script.unpack_arf(str(folder / f"{stem}.arf"))
        script.set_arf(number, DataARF("arf", matrix.energ_lo, matrix.energ_hi, area.specresp))
        script.set_analysis(number, "energy")
        script.ignore_bad(number)
        script.notice_id(number, 1.5, 5.0)
        if mode == "subtract":
            script.subtract(number)
        script.set_source(number, factors[number] * power_law)
    script.set_stat(name)
    ours = {one["name"]: one for one in fit["parameters"]}
    peers = {
        "pl.PhoIndex": power_law.gamma,
        "pl.norm": power_law.ampl,
        "cal.factor[EMOS1]": factors[1].c0,
        "cal.factor[EMOS2]": factors[2].c0,
    }
    for key, peer in peers.items():
        peer.val = ours[key]["value"]
    assert script.calc_stat(0, 1, 2) == pytest.approx(fit["stat_value"], rel=1e-8)
    assert sum(script.get_dep(number, filter=True).size for number in range(3)) == fit["bins"]
    script.set_method("neldermead")
    script.fit(0, 1, 2)
    assert script.get_fit_results().statval == pytest.approx(fit["stat_value"], rel=1e-8, abs=1e-5)
    script.covar(0, 1, 2)
    theirs = dict(zip(script.get_covar_results().parnames, script.get_covar_results().parmaxes, strict=True))
    for key, peer in peers.items():
        assert ours[key]["value"] == pytest.approx(peer.val, abs=2e-3 * ours[key]["error_plus"])
        assert ours[key]["error_plus"] == pytest.approx(theirs[peer.fullname], rel=0.01)
