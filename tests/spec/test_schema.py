"""The schema itself: well formed, with help on every key, and read here as the jsonschema package reads it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.base.errors import Place
from xbatch.spec.nodes import Table, data_of, from_data
from xbatch.spec.report import Report
from xbatch.spec.schema import load_schema
from xbatch.spec.shape import KEYWORDS, check_shape

SCHEMA = load_schema()
VALIDATOR = jsonschema.Draft7Validator(SCHEMA.root)
GOOD: dict[str, Any] = {
    "xbatch": 1,
    "name": "test",
    "mission": "nustar",
    "obsids": ["90402339002", 90402339004],
    "observations": [{"obsids": ["1"], "tags": [2012]}],
    "data": {"level": "spectra", "root": "x"},
    "spectra": {"src": {"file": "a", "background": None, "for": [{"where": {"module": ["A", "B"]}, "note": 3}]}},
    "bands": {
        "full": "3-79 keV",
        "eight": {"scheme": "log", "range": "3-79 keV", "n": 8, "round": 2},
        "snapped": {"scheme": "list", "edges": ["3 keV", "9 keV"], "snap": "nustar channel", "min_channels": 3},
    },
    "binning": {
        "a": {"type": "min", "counts": 30, "bad": ["0-34", 57]},
        "b": {"type": "constant", "ranges": [[0, 9, 2]], "systematic": [[0, 9, 0.1]]},
        "c": {"type": "snmin", "snr": 3.5, "background": False},
        "d": {"type": "specgroup", "snr": 6, "counts": 25, "oversample": 3},
        "e": {"type": "ogrppha", "snr": 6, "counts": None},
        "f": {"type": "nutools", "net_counts": 20, "form": "faithful"},
    },
    "fit": {
        "one": {
            "data": [{"spectra": ["src"], "binning": "a", "band": "full", "edge": "overlap"}],
            "group_by": ["obsid"],
            "epochs": {"e": {"obsid": 1}},
            "background": {"mode": "subtract"},
            "statistic": "chi2",
            "model": "powerlaw.pl",
            "parameters": {"pl.norm": {"value": 1, "min": None, "vary": ["epoch"]}},
            "errors": {"confidence": "90 %"},
            "flux": [{"bands": ["full"]}],
        }
    },
    "sweep": {"grid": {"binning.a.counts": [1, 2]}},
}
EVENTS: dict[str, Any] = {
    "xbatch": 1,
    "name": "test",
    "target": {"name": "X", "position": ["14:13:14.9", -3.2], "frame": "fk5", "redshift": 0.1},
    "mission": "nustar",
    "obsids": ["90402339002"],
    "data": {
        "level": "events",
        "events": {"file": "a", "for": [{"where": {"obsid": 1}, "file": "b"}]},
        "livetime": "c",
    },
    "screening": {
        "default": {"grade": "0-26", "status": "b0000x00xx0xx0000", "pi_range": "35-1909"},
        "timing": {
            "base": "default",
            "flare": {"band": "3-10 keV", "bin": "100 s", "sigma": 3},
            "for": [{"where": {"module": "B"}, "flare": {"rate": "< 0.4 ct/s"}, "flag": 0}],
        },
    },
    "regions": {
        "a": {"shape": "circle", "center": "target", "radius": 0.1, "exclude": True, "combine": "file-order"},
        "b": {"shape": "ellipse", "center": [1, 2], "radii": ["2 arcsec", 3], "inner_radii": [1, 1], "angle": 30},
        "c": {"shape": "panda", "center": [1, "2"], "inner": 1, "outer": 2, "from": 0, "to": 90, "frame": "image"},
        "d": {"shape": "polygon", "vertices": [[1, 2], [2, 3], ["3", "4"]]},
        "e": {
            "file": "{obsid}.reg",
            "for": [{"where": {"module": "A"}, "shape": "point", "center": "a", "file": None}],
        },
        "f": {"shapes": [{"shape": "box", "center": [1, 2], "size": [3, 4]}], "combine": "extractor"},
    },
    "gtis": {
        "t": {"time": [["2015-07-08", "2015-07-09"], [57000, 57001.5]], "scale": "tt"},
        "u": {"flux": {"lightcurve": "l", "band": "full", "quantile": "0-0.5"}},
        "h": {"hk": {"file": "x", "extension": 1, "expression": "ELV > 3"}},
        "p": {"phase": {"ephemeris": {"epoch": "57000 TDB", "period": "12 s"}, "range": "0-0.5"}},
        "n": {"not": "t", "for": [{"where": {"module": "A"}, "any_of": ["t", "u"]}]},
    },
    "spectra": {"src": {"region": "a", "background": "none", "gti": ["t", "u"], "where": {"gti": "t"}}},
    "images": {
        "sky": {"bands": "full", "bin": 2, "size": [10, 20], "mosaic": {"over": ["instrument"], "pixel": "4 arcsec"}},
        "det": {"bands": ["3-4 keV"], "frame": "det", "mosaic": False, "for": [{"where": {"module": "A"}, "bin": 3}]},
    },
    "lightcurves": {
        "l": {"spectrum": "src", "bands": ["full"], "dt": 10, "region": {"a.radius": 3}, "corrections": ["gti"]},
    },
}


def rules(rule: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every rule of the schema with its path; what merely stands for data is left out."""
    if not isinstance(rule, dict):
        return
    yield path, rule
    for keyword in ("properties", "definitions"):
        for key, child in rule.get(keyword, {}).items():
            yield from rules(child, f"{path}/{keyword}/{key}")
    for keyword in ("items", "additionalProperties", "propertyNames", "if", "then"):
        yield from rules(rule.get(keyword), f"{path}/{keyword}")
    for number, child in enumerate(rule.get("allOf", ())):
        yield from rules(child, f"{path}/allOf/{number}")


