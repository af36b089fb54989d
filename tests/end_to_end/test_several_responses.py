"""Models folded through responses of their own, from the spec to the fit and the scripts for other programs."""

from __future__ import annotations

import json
import runpy
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.end_to_end.world import OBSIDS, Desk, Said
from xbatch.ogip.response import load_response, read_response
from xbatch.ogip.responsewriter import write_arf, write_rmf
from xbatch.tasks.fitwords import flux_label

SPEC = """\
xbatch: 1
name: desk
mission: nustar
obsids: ["99900000001"]
instruments: [FPMA, FPMB]
data: {root: data, level: spectra}
spectra:
  src:
    file: "{obsid}/nu{obsid}{module}01_sr.pha"
    background: none
    responses:
      detector: {arf: be.arf}
      aperture: {response: diag.rmf}
    for:
    - {where: {module: B}, responses: {detector: {arf: be2.arf}}}
fake:
  drawn:
    like: src
    seed: 3
    exposure: 100 ks
    model: tbabs.gal * powerlaw.pl
    models:
      instrument: {response: aperture, model: powerlaw.bg + gaussian.line}
      stray: {response: detector, model: cutoffpl.cxb, where: {instrument: FPMA}}
    parameters: &truth
      gal.nH: {value: 1, frozen: true}
      pl.PhoIndex: {value: 1.9}
      pl.norm: {value: 0.01}
      bg.PhoIndex: {value: 0.2, frozen: true}
      bg.norm: {value: 0.005, vary: [instrument]}
      line.LineE: {value: 22}
      line.Sigma: {value: 0.3, frozen: true}
      line.norm: {link: 1.4 * bg.norm}
      cxb.PhoIndex: {value: 1.29, frozen: true}
      cxb.HighECut: {value: 41.13, frozen: true}
      cxb.norm: {value: 0.03}
binning:
  min30: {type: min, counts: 30}
fit:
  both:
    data: [{spectra: drawn, binning: min30, band: 4-40 keV}]
    background: {mode: none}
    statistic: cstat
    model: tbabs.gal * powerlaw.pl
    models:
      instrument: {response: aperture, model: powerlaw.bg + gaussian.line}
      stray: {response: detector, model: cutoffpl.cxb, where: {instrument: FPMA}}
    parameters: *truth
    flux:
    - {bands: [4-10 keV]}
    - {bands: [4-10 keV], model: instrument}
    plots: {unfolded: true}
"""
TRUTH = {"pl.PhoIndex": 1.9, "pl.norm": 0.01, "bg.norm[FPMA]": 0.005, "bg.norm[FPMB]": 0.005, "line.LineE": 22.0}


@pytest.fixture
def files(desk: Desk) -> Desk:
    """A desk with an RMF that redistributes nothing, on energies of its own, and two ARFs of a window."""
    stem = desk.folder / "data" / "99900000001" / "nu99900000001A01"
    first = read_response(Path(f"{stem}_sr.rmf"), None)
    size = first.channel.size
    low = np.where(first.e_min > 0, first.e_min, first.e_max / 2)
    square = replace(
        first,
        energ_lo=low,
        energ_hi=first.e_max,
        indptr=np.arange(size + 1),
        first=np.arange(size, dtype=np.int32),
        length=np.ones(size, dtype=np.int32),
        matrix=np.ones(size, dtype=np.float32),
        specresp=np.ones(size),
    )
    write_rmf(desk.folder / "data" / "diag.rmf", square, {"TELESCOP": "NuSTAR"})
    for name, depth in (("be.arf", 2.0), ("be2.arf", 3.0)):
        middle = (first.energ_lo + first.energ_hi) / 2
        window = replace(first, specresp=np.exp(-depth * (3 / middle) ** 3))
        write_arf(desk.folder / "data" / name, window, {"TELESCOP": "NuSTAR"})
    desk.write(SPEC)
    return desk


def fit_of(desk: Desk, name: str = "both") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((desk.run_dir / "products" / "fits" / name / "fit.json").read_text())
    return found


def planned(desk: Desk) -> Said:
    store = desk.folder / "out" / ".store"
    return desk.xbatch("plan", desk.folder / "desk.yaml", "--out", desk.run_dir, "--store", store)


def columns(path: Path) -> dict[str, np.ndarray]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    rows = np.array([[float(cell) for cell in line.split(",")] for line in lines[1:]])
    return dict(zip(lines[0].split(","), rows.T, strict=True))


