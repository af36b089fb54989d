"""Who does a kind of work, where the spec says so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.spec.specs import BASE, RAW, RAW_NUSTAR, RAW_XMM, codes, problems, read

NUSTAR, XMM = RAW_NUSTAR + RAW, RAW_XMM + RAW
EVENTS = RAW_NUSTAR + "data: {level: events}\n"


def engines(folder: Path, text: str) -> Mapping[str, str]:
    return read(folder, text).members[0].spec.engines


@pytest.mark.parametrize("text", [NUSTAR, BASE, EVENTS])
def test_without_one_the_plan_decides(tmp_path: Path, text: str) -> None:
    assert engines(tmp_path, text) == {}
    assert engines(tmp_path, text + "engine: auto\n") == {}
    assert engines(tmp_path, text + "engine: {binning: auto, combine: native}\n") == {"combine": "native"}


def test_one_word_is_for_all_that_the_engine_can_do(tmp_path: Path) -> None:
    everything = dict.fromkeys(("reduction", "spectra", "lightcurves", "images", "binning", "combine"), "heasoft")
    assert engines(tmp_path, NUSTAR + "engine: heasoft\n") == everything
    assert engines(tmp_path, BASE + "engine: heasoft\n") == {"binning": "heasoft", "combine": "heasoft"}
    sas = engines(tmp_path, XMM + "engine: sas\n")
    assert set(sas.values()) == {"sas"} and "combine" not in sas and "reduction" in sas
    assert "reduction" not in engines(tmp_path, NUSTAR + "engine: native\n")


def test_natively_at_level_events(tmp_path: Path) -> None:
    asked = "engine: {spectra: native, images: native, lightcurves: native}\n"
    assert len(engines(tmp_path, EVENTS + asked)) == 3
    assert codes(tmp_path, EVENTS + "engine: {spectra: heasoft}\n") == ["XB235"]
    assert codes(tmp_path, EVENTS + "engine: {reduction: heasoft}\n") == ["XB235"]
    assert codes(tmp_path, BASE + "engine: {spectra: native}\n") == ["XB235"]


def test_an_engine_of_a_mission_that_is_not_there(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, NUSTAR + "engine: {reduction: sas}\n")
    assert problem.code == "XB235" and "SAS reduces XMM-Newton" in problem.message
    assert problem.hint == "write auto or heasoft"


@pytest.mark.parametrize(("engine", "kind"), [("heasoft", "ogrppha"), ("heasoft", "specgroup"), ("sas", "min")])
def test_an_engine_without_a_type_of_binning(tmp_path: Path, engine: str, kind: str) -> None:
    text = BASE.replace("{type: min, counts: 30}", f"{{type: {kind}, counts: 30}}")
    (problem,) = problems(tmp_path, text + f"engine: {{binning: {engine}}}\n")
    assert problem.code == "XB235" and problem.path == "engine.binning" and kind in problem.message


def test_specgroup_by_sas(tmp_path: Path) -> None:
    text = BASE.replace("{type: min, counts: 30}", "{type: specgroup, counts: 30}")
    assert engines(tmp_path, text + "engine: {binning: sas}\n") == {"binning": "sas"}


def test_specgroup_has_one_minimum(tmp_path: Path) -> None:
    text = BASE.replace("{type: min, counts: 30}", "{type: specgroup, counts: 30, snr: 3}")
    (problem,) = problems(tmp_path, text + "engine: {binning: sas}\n")
    assert (problem.code, problem.path) == ("XB235", "engine.binning")
    assert "counts or snr" in problem.message and "has both" in problem.message
    assert engines(tmp_path, text + "engine: {binning: auto}\n") == {}
    alone = text.replace("counts: 30, snr: 3", "counts: null, snr: 3")
    assert engines(tmp_path, alone + "engine: {binning: sas}\n") == {"binning": "sas"}


def test_words_that_are_no_engine(tmp_path: Path) -> None:
    assert codes(tmp_path, BASE + "engine: ciao\n") == ["XB204"]
    assert codes(tmp_path, BASE + "engine: {grouping: native}\n") == ["XB201"]
    assert codes(tmp_path, BASE + "engine: [native]\n") == ["XB203"]