def check(document: dict[str, Any]) -> tuple[Table, Report]:
    report = Report()
    root = from_data(document, Place("f.yaml"), "")
    assert isinstance(root, Table)
    return check_shape(root, SCHEMA, report, "f.yaml"), report


def test_schema_is_draft_7() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA.root)
    assert SCHEMA.root["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_only_keywords_that_are_read_here_are_used() -> None:
    for path, rule in rules(SCHEMA.root):
        assert set(rule) <= KEYWORDS, path
        assert "oneOf" not in rule
        assert "$ref" not in rule or set(rule) == {"$ref"}, f"{path}: draft-07 passes over what is beside $ref"


def test_every_key_has_help() -> None:
    for path, rule in rules(SCHEMA.root):
        if "/if" in path or path == "/definitions/fit/allOf/0/then":
            continue
        for key, child in rule.get("properties", {}).items():
            where = f"{path}/{key}"
            assert child.get("title"), where
            assert child.get("description"), where
            assert child.get("examples"), where
            closed = rule.get("additionalProperties") is False
            assert not closed or key in rule.get("required", ()) or "default" in child, where


def test_examples_and_defaults_fit_their_rules() -> None:
    for path, rule in rules(SCHEMA.root):
        if path.endswith("/if") or not isinstance(rule.get("examples"), list):
            continue
        validator = jsonschema.Draft7Validator({**rule, "definitions": SCHEMA.definitions})
        values = [*rule["examples"], *([rule["default"]] if rule.get("default") not in (None, "") else [])]
        for value in values:
            assert not list(validator.iter_errors(value)), (path, value)


# What is in these is closed by the case that holds.
OPEN = {"/definitions/binning", "/definitions/region", "/definitions/band/then"}


def test_maps_are_closed() -> None:
    for path, rule in rules(SCHEMA.root):
        if "properties" in rule and path not in OPEN:
            assert rule.get("additionalProperties") is False or "/if" in path or "/then" in path, path


def test_a_good_document_is_good_to_both() -> None:
    for document in (GOOD, EVENTS):
        assert not list(VALIDATOR.iter_errors(document))
        assert not check(document)[1].problems


def paths(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(data, dict | list):
        for key, child in data.items() if isinstance(data, dict) else enumerate(data):
            yield from paths(child, (*path, key))


ODD = [
    None,
    True,
    0,
    -1,
    2.5,
    "",
    "x",
    "a b",
    "min",
    "chi2",
    [],
    {},
    [1],
    ["x"],
    {"where": {}},
    {"type": "opt"},
    [[1, 2, 3]],
]


@st.composite
def changed(draw: st.DrawFn) -> dict[str, Any]:
    """Give the good document with one or two values replaced, keys removed or added."""
    document = json.loads(json.dumps(draw(st.sampled_from([GOOD, EVENTS]))))
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from([path for path in paths(document) if path]))
        holder = document
        for key in path[:-1]:
            holder = holder[key]
        action = draw(st.sampled_from(["replace", "remove", "add"]))
        if action == "replace":
            holder[path[-1]] = copy.deepcopy(draw(st.sampled_from(ODD)))  # a second change may go into it
        elif action == "remove":
            del holder[path[-1]]
        elif isinstance(holder, dict):
            key = draw(
                st.sampled_from(
                    ["colour", "snr", "counts", "note", "type", "link", "n", "file", "shape", "shapes", "gti"]
                )
            )
            holder[key] = copy.deepcopy(draw(st.sampled_from(ODD)))
    return document


@given(changed())
def test_verdicts_are_those_of_jsonschema(document: dict[str, Any]) -> None:
    _, report = check(document)
    if VALIDATOR.is_valid(document):
        # Stricter in two things: a number taken as text must look like what is wanted, names differ by more than case.
        assert all(problem.code in {"XB206", "XB207", "XB208"} for problem in report.problems)
    else:
        assert report.problems


def test_checked_document_of_events_is_good_again() -> None:
    document = data_of(check(EVENTS)[0])
    assert document["lightcurves"]["l"]["dt"] == "10"
    assert document["images"]["det"]["mosaic"] is False
    assert document["regions"]["b"]["radii"] == ["2 arcsec", "3"]
    assert not list(VALIDATOR.iter_errors(document))
    assert data_of(check(document)[0]) == document


def test_checked_document_has_its_defaults_and_is_good_again() -> None:
    table, _ = check(GOOD)
    document = data_of(table)
    assert document["fit"]["one"]["variance"] == "data"
    assert document["fit"]["one"]["errors"] == {
        "confidence": "90 %",
        "parameters": "free",
        "method": "covariance",
    }
    assert document["obsids"] == ["90402339002", "90402339004"]
    assert document["observations"][0]["tags"] == ["2012"]
    assert not list(VALIDATOR.iter_errors(document))
    assert data_of(check(document)[0]) == document


@pytest.mark.parametrize(
    ("place", "value", "message", "hint"),
    [
        (("binning", "a", "type"), "mni", "type is 'mni'", "did you mean 'min'?"),
        (("binning", "a", "counts"), "30", "must be a number, not the text '30'", ""),
        (("binning", "c", "background"), "yes", "must be true or false", "write true"),
        (("fit", "one", "colour"), 1, "unknown key 'colour' in fit.one", "known: variance"),
        (("data", "level"), 3, "level is '3'; it must be raw, events or spectra", ""),
    ],
)
def test_problems_say_what_is_wrong_and_what_to_write(
    place: tuple[str, ...], value: object, message: str, hint: str
) -> None:
    document = json.loads(json.dumps(GOOD))
    holder = document
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    (problem,) = check(document)[1].problems
    assert message in problem.message
    assert hint in problem.hint
    assert problem.path == ".".join(place)
