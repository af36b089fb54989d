"""Text to nodes: what YAML eats, what it must not, and where each fault is."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from xbatch.base.errors import Place, SpecError
from xbatch.spec import reader
from xbatch.spec.nodes import Scalar, Table, at_character, data_of
from xbatch.spec.reader import MOST_BYTES, read_bytes, read_document, read_value
from xbatch.spec.report import Report


def data(text: str | bytes) -> object:
    raw = text if isinstance(text, bytes) else text.encode()
    report = Report()
    node = read_document(raw, "f.yaml", report)
    assert not report.problems
    return data_of(node)


def fault(text: str | bytes) -> str:
    raw = text if isinstance(text, bytes) else text.encode()
    report = Report()
    try:
        read_document(raw, "f.yaml", report)
    except SpecError as error:
        return str(error)
    (problem,) = report.problems
    return str(problem)


@pytest.fixture(params=["as installed", "pure Python"])
def _either_loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "pure Python":
        monkeypatch.setattr(reader, "_Loader", yaml.SafeLoader)


pytestmark = pytest.mark.usefixtures("_either_loader")


def test_text_that_other_readers_turn_into_numbers_stays_text() -> None:
    text = "a: 0201430201\nb: 12:30:45\nc: -03:12:27.3\nd: 1_000\ne: 0x1F\nf: on\ng: No\nh: 2015-07-08\ni: 1e999\n"
    assert data(text) == {
        "a": "0201430201",
        "b": "12:30:45",
        "c": "-03:12:27.3",
        "d": "1_000",
        "e": "0x1F",
        "f": "on",
        "g": "No",
        "h": "2015-07-08",
        "i": "1e999",
    }


def test_byte_order_mark_and_windows_line_ends_are_read() -> None:
    assert data("\ufeffa: 1\r\nb: {c: 2}\r\n") == {"a": 1, "b": {"c": 2}}


def test_places_count_from_one_in_characters() -> None:
    node = read_document("é: {b: [1, x]}\n".encode(), "f.yaml", Report())
    inner = node.entries["é"]
    assert isinstance(inner, Table)
    assert node.keys["é"] == Place("f.yaml", 1, 1)
    assert inner.keys["b"] == Place("f.yaml", 1, 5)
    assert inner.entries["b"].items[1].place == Place("f.yaml", 1, 12)  # type: ignore[union-attr]


def test_merge_keys_may_be_overruled() -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {<<: [*a, *b], z: 5}\n"
    assert data(text)["c"] == {"x": 1, "y": 2, "z": 5}  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file: {obsid}.reg\n", "f.yaml:1:7: XB010"),
        ("a:\n  - {obsid}/{module}.pha\n", "f.yaml:2:5: XB010"),
        ("b: {edges: [2, 10] keV}\n", "f.yaml:1:12: XB011"),
        ("*.Redshift: {value: 1}\n", "f.yaml:1:1: XB014"),
        ("a: &a [*a]\n", "f.yaml:1:8: XB015"),
        ("a: 1\na: 2\n", "f.yaml:2:1: XB012"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: XB006"),
        ("a:\n\tb: 1\n", "f.yaml:2:1: XB009"),
        ("a: !!python/name:os.system x\n", "f.yaml:1:4: XB013"),
        (b"a: caf\xe9\n", "f.yaml:1:7: XB003"),
        (b"\xff\xfea\x00", "f.yaml:1:1: XB003 the file is UTF-16"),
        (b"a: 1\nb: \x00\n", "f.yaml:2:4: XB004"),
        ("", "f.yaml:1:1: XB005"),
        ("# nothing\n", "f.yaml:1:1: XB005"),
        ("- 1\n", "f.yaml:1:1: XB007"),
        ("[" * 1000, "f.yaml:1:41: XB017"),
        ("? [a]\n: 1\n", "f.yaml:1:3: XB018"),
    ],
)
def test_each_fault_has_its_place_and_code(text: str | bytes, said: str) -> None:
    assert fault(text).startswith(said)


def test_cures_are_named() -> None:
    assert fault("file: {obsid}.reg\n").endswith('quote it: "{obsid}.reg"')
    assert fault("edges: [2, 6,10] keV\n").endswith("write it without brackets: 2 6 10 keV")


def test_several_duplicate_keys_are_all_told() -> None:
    report = Report()
    read_document(b"a: 1\na: 2\nb: {c: 1, c: 2}\n", "f.yaml", report)
    assert [str(problem.place) for problem in report.problems] == ["f.yaml:2:1", "f.yaml:3:11"]


def test_aliases_are_not_expanded_without_bound() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{n}: &{n} [{', '.join(['*' + m] * 9)}]" for m, n in zip("abcdefgh", "bcdefghi", strict=True)]
    assert "XB016" in fault("\n".join(lines))


def test_large_file_is_refused_by_size_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "events.fits"
    with path.open("wb") as stream:
        stream.truncate(50_000_000)
    with pytest.raises(SpecError, match=r"XB002 .* larger than 4 MB"):
        read_bytes(path)
    assert MOST_BYTES == 4_000_000


def test_value_of_a_command_line_has_its_place_there() -> None:
    node = read_value("[3, x: y]", Place("--set", 2, 10), Report())
    assert str(node.items[1].keys["x"]) == "--set:2:14"  # type: ignore[union-attr]


def test_character_of_a_folded_text_is_found_in_the_file() -> None:
    node = read_document(b"a:\n  model: >\n    tbabs.gal *\n    powerlaw.pl\n", "f.yaml", Report())
    scalar = node.entries["a"].entries["model"]  # type: ignore[union-attr]
    assert isinstance(scalar, Scalar)
    assert at_character(scalar, scalar.text.index("pl\n")) == Place("f.yaml", 4, 14)


OBSIDS = st.text("0123456789", min_size=1, max_size=11) | st.from_regex(r"[0-9]{1,5}e[0-9]{1,4}", fullmatch=True)
ANGLES = st.from_regex(r"[+-]?[0-9]{1,3}:[0-5][0-9]:[0-5][0-9](\.[0-9]{0,4})?", fullmatch=True)


@given(st.lists(OBSIDS | ANGLES, min_size=1, max_size=4), st.sampled_from(["", "'", '"']), st.booleans())
def test_obsids_and_coordinates_survive(texts: list[str], quote: str, flow: bool) -> None:
    written = [f"{quote}{text}{quote}" for text in texts]
    text = f"a: [{', '.join(written)}]\n" if flow else "a:\n" + "".join(f"- {one}\n" for one in written)
    node = read_document(text.encode(), "f.yaml", Report()).entries["a"]
    assert [item.text for item in node.items] == texts  # type: ignore[union-attr]


@given(st.text(max_size=60) | st.text("{}[]:,-#&*!|>'\"%@`? \n\tab01", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_document(text.encode("utf-8", "surrogatepass"), "f.yaml", Report())
    except SpecError as error:
        assert all(problem.place.line >= 1 and problem.place.column >= 1 for problem in error.problems)


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        read_document(raw, "f.yaml", Report())
    except SpecError as error:
        assert str(error)
