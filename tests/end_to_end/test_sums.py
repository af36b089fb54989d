"""Sums over observations, short observations and bands found in spectra: from a spec to products."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from tests.end_to_end.world import OBSIDS, SPEC, Desk, make_data
from xbatch.ogip.pha import read_pha
from xbatch.report.source import open_run
from xbatch.report.terminal import parameter_tables

pytest.importorskip("sherpa", reason="a fit needs Sherpa")

SHORT = "99900000003"
MORE = """\
combine:
  all: {of: src, warn_if: {rate_differs: 30 sigma}}
  net: {of: src, background: subtract, response: counts-weighted, where: {module: A}}
keep: {min_exposure: 1 ks}
bands:
  eight: {scheme: equal-counts, range: 4-40 keV, n: 8, of: {spectrum: all, module: A}, snap: {to: {spectrum: net}}}
  four: {scheme: equal-snr, range: 4-40 keV, n: 4, of: {spectrum: src, obsid: "99900000001", module: B}}
"""
SUMS = """\
  sum:
    data: [{spectra: all, binning: min30, band: 4-40 keV}]
    background: {mode: profiled}
    statistic: wstat
    model: &model constant.cal * tbabs.gal * powerlaw.pl
    parameters: &values
      cal.factor: {value: 1, frozen: true, for: [{where: {instrument: FPMB}, frozen: false}]}
      gal.nH: {value: 1, frozen: true}
      pl.PhoIndex: {value: 1.7, min: 0, max: 4}
  net:
    data: [{spectra: net, binning: sn3, band: 4-40 keV}]
    background: {mode: none}
    statistic: chi2
    variance: file
    model: tbabs.gal * powerlaw.pl
    parameters: {gal.nH: {value: 1, frozen: true}, pl.PhoIndex: {value: 1.7, min: 0, max: 4}}
"""


@pytest.fixture(scope="module")
def summed(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk where two observations and a short one have been summed and fitted; without a captured output."""
    folder = tmp_path_factory.mktemp("desk")
    make_data(folder / "data")
    shutil.copytree(folder / "data" / OBSIDS[1], folder / "data" / SHORT)
    for path in sorted((folder / "data" / SHORT).glob("*")):
        named = path.rename(path.with_name(path.name.replace(OBSIDS[1], SHORT)))
        if named.name.endswith("_sr.pha"):
            with fits.open(named, mode="update") as hdus:
                hdus["SPECTRUM"].header["EXPOSURE"] = 900.0
                for card in ("BACKFILE", "RESPFILE", "ANCRFILE"):
                    value = hdus["SPECTRUM"].header[card]
                    hdus["SPECTRUM"].header[card] = value.replace(OBSIDS[1], SHORT)
    text = SPEC.replace('"99900000002"]', f'"99900000002", "{SHORT}"]')
    text = text.replace("binning:\n", f"{MORE}binning:\n  sn3: {{type: snmin, snr: 3, background: false}}\n") + SUMS
    (folder / "desk.yaml").write_text(text)
    from xbatch.cli.main import main

    out = ["--out", str(folder / "out" / "desk"), "--store", str(folder / "out" / ".store"), "--quiet"]
    with pytest.raises(SystemExit) as ended:
        main(["run", str(folder / "desk.yaml"), *out])
    assert not ended.value.code
    return Desk(folder, None)  # type: ignore[arg-type]


def products(desk: Desk, *names: str) -> Path:
    return desk.run_dir.joinpath("products", *names)


def test_sums_hold_what_their_members_hold(summed: Desk) -> None:
    for module in ("FPMA", "FPMB"):
        total = read_pha(products(summed, "all", module, "src", "spectrum.pha"))
        parts = [read_pha(products(summed, obsid, module, "src", "spectrum.pha")) for obsid in OBSIDS]
        assert np.array_equal(total.counts, sum(part.counts for part in parts))
        assert total.exposure == pytest.approx(sum(part.exposure for part in parts))
        assert total.poisson and read_pha(products(summed, "all", module, "src", "background.pha")).poisson
    assert not products(summed, "net", "FPMA", "src", "background.pha").exists()
    assert not products(summed, "net", "FPMB").exists()


def test_fits_of_sums_find_the_truth(summed: Desk) -> None:
    for name in ("sum", "net"):
        fit = summed.fit(name)
        values = {one["name"]: one for one in fit["parameters"]}
        assert fit["good_fit"] and 0.7 < fit["reduced"] < 1.4
        assert abs(values["pl.PhoIndex"]["value"] - 1.9) < 4 * values["pl.PhoIndex"]["error_plus"]
        assert abs(values["pl.norm"]["value"] - 0.01) < 4 * values["pl.norm"]["error_plus"]
    one = {one["name"]: one for one in summed.fit(f"pl/{OBSIDS[0]}")["parameters"]}
    both = {one["name"]: one for one in summed.fit("sum")["parameters"]}
    assert both["pl.PhoIndex"]["error_plus"] < 0.85 * one["pl.PhoIndex"]["error_plus"]


def test_short_observations_are_named_and_not_fitted(summed: Desk) -> None:
    steps = {step["name"]: step for step in summed.manifest()["steps"]}
    assert {step["outcome"] for step in steps.values()} == {"done"}
    why = f"{SHORT}/FPMA/src is left out: exposure 900 s, less than 1000 s"
    assert why in steps["combine:all/FPMA/src"]["notes"] and why in steps[f"fit:pl/{SHORT}"]["notes"]
    assert summed.fit(f"pl/{SHORT}")["datasets"] == []
    table = Table.read(products(summed, "tables", "parameters.ecsv"), format="ascii.ecsv")
    (row,) = [row for row in table if row["state"] == "left out"]
    assert row["group"] == SHORT and why in row["note"]
    summary = Table.read(products(summed, "tables", "summary.ecsv"), format="ascii.ecsv")
    short = {f"{row['obsid']}/{row['instrument']}" for row in summary if "left out" in str(row["note"])}
    assert short == {f"{SHORT}/FPMA", f"{SHORT}/FPMB"}
    page = (summed.run_dir / "report.html").read_text()
    assert "Nothing was fitted" in page and why in page
    assert len(parameter_tables(summed.run_dir)) == 5
    assert open_run(summed.run_dir).manifest["run"]["outcome"] == "complete"


def test_bands_share_out_counts_and_signal_to_noise(summed: Desk) -> None:
    eight = json.loads(products(summed, "bands", "eight", "bands.json").read_text())["bands"]
    counts = [band["counts"] for band in eight]
    assert len(eight) == 8 and counts == pytest.approx([np.mean(counts)] * 8, rel=0.1)
    assert eight[0]["lo"] == 4.0 and eight[-1]["hi"] == 40.0
    four = json.loads(products(summed, "bands", "four", "bands.json").read_text())["bands"]
    ratios = [band["snr"] for band in four]
    assert len(four) == 4 and ratios == pytest.approx([np.mean(ratios)] * 4, rel=0.1)


def test_the_plan_of_a_spec_with_sums_is_whole(summed: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    said = Desk(summed.folder, capsys).xbatch("validate", summed.folder / "desk.yaml")
    assert said.status == 0 and "3 sums" in said.out
