from __future__ import annotations

import csv
import io
import json

import pytest
from astropy.table import Table
from astropy.units import Unit

from tests.report.compare.made import compared, differing, fitted
from xbatch.report.compare.data import Comparison
from xbatch.report.compare.forms import as_csv, as_ecsv, as_json
from xbatch.spec.components import COMPONENTS


def comparison(**changes: object) -> Comparison:
    failed = fitted(
        40, result="failed", message="no, channel", parameters={}, fluxes={}, stat_value=None, dof=None, reduced=None,
        bins=None, statistic="",
    )  # fmt: skip
    rows = [fitted(20), fitted(30, 1.95, reference=0, differs=(differing(20.0, 30.0),)), failed]
    return compared(*rows, reference="counts=20", **changes)


def test_csv_has_a_row_for_each_fit_and_every_digit() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(comparison()))))
    assert [row["binning.bins.counts"] for row in rows] == ["20", "30", "40"]
    assert [row["pl.PhoIndex"] for row in rows] == ["1.9", "1.95", ""]
    assert (rows[0]["pl.norm minus"], rows[0]["pl.norm plus"]) == ("9.1e-05", "9.9e-05")
    assert (rows[0]["fe.LineE"], rows[0]["fe.LineE state"]) == ("6.4", "frozen")
    assert rows[0]["flux 3-79 keV absorbed"] == "3.43e-10"
    assert rows[1]["differs"] == "group a/FPMA/src/bins: binning.counts 20 -> 30"
    assert (rows[2]["result"], rows[2]["note"]) == ("failed", "no, channel")
    assert "pl.PhoIndex difference" not in rows[0]


def test_what_was_asked_for_is_there_alone() -> None:
    (text, *_) = as_csv(comparison(parameters=("pl.PhoIndex",), asked=True)).splitlines()
    assert "pl.norm" not in text and "pl.PhoIndex difference" in text
    rows = list(csv.DictReader(io.StringIO(as_csv(comparison(asked=True)))))
    assert float(rows[1]["pl.PhoIndex difference"]) == pytest.approx(0.05)
    assert rows[0]["pl.PhoIndex difference"] == ""


def test_astropy_reads_the_ecsv_with_units_and_masks() -> None:
    table = Table.read(as_ecsv(comparison()), format="ascii.ecsv")
    assert table["pl.norm"].unit == Unit("ph / (keV cm2 s)")
    assert table["flux 3-79 keV absorbed"].unit == Unit("erg / (cm2 s)")
    assert table["pl.PhoIndex"][1] == 1.95 and table["pl.PhoIndex"].mask[2]
    assert table["dof"].dtype.kind == "i" and table["binning.bins.counts"].dtype.kind == "i"
    assert table.meta == {"runs": ["out/sweep"], "against": "counts=20"}
    assert as_ecsv(comparison()).endswith(as_csv(comparison()))


def test_units_that_astropy_does_not_read_stand_in_the_description() -> None:
    units = {parameter.unit for component in COMPONENTS.values() for parameter in component.parameters}
    for unit in sorted(units):
        numbers = {"x.y": fitted().parameters["pl.PhoIndex"].__class__(1.0, unit=unit, state="free")}
        table = Table.read(as_ecsv(compared(fitted(parameters=numbers))), format="ascii.ecsv")
        column = table["x.y"]
        assert (column.unit is not None or column.description == unit) if unit else column.unit is None


def test_json_has_the_differences_as_data() -> None:
    found = json.loads(as_json(comparison()))
    assert (found["compare"], found["against"]) == (1, "counts=20")
    first, second, failed = found["rows"]
    assert second["parameters"]["pl.PhoIndex"] == {
        "value": 1.95, "minus": 0.02, "plus": 0.02, "unit": "", "state": "free", "confidence": 0.9,
        "method": "profile", "note": "",
    }  # fmt: skip
    assert second["differs"] == [
        {
            "task": "group", "subject": "a/FPMA/src/bins", "kind": "parameter", "what": "binning.counts", "old": 20.0,
            "new": 30.0, "files": [],
        }
    ]  # fmt: skip
    assert (first["reference"], second["reference"], failed["stat_value"]) == (None, 0, None)
    assert list(json.loads(as_json(comparison(parameters=("fe.LineE",))))["rows"][0]["parameters"]) == ["fe.LineE"]


def test_values_that_are_no_numbers_are_text() -> None:
    rows = [fitted(20, values={"a.b": [3, 79]}), fitted(30, values={"a.b": "80 arcsec"})]
    made = Comparison(compared(*rows).runs, tuple(rows), ("a.b",))
    assert [row["a.b"] for row in csv.DictReader(io.StringIO(as_csv(made)))] == ["[3, 79]", "80 arcsec"]