def test_what_is_drawn_through_three_responses_is_found_again(files: Desk) -> None:
    said = files.run()
    assert said.status == 0, said.all
    found = fit_of(files)
    for one in found["parameters"]:
        if one["name"] in TRUTH:
            assert abs(one["value"] - TRUTH[one["name"]]) < 3.5 * one["error_plus"], one
    values = {one["name"]: one["value"] for one in found["parameters"]}
    assert values["line.norm[FPMB]"] == pytest.approx(1.4 * values["bg.norm[FPMB]"])
    assert found["model_text"] == (
        "tbabs.gal * powerlaw.pl; instrument: powerlaw.bg + gaussian.line; stray: cutoffpl.cxb"
    )
    assert [(one["name"], one["response"], one["datasets"]) for one in found["models"]] == [
        ("instrument", "aperture", [0, 1]),
        ("stray", "detector", [0]),
    ]
    assert 0.7 < found["reduced"] < 1.4
    first, *others = found["flux"]
    assert "model" not in first
    assert first["datasets"] == [0, 1]
    assert [flux_label(found, one) for one in found["flux"]] == [
        "flux 4-10 keV absorbed",
        "flux 4-10 keV absorbed instrument FPMA",
        "flux 4-10 keV absorbed instrument FPMB",
    ]
    assert [(one["model"], one["datasets"]) for one in others] == [("instrument", [0]), ("instrument", [1])]
    # photons of a power law through no area at all: counts, which one can sum by hand
    norm = values["bg.norm[FPMA]"]
    assert others[0]["photon_flux"] == pytest.approx(norm * (10**0.8 - 4**0.8) / 0.8, rel=1e-3)

    folder = files.run_dir / "products" / "fits" / "both"
    assert (folder / "unfolded.png").stat().st_size > 10_000
    bins = columns(folder / "bins.ecsv")
    parts = ["model_pl", "model_bg", "model_line", "model_cxb"]
    assert [name for name in bins if name.startswith("model_")] == parts
    assert sum(bins[name] for name in parts) == pytest.approx(bins["model"], rel=1e-9)
    assert sum(bins[name] for name in parts[1:]) == pytest.approx(bins["further"], rel=1e-9)
    assert not np.any(bins["model_cxb"][bins["dataset"] == 1])
    assert np.all(bins["model_cxb"][bins["dataset"] == 0] > 0)
    products = files.run_dir / "products" / "99900000001"
    areas = [load_response(products / module / "src" / "response_detector.npz").specresp for module in ("FPMA", "FPMB")]
    assert np.all(areas[0] > areas[1])
    assert load_response(products / "FPMB" / "src" / "response_aperture.npz").has_arf is False


def test_nothing_runs_twice_and_one_arf_reruns_what_hangs_on_it(files: Desk) -> None:
    assert files.run().status == 0
    again = planned(files)
    assert " run " not in again.out.split("steps")[0]
    shutil.copyfile(files.folder / "data" / "be.arf", files.folder / "data" / "be2.arf")
    changed = planned(files).out
    assert "spectrum:99900000001/FPMB/src" in changed
    assert "be2.arf" in changed or "arf/detector" in changed


WRONG: list[tuple[str, Callable[[str], str], str, str]] = [
    (
        "the response of a model",
        lambda text: text.replace(
            "response: aperture, model: powerlaw.bg + gaussian.line}\n      stray",
            "response: apertur, model: powerlaw.bg + gaussian.line}\n      stray",
        ),
        "XB323",
        "has no response 'apertur'",
    ),
    ("the name of a component", lambda text: text.replace("cutoffpl.cxb", "cutoffpl.PL"), "XB304", "called 'pl'"),
    ("the model of a flux", lambda text: text.replace("model: instrument}", "model: instrumen}"), "XB325", "no model"),
    ("a file", lambda text: text.replace("diag.rmf", "dig.rmf"), "XB401", "dig.rmf"),
    ("an ARF", lambda text: text.replace("arf: be2.arf", "arf: bee.arf"), "XB401", "bee.arf"),
    ("a field", lambda text: text.replace("diag.rmf", '"{obs}.rmf"'), "XB112", "{obs}"),
    ("no model", lambda text: text.replace("    model: tbabs.gal * powerlaw.pl\n", ""), "XB306", "gal"),
]


