"""The resolved spec: every default, every origin, and a spec again."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.spec.specs import BASE, TWO_EPOCHS, fit, read
from xbatch.base.errors import Place
from xbatch.spec import load, resolved_text
from xbatch.spec.model import Analysis
from xbatch.spec.nodes import data_of
from xbatch.spec.reader import read_value
from xbatch.spec.report import Report
from xbatch.spec.resolved import _scalar


def again(analysis: Analysis) -> Analysis:
    path = analysis.path.with_name("resolved.yaml")
    path.write_text(resolved_text(analysis), encoding="utf-8")
    return load(path)


def test_origins_stand_in_one_column(tmp_path: Path) -> None:
    lines = resolved_text(read(tmp_path, BASE + fit(), ["note=hello"])).splitlines()
    columns = {line.rindex("  # ") for line in lines if "  # " in line}
    assert len(columns) == 1
    assert any(line.startswith("note: hello ") and line.endswith("  # --set") for line in lines)
    assert any(line.lstrip().startswith("edge: inside") and line.endswith("  # default") for line in lines)
    assert any(line.startswith("name: test") and line.endswith("spec.yaml:2:7") for line in lines)
    assert any(line.strip().startswith("frozen: false") for line in lines)


def test_resolved_text_is_the_same_analysis(tmp_path: Path) -> None:
    more = "group_by: [epoch]\nepochs: {early: {tag: early}}\nerrors: {confidence: 1 sigma}\nflux: [{bands: [3-9 keV]}]"
    text = TWO_EPOCHS + fit(
        "constant.cal * (powerlaw.a + powerlaw.b)",
        '{"*.norm": {min: 0.1, for: [{where: {module: B}, max: 9}]}, a.norm: {value: 3, vary: [obsid]}, '
        'b.PhoIndex: {link: "a.PhoIndex"}, cal.factor: {tie: [epoch]}}',
        more,
    )
    first = read(tmp_path, text + "sweep: {grid: {binning.min30.counts: [1, 2]}}\n")
    second = again(first)
    assert second.document == first.document
    assert [member.name for member in second.members] == [member.name for member in first.members]
    for a, b in zip(first.members, second.members, strict=True):
        assert a.spec.spectra == b.spec.spectra
        assert a.spec.binnings == b.spec.binnings
        for mine, other in zip(a.spec.fits, b.spec.fits, strict=True):
            assert mine.datasets == other.datasets
            assert [(p.name, p.value, p.min, p.max, p.frozen, p.link) for p in mine.parameters] == [
                (p.name, p.value, p.min, p.max, p.frozen, p.link) for p in other.parameters
            ]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\ufffe\uffff"), max_size=30))
def test_any_text_is_written_so_that_it_is_read_again(text: str) -> None:
    if all(ord(character) % 0x10000 < 0xFFFE for character in text):
        assert data_of(read_value(_scalar(text), Place("x"), Report())) == text


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**15), 10**15) | st.booleans() | st.none())
def test_any_number_is_written_so_that_it_is_read_again(value: object) -> None:
    found = data_of(read_value(_scalar(value), Place("x"), Report()))
    assert found == value
    assert type(found) is type(value)
