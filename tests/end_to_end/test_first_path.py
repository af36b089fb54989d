"""The whole way: a spec in, spectra binned and fitted, tables, plots, page and record out."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from tests.end_to_end.world import OBSIDS, SPEC, Desk
from xbatch.ogip.pha import read_pha
from xbatch.ogip.response import load_response

pytest.importorskip("sherpa", reason="a fit needs Sherpa")


def test_a_run_leaves_what_was_asked_and_the_truth_is_found(finished: Desk) -> None:
    desk = finished
    assert set(desk.outcomes().values()) == {"done"}
    for obsid in OBSIDS:
        fit = desk.fit(f"pl/{obsid}")
        values = {p["name"]: p for p in fit["parameters"]}
        index, norm, cal = (values[name] for name in ("pl.PhoIndex", "pl.norm", "cal.factor[FPMB]"))
        for found, truth in ((index, 1.9), (norm, 0.01), (cal, 1.05)):
            assert abs(found["value"] - truth) < 4 * found["error_plus"]
        assert fit["good_fit"]
        assert 0.7 < fit["reduced"] < 1.4
    products = desk.run_dir / "products"
    grouped = products / OBSIDS[0] / "FPMA" / "src" / "min30" / "grouped.pha"
    background = grouped.parent / fits.getval(grouped, "BACKFILE", "SPECTRUM")
    assert background.resolve() == grouped.parent.parent / "background.pha" and background.is_file()
    left = {p.name for p in (products / "fits" / "pl" / OBSIDS[0]).iterdir()}
    scripts = {"fit.xcm", "fit_pyxspec.py", "fit_sherpa.py"}
    spectra = {f"{kind}_{number}.pha" for kind in ("spectrum", "background") for number in (1, 2)}
    assert left == {"fit.json", "bins.ecsv", "fit.png", "fit.pdf"} | scripts | spectra
    for number, module in ((1, "FPMA"), (2, "FPMB")):
        named = fits.getheader(products / "fits" / "pl" / OBSIDS[0] / f"spectrum_{number}.pha", "SPECTRUM")
        for key in ("RESPFILE", "ANCRFILE", "BACKFILE"):
            assert (products / "fits" / "pl" / OBSIDS[0] / named[key]).is_file()
        assert f"{OBSIDS[0]}/{module}/src/response.rmf" in named["RESPFILE"]
    table = Table.read(products / "tables" / "parameters.ecsv", format="ascii.ecsv")
    assert len(table) == 10
    summary = Table.read(products / "tables" / "summary.ecsv", format="ascii.ecsv")
    assert list(summary["num"]) == [1, 2, 3, 4]
    assert "pl.PhoIndex" in (desk.folder / "said.txt").read_text()
    page = (desk.run_dir / "report.html").read_text()
    assert "pl.PhoIndex" in page and "data:image/png;base64," in page
    assert "http://" not in page.replace("http://www.w3.org", "") and "<script src" not in page
    assert desk.leftovers() == []


@pytest.mark.parametrize("name", ["spectrum.pha", "min30/grouped.pha"])
def test_sherpa_finds_everything_of_a_spectrum_where_it_lies(
    finished: Desk, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sherpa.astro import ui

    folder = finished.run_dir / "products" / OBSIDS[0] / "FPMA" / "src"
    monkeypatch.chdir(tmp_path)  # from anywhere
    ui.clean()
    ui.load_pha(str(folder / name))
    own = load_response(folder / "response.npz")
    data, counts = ui.get_data(), read_pha(folder / "spectrum.pha").counts
    assert np.array_equal(data.counts, counts) and data.grouped == (name != "spectrum.pha")
    assert np.allclose(ui.get_rmf().e_min, own.e_min) and np.allclose(ui.get_arf().specresp, own.specresp)
    assert np.array_equal(ui.get_bkg().counts, read_pha(folder / "background.pha").counts)
    ui.set_source(ui.powlaw1d.pl)
    assert np.isfinite(ui.calc_stat())
    ui.clean()


def test_a_second_run_does_nothing_and_needs_no_library(finished: Desk) -> None:
    desk = finished
    before = {p: p.stat().st_mtime_ns for p in (desk.run_dir / "products").rglob("*") if p.is_file()}
    code = (
        "import sys\n"
        "from xbatch.cli.main import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'numpy', 'astropy', 'sherpa', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    out = ("--out", desk.run_dir, "--store", desk.folder / "out" / ".store")
    arguments = [str(a) for a in ("run", desk.folder / "desk.yaml", *out)]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(desk.outcomes().values()) == {"up to date"}
    assert {p: p.stat().st_mtime_ns for p in (desk.run_dir / "products").rglob("*") if p.is_file()} == before


def test_a_changed_binning_reruns_grouping_and_fit_only(finished: Desk) -> None:
    desk = finished
    planned = desk.xbatch(
        "plan", desk.folder / "desk.yaml", "--out", desk.run_dir, "--set", "binning.min30.counts=40", "--json"
    )
    verdicts = {step["name"]: step["verdict"] for step in json.loads(planned.out)["steps"]}
    desk.run("--set", "binning.min30.counts=40")
    outcomes = desk.outcomes()
    done = {name.split(":")[0] for name, outcome in outcomes.items() if outcome == "done"}
    assert done == {"group", "fit", "plot", "handover", "parameters"}
    assert all(outcomes[name] == "up to date" for name, verdict in verdicts.items() if verdict == "up to date")
    assert all(outcomes[name] == "done" for name, verdict in verdicts.items() if verdict == "run")
    reasons = {step["name"]: step["reasons"] for step in desk.manifest()["steps"]}
    (reason,) = reasons[f"group:{OBSIDS[0]}/FPMA/src/min30"]
    assert (reason["what"], reason["old"], reason["new"]) == ("binning.counts", 30, 40)


def test_a_new_date_in_a_file_reruns_nothing_and_a_new_count_does(finished: Desk) -> None:
    desk = finished
    with fits.open(desk.pha(), mode="update") as hdus:
        hdus["SPECTRUM"].header["DATE"] = "2026-01-01T00:00:00"
        hdus["SPECTRUM"].header["HISTORY"] = "looked at"
    desk.run()
    assert set(desk.outcomes().values()) == {"up to date"}
    with fits.open(desk.pha(), mode="update") as hdus:
        hdus["SPECTRUM"].data["COUNTS"][100] += 1
    desk.run()
    outcomes = desk.outcomes()
    assert outcomes[f"spectrum:{OBSIDS[0]}/FPMA/src"] == "done"
    assert outcomes[f"fit:pl/{OBSIDS[0]}"] == "done"
    assert outcomes[f"spectrum:{OBSIDS[0]}/FPMB/src"] == "up to date"
    assert outcomes[f"fit:pl/{OBSIDS[1]}"] == "up to date"


def test_a_grid_of_three_binnings_reads_once_and_gives_one_table(desk: Desk) -> None:
    sweep = "sweep: {grid: {binning.min30.counts: [25, 50, 100]}}\n"
    desk.write(SPEC.replace('["99900000001", "99900000002"]', '["99900000001"]') + sweep)
    assert desk.run("--only", "group:*", "--only", "parameters:*").status == 0
    tasks = [step["task"] for step in desk.manifest()["steps"]]
    assert [tasks.count(t) for t in ("spectrum", "group", "fit", "parameters")] == [2, 6, 3, 1]
    table = Table.read(desk.run_dir / "products" / "tables" / "parameters.ecsv", format="ascii.ecsv")
    assert sorted(set(table["binning.min30.counts"])) == [25, 50, 100]
    bins = {row["binning.min30.counts"]: row["bins"] for row in table}
    assert bins[25] > bins[50] > bins[100]


def test_products_are_the_same_bytes_however_many_workers_made_them_and_after_a_stop(desk: Desk) -> None:
    def products(name: str, *options: object) -> dict[str, str]:
        out = desk.folder / name / "r"
        desk.xbatch("run", desk.folder / "desk.yaml", "--out", out, *options)
        steps = json.loads((out / "manifest.json").read_text())["steps"]
        made = {(step["name"], file): output["sha256"] for step in steps for file, output in step["outputs"].items()}
        for step in steps:
            for output in step["outputs"].values():
                if output["path"]:
                    assert hashlib.sha256((out / output["path"]).read_bytes()).hexdigest() == output["sha256"]
        return made

    whole = products("1", "--jobs", 1)
    assert len(whole) > 10
    assert products("8", "--jobs", 8) == whole
    stopped = products("resumed", "--jobs", 2, "--only", "group:*", "--timeout", "spectrum:*FPMB*=0.001s")
    assert 0 < len(stopped) < len(whole)
    assert products("resumed", "--jobs", 2) == whole


def test_only_and_force_take_patterns(desk: Desk) -> None:
    desk.run("--only", "group:*/FPMA/*")
    outcomes = desk.outcomes()
    assert outcomes[f"group:{OBSIDS[0]}/FPMA/src/min30"] == "done"
    assert outcomes[f"spectrum:{OBSIDS[0]}/FPMA/src"] == "done"
    assert outcomes[f"fit:pl/{OBSIDS[0]}"] == "not selected"
    desk.run("--only", "group:*/FPMA/*", "--force", "group:*001/FPMA/*")
    assert desk.outcomes()[f"group:{OBSIDS[0]}/FPMA/src/min30"] == "done"
    assert desk.outcomes()[f"group:{OBSIDS[1]}/FPMA/src/min30"] == "up to date"
    desk.run("--from", "group:*002/FPMB/*", "--only", "group:*")
    ran = {name for name, outcome in desk.outcomes().items() if outcome != "not selected"}
    assert ran == {f"spectrum:{OBSIDS[1]}/FPMB/src", f"group:{OBSIDS[1]}/FPMB/src/min30"}
    said = desk.run("--only", "group:*", "--jobs", 1, "--cores", "group:*FPMA*=2")
    assert said.status == 2
    assert f"group:{OBSIDS[0]}/FPMA/src/min30 (and 1 more) can never start: it takes 2 cores" in said.err