@pytest.mark.parametrize(("change", "code", "words"), [one[1:] for one in WRONG], ids=[one[0] for one in WRONG])
def test_what_is_wrong_is_told_at_its_place(files: Desk, change: Callable[[str], str], code: str, words: str) -> None:
    text = change(SPEC)
    assert text != SPEC
    files.write(text)
    said = planned(files)
    assert said.status != 0
    assert code in said.all
    assert words in said.all
    assert "desk.yaml:" in said.all


def test_a_response_of_other_channels_is_refused_with_its_name(files: Desk) -> None:
    path = files.folder / "data" / "diag.rmf"
    whole = read_response(path, None)
    half = whole.channel.size // 2
    write_rmf(
        path,
        replace(
            whole,
            energ_lo=whole.energ_lo[:half],
            energ_hi=whole.energ_hi[:half],
            indptr=whole.indptr[: half + 1],
            first=whole.first[:half],
            length=whole.length[:half],
            matrix=whole.matrix[:half],
            channel=whole.channel[:half],
            e_min=whole.e_min[:half],
            e_max=whole.e_max[:half],
        ),
        {"TELESCOP": "NuSTAR"},
    )
    said = files.run()
    assert said.status != 0
    assert "diag.rmf" in said.all
    assert "channels" in said.all


PLAIN = {
    "tbabs.gal * powerlaw.pl": "powerlaw.pl",
    "powerlaw.bg + gaussian.line": "powerlaw.bg",
    "cutoffpl.cxb": "powerlaw.cxb",
    "      gal.nH: {value: 1, frozen: true}\n": "",
    "      line.LineE: {value: 22}\n      line.Sigma: {value: 0.3, frozen: true}\n": "",
    "      line.norm: {link: 1.4 * bg.norm}\n": "",
    "      cxb.HighECut: {value: 41.13, frozen: true}\n": "",
    "cxb.PhoIndex: {value: 1.29, frozen: true}": "cxb.PhoIndex: {link: pl.PhoIndex / 2}",
}


@pytest.mark.filterwarnings("ignore::UserWarning:sherpa")
def test_the_sherpa_script_gives_the_statistic_of_the_fit(files: Desk) -> None:
    from sherpa.astro import ui

    text = SPEC
    for old, new in PLAIN.items():
        assert old in text
        text = text.replace(old, new)
    files.write(text)
    said = files.run()
    assert said.status == 0, said.all
    folder = files.run_dir / "products" / "fits" / "both"
    files.capsys.readouterr()
    runpy.run_path(str(folder / "fit_sherpa.py"))
    printed = files.capsys.readouterr().out.splitlines()[-1].split()
    ui.clean()
    assert float(printed[0]) == pytest.approx(fit_of(files)["stat_value"], rel=1e-8)


def test_the_xspec_files_name_sources_models_and_links(files: Desk) -> None:
    assert files.run().status == 0
    folder = files.run_dir / "products" / "fits" / "both"
    lines = (folder / "fit.xcm").read_text().splitlines()
    home = "../../99900000001/FPM{}/drawn"
    for number, module in enumerate("AB", 1):
        place = home.format(module)
        assert f"response 1:{number} {place}/response.rmf" in lines
        assert f"response 2:{number} {place}/responses/aperture/response.rmf" in lines
        assert f"arf 2:{number} {place}/responses/aperture/response.arf" in lines
        assert (folder / place / "responses" / "aperture" / "response.arf").is_file()
    assert f"response 3:1 {home.format('A')}/responses/detector/response.rmf" in lines
    assert not any(line.startswith(("response 3:2", "arf 3:2")) for line in lines)
    at = {name: lines.index(f"model {name}") for name in ("tbabs * powerlaw", "2:instrument powerlaw + gaussian")}
    start = at["2:instrument powerlaw + gaussian"]
    rows = lines[start + 1 : start + 11]
    # bg.PhoIndex, bg.norm; line.LineE, Sigma, norm of the first data group, then of the second
    assert rows[4] == "= 1.4 * instrument:p2"
    assert [rows[n] for n in (5, 7, 8, 9)] == [
        "= instrument:p1",
        "= instrument:p3",
        "= instrument:p4",
        "= 1.4 * instrument:p7",
    ]
    assert lines[start + 11] == "model 3:stray cutoffpl"
    assert lines[start + 15] == "show fit"
    script = (folder / "fit_pyxspec.py").read_text()
    compile(script, "fit_pyxspec.py", "exec")
    assert f'data.multiresponse[2].arf = "{home.format("A")}/responses/detector/response.arf"' in script
    assert 'Model("powerlaw + gaussian", "instrument", 2)' in script
    assert 'AllModels(2, "instrument")(5).link = "1.4 * instrument:p7"  # line.norm' in script
    assert 'AllModels(1, "stray")(1).values = "' in script
    assert 'AllModels(2, "stray")' not in script


