"""The table of parameters."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from astropy.table import Table

from tests.tasks.fits import dataset, fit_record, parameter, write_fit
from xbatch.registry import Job, Outcome
from xbatch.tasks.parameters import run


def table_of(tmp_path: Path, fits: list[dict[str, Any]], records: dict[str, dict[str, Any]]) -> tuple[Outcome, Path]:
    inputs = {role: write_fit(tmp_path / role, record)[0] for role, record in records.items()}
    out = tmp_path / "out"
    out.mkdir()
    return run(Job("parameters:fits", {"fits": fits}, inputs, out)), out


def entry(role: str, fit: str, member: str = "", **values: Any) -> dict[str, Any]:
    return {"role": role, "fit": fit, "member": member, "values": values}


def test_a_row_for_each_parameter_with_every_digit(tmp_path: Path) -> None:
    outcome, out = table_of(tmp_path, [entry("fit/0", "cutoff")], {"fit/0": fit_record()})
    table = Table.read(out / "parameters.ecsv", format="ascii.ecsv")
    assert list(table["parameter"]) == ["factor[FPMA]", "factor[FPMB]", "PhoIndex", "norm"]
    assert list(table["state"]) == ["frozen", "free", "free", "free"]
    assert table["value"][2] == 1.98765 and table["error_plus"][2] == 0.0309
    assert table["error_minus"].mask.tolist() == [True, False, False, False]
    assert table["flux 3-79 keV unabsorbed"].unit == "erg / (s cm2)"
    assert set(table["flux 3-79 keV unabsorbed"]) == {3.43e-10}
    assert (set(table["aic"]), set(table["bic"])) == ({86.5}, {91.2})
    assert outcome.facts == {"fits": 1, "failed": 0, "rows": 4}


def test_a_failed_fit_is_one_row_that_says_so(tmp_path: Path) -> None:
    fits = [entry("fit/0", "cutoff"), entry("fit/1", "each/NE/30001002003~binning=sn20")]
    outcome, out = table_of(tmp_path, fits, {"fit/0": fit_record()})
    table = Table.read(out / "parameters.ecsv", format="ascii.ecsv")
    last = table[-1]
    assert (last["fit"], last["group"], last["state"]) == ("each", "NE/30001002003", "failed")
    assert "failed" in last["note"]
    assert table["value"].mask[-1]
    assert table.meta["failed"] == ["each/NE/30001002003~binning=sn20"]
    assert len(outcome.notes) == 1
    assert "failed" in (out / "parameters.tex").read_text()


def test_swept_values_are_columns(tmp_path: Path) -> None:
    fits = [
        entry("fit/0", "cutoff~snr=3", "snr=3", **{"binning.opt6.snr": 3.0, "fit.cutoff.data[0].binning": "min30"}),
        entry("fit/1", "cutoff~snr=6", "snr=6", **{"binning.opt6.snr": 6.0}),
    ]
    _, out = table_of(tmp_path, fits, {"fit/0": fit_record(), "fit/1": fit_record()})
    with (out / "parameters.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows[0]["binning.opt6.snr"] == "3.0" and rows[4]["binning.opt6.snr"] == "6.0"
    assert rows[4]["fit.cutoff.data[0].binning"] == ""
    assert rows[4]["fit"] == "cutoff" and rows[4]["member"] == "snr=6"


def test_what_must_be_known_of_a_fit_stands_in_every_row_of_it(tmp_path: Path) -> None:
    record = fit_record(
        good_fit=False,
        notes=["poor fit (reduced chi-squared 9.3)", "12 background bins are empty"],
        datasets=[dataset("FPMA", note="stand-in matrix"), dataset("FPMB", note="stand-in matrix")],
        parameters=[parameter("pl.PhoIndex", 2.0, error_note="not computed: reduced chi-squared 9.3 > 2")],
    )
    _, out = table_of(tmp_path, [entry("fit/0", "cutoff")], {"fit/0": record})
    (note,) = Table.read(out / "parameters.ecsv", format="ascii.ecsv")["note"]
    for word in ("not computed", "poor fit", "12 background", "stand-in"):
        assert note.count(word) == 1


def test_fluxes_of_several_datasets_have_columns_of_their_own(tmp_path: Path) -> None:
    flux = fit_record()["flux"][0]
    record = fit_record(flux=[flux, {**flux, "dataset": 1, "energy_flux": 3.5e-10}])
    _, out = table_of(tmp_path, [entry("fit/0", "cutoff")], {"fit/0": record})
    table = Table.read(out / "parameters.ecsv", format="ascii.ecsv")
    assert table["flux 3-79 keV unabsorbed FPMA"][0] == 3.43e-10
    assert table["flux 3-79 keV unabsorbed FPMB"][0] == 3.5e-10


def test_latex_has_errors_above_and_below_and_is_escaped(tmp_path: Path) -> None:
    record = fit_record(name="a_b & 50%", notes=["100% of $x$_y"])
    _, out = table_of(tmp_path, [entry("fit/0", "a_b & 50%")], {"fit/0": record})
    text = (out / "parameters.tex").read_text()
    assert r"pl.PhoIndex &  & $1.988^{+0.031}_{-0.021}$ \\" in text
    assert r"cm$^{-2}$ s$^{-1}$ keV$^{-1}$" in text
    assert r"a\_b \& 50\%" in text
    assert r"100\% of \$x\$\_y" in text
    assert "$1$ (fixed)" in text


def test_equal_fits_give_equal_bytes(tmp_path: Path) -> None:
    first = table_of(tmp_path / "a", [entry("fit/0", "cutoff")], {"fit/0": fit_record()})[1]
    second = table_of(tmp_path / "b", [entry("fit/0", "cutoff")], {"fit/0": fit_record()})[1]
    for name in ("parameters.ecsv", "parameters.csv", "parameters.tex"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_no_fit_at_all_gives_an_empty_table(tmp_path: Path) -> None:
    _, out = table_of(tmp_path, [], {})
    assert len(Table.read(out / "parameters.ecsv", format="ascii.ecsv")) == 0
