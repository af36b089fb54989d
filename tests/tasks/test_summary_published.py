"""The published tables of NGC 5506, from spectra that hold no more than their numbers."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.tasks.test_summary import spectrum
from xbatch.ogip.pha import write_pha
from xbatch.registry import Job
from xbatch.tasks.summary import run

#: EPIC-pn: observation, MJD in the middle, counts/s of the source region, exposure in ks.
PN = [
    ("0013140101", "51943.034", "7.31", "13.5"),
    ("0013140201", "52283.816", "12.0", "9.94"),
    ("0201830201", "53197.533", "8.34", "14.8"),
    ("0201830301", "53201.043", "8.02", "14.0"),
    ("0201830401", "53208.674", "7.51", "13.9"),
    ("0201830501", "53224.964", "11.9", "14.0"),
    ("0554170101", "54834.329", "13.4", "57.7"),
    ("0554170201", "54674.832", "12.1", "62.9"),
    ("0761220101", "57211.684", "7.25", "88.8"),
]
#: FPMA: observation, MJD of the start (TT), counts/s, exposure in ks.
FPMA = ("60061323002", "56748.996", "1.88", "56.585")
_EPOCH = datetime(1858, 11, 17)


def _stub(path: Path, mjd: str, rate: str, kiloseconds: str) -> Path:
    seconds = 1000.0 * float(kiloseconds)
    half = timedelta(seconds=seconds / 2)
    middle = _EPOCH + timedelta(days=float(mjd))
    ends = ((middle + sign * half).isoformat(timespec="seconds") for sign in (-1, 1))
    counts = round(float(rate) * seconds)
    write_pha(path, spectrum(counts, seconds, TELESCOP="XMM", **dict(zip(("DATE_OBS", "DATE_END"), ends, strict=True))))
    return path


def _table(folder: Path, entries: list[tuple[str, str]], inputs: dict[str, Path], least: float) -> list[list[str]]:
    (folder / "out").mkdir()
    params = {
        "spectra": [
            {"role": role, "obsid": obsid, "instrument": "EPN", "spectrum": "agn", "note": ""}
            for role, obsid in entries
        ],
        "min_exposure": least,
    }
    outcome = run(Job("summary", params, inputs, folder / "out"))
    assert outcome.facts.get("short", []) == []
    with (folder / "out" / "summary.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))[1:]


def test_nine_observations_with_xmm(tmp_path: Path) -> None:
    inputs = {f"s/{row[0]}": _stub(tmp_path / f"{row[0]}.pha", *row[1:]) for row in PN}
    rows = _table(tmp_path, [(f"s/{row[0]}", row[0]) for row in PN], inputs, 5000.0)
    for number, (row, (obsid, mjd, rate, kiloseconds)) in enumerate(zip(rows, PN, strict=True), 1):
        assert row[:4] == [str(number), obsid, "EPN", "agn"]
        assert float(row[4]) == pytest.approx(float(mjd), abs=5e-4)
        assert row[5:] == [rate, kiloseconds, ""]


def test_one_observation_with_nustar(tmp_path: Path) -> None:
    obsid, mjd, rate, kiloseconds = FPMA
    seconds = 1000.0 * float(kiloseconds)
    start = (float(mjd) - 55197 - 7.6601852e-4) * 86400.0
    path = tmp_path / "a.pha"
    times = {"MJDREFI": 55197, "MJDREFF": 7.6601852e-4, "TSTART": start, "TSTOP": start + 107_800.0}
    write_pha(path, spectrum(round(float(rate) * seconds), seconds, TELESCOP="NuSTAR", **times))
    row = _table(tmp_path, [("a", obsid)], {"a": path}, 0.0)[0]
    assert row[4:7] == [mjd, rate, kiloseconds]