def test_the_xspec_file_comes_back_as_a_spec_of_the_same_fit(files: Desk) -> None:
    """Three sources, links within and between data groups: written as XSPEC's commands, read again, fitted again."""
    assert files.run().status == 0
    folder = files.run_dir / "products" / "fits" / "both"
    back = files.folder / "back.yaml"
    said = files.xbatch("import", folder / "fit.xcm", "--name", "back", "--output", back)
    assert said.status == 0, said.all
    assert "No counterpart" not in back.read_text()
    out = files.folder / "out" / "back"
    said = files.xbatch("run", back, "--out", out)
    assert said.status == 0, said.all
    again = json.loads((out / "products" / "fits" / "xspec" / "fit.json").read_text())
    first = fit_of(files)
    assert (again["bins"], again["free"]) == (first["bins"], first["free"])
    assert again["stat_value"] == pytest.approx(first["stat_value"], rel=1e-7)


def test_a_sum_has_the_mean_of_its_members_responses(files: Desk) -> None:
    text = SPEC.replace('obsids: ["99900000001"]', 'obsids: ["99900000001", "99900000002"]')
    text = text.replace("binning:\n", "combine: {both: {of: src}}\nbinning:\n")
    files.write(text.replace("spectra: drawn", "spectra: both"))
    said = files.run("--only", "fit:*")
    assert said.status == 0, said.all
    products = files.run_dir / "products"
    parts = [load_response(products / o / "FPMA" / "src" / "response_detector.npz") for o in OBSIDS]
    whole = load_response(products / "both" / "FPMA" / "src" / "response_detector.npz")
    # One matrix and one area for both, so that the mean is each of them.
    assert whole.specresp == pytest.approx(parts[0].specresp, rel=1e-6)
    assert whole.specresp == pytest.approx(parts[1].specresp, rel=1e-6)
    assert fit_of(files)["models"][1]["datasets"] == [0]


REAL = """\
xbatch: 1
name: desk
mission: nustar
obsids: ["90402339002"]
data: {{root: {root}/90402339002, level: spectra}}
spectra:
  bk:
    file: "nu{{obsid}}{{module}}01_bk.pha"
    response: nuAdet3_2012.rmf
    arf: none
    background: none
    responses: {{stray: {{arf: {root}/nuskybgd-auxil/be.arf}}, intn: {{response: {root}/nuskybgd-auxil/diag.rmf}}}}
binning: {{min30: {{type: min, counts: 30, bad: ["0-34", "1910-4095"]}}}}
fit:
  both:
    data: [{{spectra: bk, binning: min30, band: 3-79 keV}}]
    background: {{mode: none}}
    statistic: cstat
    models:
      apbgd: {{response: stray, model: powerlaw.cxb}}
      intn: {{response: intn, model: powerlaw.cont}}
    parameters:
      cxb.PhoIndex: {{value: 2, frozen: true}}
      cont.PhoIndex: {{value: -0.05, frozen: true}}
      "*.norm": {{vary: [instrument]}}
"""


@pytest.mark.real_data
@pytest.mark.filterwarnings("ignore::UserWarning:sherpa")
def test_a_background_of_nustar_is_that_of_a_sherpa_script(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], real_data: Path
) -> None:
    """The aperture's background and the instrument's, through the files of nuskybgd."""
    from sherpa.astro import ui

    desk = Desk(tmp_path, capsys)
    desk.write(REAL.format(root=real_data / "nustar"))
    said = desk.run()
    assert said.status == 0, said.all
    found = fit_of(desk)
    assert all(one["error_plus"] < 0.2 * one["value"] for one in found["parameters"] if one["parameter"] == "norm")
    capsys.readouterr()
    runpy.run_path(str(desk.run_dir / "products" / "fits" / "both" / "fit_sherpa.py"))
    printed = capsys.readouterr().out.splitlines()[-1].split()
    assert float(printed[0]) == pytest.approx(found["stat_value"], rel=1e-8)
    ui.clean()
