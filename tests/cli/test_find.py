"""``xbatch find``, with a catalogue of the test's own in the place of HEASARC's."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from xbatch.cli.main import cli

_CLIENT = """
from astropy.coordinates.name_resolve import NameResolveError
from pyvo.dal.exceptions import DALServiceError
from astropy.table import Table
class Heasarc:
    @staticmethod
    def query_region(position, *, catalog, radius, columns):
        if position == "offline":
            raise OSError("Name or service not known")
        if position == "nowhere":
            raise NameResolveError("Unable to find coordinates for name 'nowhere'")
        if position == "down":
            raise DALServiceError("503 Server Error")
        assert radius.unit == "arcmin"
        if position == "nothing":
            return Table(names=["obsid", "name", "time", "exposure_a"], dtype=[str, str, float, float])
        key = "exposure_a" if catalog == "numaster" else "duration"
        rows = {"obsid": ["60061323002", "00000000002"], "name": ["NGC_5506 ", "NGC_5506"],
                "time": [56748.99, 51943.0], key: [56585.0, 0.0]}
        return Table(rows)
"""
_EXCEPTIONS = "class DALAccessError(Exception): pass\nclass DALServiceError(DALAccessError): pass\n"


@pytest.fixture(autouse=True)
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "astroquery"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "heasarc.py").write_text(_CLIENT)
    (tmp_path / "pyvo" / "dal").mkdir(parents=True)
    (tmp_path / "pyvo" / "dal" / "exceptions.py").write_text(_EXCEPTIONS)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] in {"astroquery", "pyvo"}]:
        monkeypatch.delitem(sys.modules, name)


def _find(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["find", *words])
    return done.exit_code, done.output if not done.exception else f"{done.output}{done.exception}"


def test_what_is_found_are_lines_of_a_spec_in_order_of_time() -> None:
    status, text = _find("NGC 5506", "--mission", "nustar")
    assert status == 0
    assert yaml.safe_load(text) == {"mission": "nustar", "obsids": ["00000000002", "60061323002"]}
    assert "# NGC_5506, 2014-04-01, 56.6 ks" in text


def test_it_comes_as_data() -> None:
    status, text = _find("NGC 5506", "--mission", "xmm", "--json")
    assert status == 0
    assert [one["duration"] for one in json.loads(text)["observations"]] == [0.0, 56585.0]


def test_nothing_found_is_said() -> None:
    assert "no observation of nustar within 5 arcmin of nothing" in _find("nothing", "--mission", "nustar")[1]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("offline",), "cannot be asked for 'offline': Name or service"),
        (("nowhere",), "cannot be asked for 'nowhere': Unable to find coordinates"),
        (("down",), "cannot be asked for 'down': 503"),
        (("x", "--radius", "5 s"), "is not an angle"),
    ],
)
def test_what_goes_wrong_is_one_message(words: tuple[str, ...], says: str) -> None:
    status, text = _find(*words, "--mission", "nustar")
    assert status != 0
    assert says in text
