"""Table models in a spec: their parameters, read without numpy, are those of the reader of spectra."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.ogip.tablefiles import TableFile
from tests.spec.specs import BASE, codes, fit, jobs, parameters
from xbatch.base.errors import FileError
from xbatch.ogip.tablemodel import read_table_model
from xbatch.spec.components import COMPONENTS
from xbatch.spec.expression import ExpressionError, parse_model
from xbatch.spec.tablemodels import definition, file_of, table_definition, table_kind
from xbatch.xray.components.table_models import TABLE_KINDS, table_component


def test_kinds_are_those_that_are_computed() -> None:
    from xbatch.spec.tablemodels import TABLE_KINDS as NAMED

    assert tuple(NAMED) == TABLE_KINDS


@pytest.mark.parametrize("kind", TABLE_KINDS)
@pytest.mark.parametrize("redshift", [False, True])
@pytest.mark.parametrize("names", [("slope", "log xi", "more"), ("slope", "xi")])
def test_parameters_are_those_of_the_reader(tmp_path: Path, kind: str, redshift: bool, names: tuple[str, ...]) -> None:
    primary = {"ADDMODEL": kind == "atable", "REDSHIFT": redshift}
    path = TableFile(names=names, primary=primary).write(tmp_path / "t.fits")
    found, table = table_definition(kind, path), read_table_model(path)
    component = table_component("t", kind, table)
    assert (found.name, found.kind) == (kind, component.kind)
    assert tuple(one.name for one in found.parameters) == component.parameters
    for mine, theirs in zip(found.parameters, table.parameters, strict=False):
        np.testing.assert_allclose((mine.value, mine.min, mine.max), (theirs.value, theirs.min, theirs.max), rtol=1e-6)
        assert mine.frozen == theirs.frozen
    assert found.parameters[1].min == 0.5
    assert (redshift, kind == "atable") == ("z" in component.parameters, "norm" in component.parameters)


def test_a_packed_table_is_found(tmp_path: Path) -> None:
    path = TableFile().write(tmp_path / "t.fits")
    (tmp_path / "u.fits.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert table_definition("atable", tmp_path / "u.fits") == table_definition("atable", path)
    model = parse_model("atable{u.fits}.a", tmp_path)
    assert file_of(model.components["a"]) == tmp_path / "u.fits.gz"


def test_a_type_with_a_file() -> None:
    kind = table_kind("atable", Path("/a/b.fits"))
    assert file_of(kind) == Path("/a/b.fits")
    assert file_of("powerlaw") is None
    assert definition("powerlaw") is COMPONENTS["powerlaw"]


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({}, "mtable", "made to be atable, not mtable"),
        ({"missing": "PARAMETERS"}, "atable", "no extension PARAMETERS"),
        ({"primary": {"ADDMODEL": True}}, "atable", "ADDMODEL and REDSHIFT"),
        ({"names": ("slope", "slope")}, "atable", "two parameters of one name"),
        ({"names": ("slope", "")}, "atable", "parameter 2: ''"),
    ],
)
def test_what_is_no_table_model_is_refused(tmp_path: Path, changes: dict[str, Any], kind: str, message: str) -> None:
    with pytest.raises(FileError, match=message):
        table_definition(kind, TableFile(**changes).write(tmp_path / "t.fits"))


@pytest.mark.parametrize("size", [0, 100, 2880, 4000, 5760])
def test_a_truncated_file_is_refused(tmp_path: Path, size: int) -> None:
    path = TableFile().write(tmp_path / "t.fits")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(FileError):
        table_definition("atable", path)


@pytest.mark.parametrize(
    ("text", "code", "position", "said"),
    [
        ("tbabs.g * atable{none.fits}.a", "XB322", 17, "is not there"),
        ("tbabs.g * mtable{t.fits}.a", "XB322", 17, "made to be atable"),
        ("tbabs.g * atable.a", "XB301", 10, "needs the file"),
        ("tbabs.g * atable{ }.a", "XB301", 10, "needs the file"),
        ("tbabs{t.fits}.g * powerlaw.a", "XB301", 0, "is no table"),
        ("atable{t.fits}", "XB303", 0, "has no name"),
        ("atable{t.fits.a", "XB301", 0, "needs the file"),
        ("atable{t.fits}.a * powerlaw.b", "XB305", 19, "cannot be multiplied"),
    ],
)
def test_faults_name_their_character(tmp_path: Path, text: str, code: str, position: int, said: str) -> None:
    TableFile().write(tmp_path / "t.fits")
    with pytest.raises(ExpressionError) as caught:
        parse_model(text, tmp_path)
    assert (caught.value.code, caught.value.position) == (code, position)
    assert said in caught.value.message


def test_a_fit_has_the_parameters_of_its_table(tmp_path: Path) -> None:
    TableFile().write(tmp_path / "t.fits")
    text = fit("tbabs.gal * ATable{t.fits}.refl", "{refl.slope: {value: 2.5}, refl.norm: {link: 2 * gal.nH}}")
    found = parameters(tmp_path, BASE + text)
    assert list(found) == ["gal.nH", "refl.slope", "refl.xi", "refl.more", "refl.norm"]
    assert (found["refl.slope"].value, found["refl.xi"].frozen, found["refl.norm"].value) == (2.5, True, 2.0)
    (job,) = jobs(tmp_path, BASE + text)
    assert job.components["refl"] == f"atable{{{tmp_path / 't.fits'}}}"
    assert codes(tmp_path, BASE + fit("atable{t.fits}.refl", "{refl.slop: {value: 2}}")) == ["XB307"]
    assert codes(tmp_path, BASE + fit("atable{t.fits}.refl", "{refl.slope: {value: 5}}")) == ["XB309"]
