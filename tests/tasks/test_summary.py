"""Tests of the table of all spectra."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from xbatch.base.errors import FileError
from xbatch.ogip.pha import Spectrum, write_pha
from xbatch.registry import TASKS, Job, Outcome
from xbatch.tasks.summary import run


def spectrum(counts: int, exposure: float, **header: str | float | int) -> Spectrum:
    n = 4
    return Spectrum(
        path="",
        channel=np.arange(n),
        counts=np.array([counts, 0, 0, 0], float),
        stat_err=None,
        sys_err=np.zeros(n),
        quality=np.zeros(n, np.int16),
        grouping=np.ones(n, np.int16),
        backscal=np.ones(n),
        areascal=np.ones(n),
        exposure=exposure,
        poisson=True,
        is_rate=False,
        detchans=n,
        first_channel=0,
        header={key.replace("_", "-") if key.startswith("DATE") else key: value for key, value in header.items()},
    )


def work(folder: Path, spectra: list[Spectrum | None], notes: dict[int, str] | None = None, **params: float) -> Outcome:
    folder.mkdir()
    inputs = {}
    entries = []
    for number, one in enumerate(spectra):
        role = f"spectrum/{number}"
        if one is not None:
            inputs[role] = folder / f"{number}.pha"
            write_pha(inputs[role], one)
        note = (notes or {}).get(number, "")
        entries.append(
            {"role": role, "obsid": f"001314010{number}", "instrument": "EPN", "spectrum": "agn", "note": note}
        )
    (folder / "out").mkdir()
    return run(Job("summary", {"spectra": entries, **params}, inputs, folder / "out"))


def rows(folder: Path) -> list[list[str]]:
    with (folder / "out" / "summary.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


XMM = spectrum(98_700, 13_500.0, TELESCOP="XMM", DATE_OBS="2001-02-02T00:00:00", DATE_END="2001-02-02T01:37:58")
NUSTAR = spectrum(
    106_380, 56_584.9, TELESCOP="NuSTAR", MJDREFI=55197, MJDREFF=7.6601852e-4, TSTART=134_092_388.2, TSTOP=134_200_000.0
)


def test_the_table_has_the_digits_of_each_mission(tmp_path: Path) -> None:
    outcome = work(tmp_path / "a", [XMM, NUSTAR])
    assert outcome.facts == {"spectra": 2, "missing": []} and outcome.notes == ()
    assert rows(tmp_path / "a") == [
        ["num", "obsid", "instrument", "spectrum", "mjd", "rate", "exposure", "note"],
        ["1", "0013140100", "EPN", "agn", "51942.034", "7.31", "13.5", ""],
        ["2", "0013140101", "EPN", "agn", "56748.996", "1.88", "56.585", ""],
    ]


def test_all_digits_and_units_are_in_the_ecsv(tmp_path: Path) -> None:
    work(tmp_path / "a", [XMM, NUSTAR], {0: "a 100 % stand-in"})
    table = Table.read(tmp_path / "a" / "out" / "summary.ecsv", format="ascii.ecsv")
    assert list(table["obsid"]) == ["0013140100", "0013140101"]
    assert table["exposure"][1] == pytest.approx(56.5849, rel=1e-15) and table["exposure"].unit == "ks"
    assert table["rate"][0] == pytest.approx(98_700 / 13_500, rel=1e-15) and table["rate"].unit == "ct / s"
    assert table["note"][0] == "a 100 % stand-in"
    assert r"a 100 \% stand-in \\" in (tmp_path / "a" / "out" / "summary.tex").read_text()


def test_a_spectrum_that_is_not_there_keeps_its_number(tmp_path: Path) -> None:
    outcome = work(tmp_path / "a", [XMM, None, NUSTAR])
    table = rows(tmp_path / "a")
    assert table[2] == ["2", "0013140101", "EPN", "agn", "", "", "", "no result: a step that makes it has failed"]
    assert table[3][0] == "3"
    assert outcome.facts["missing"] == ["0013140101/EPN/agn"] and len(outcome.notes) == 1


def test_no_dates_in_the_header_leave_the_cell_empty(tmp_path: Path) -> None:
    work(tmp_path / "a", [replace(XMM, header={"TELESCOP": "XMM"})])
    assert rows(tmp_path / "a")[1][4] == ""


def test_the_declared_outputs_and_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        work(tmp_path / name, [XMM, NUSTAR])
    for name in TASKS["summary"].outputs:
        assert (tmp_path / "a" / "out" / name).read_bytes() == (tmp_path / "b" / "out" / name).read_bytes()


def test_a_damaged_input_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.pha").write_bytes(b"")
    entry = {"role": "spectrum/0", "obsid": "1", "instrument": "EPN", "spectrum": "a", "note": ""}
    with pytest.raises(FileError, match="is empty"):
        run(Job("summary", {"spectra": [entry]}, {"spectrum/0": tmp_path / "x.pha"}, tmp_path))


def test_short_spectra_are_named(tmp_path: Path) -> None:
    outcome = work(tmp_path / "a", [spectrum(10, 4000.0), spectrum(10, 6000.0)], {0: "odd"}, min_exposure=5000.0)
    assert [row[-1] for row in rows(tmp_path / "a")[1:]] == ["odd; left out of sums and fits: less than 5 ks", ""]
    assert outcome.facts["short"] == ["0013140100/EPN/agn"]
    assert outcome.notes == ("0013140100/EPN/agn is left out of sums and fits: its exposure is below 5 ks",)
