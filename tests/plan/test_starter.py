from __future__ import annotations

from pathlib import Path

import pytest

from tests.plan.worlds import write_pha_header
from xbatch.base.errors import UsageError
from xbatch.plan.starter import find_spectra, starter_text
from xbatch.spec import load


def nustar(root: Path, obsid: str, module: str) -> None:
    stem = f"{obsid}/nu{obsid}{module}01"
    cards = {"TELESCOP": "NuSTAR", "INSTRUME": f"FPM{module}", "OBS_ID": obsid, "POISSERR": True}
    write_pha_header(
        root / f"{stem}_sr.pha", **cards, BACKFILE=f"nu{obsid}{module}01_bk.pha", RESPFILE=f"nu{obsid}{module}01_sr.rmf"
    )
    write_pha_header(root / f"{stem}_bk.pha", **cards, BACKFILE="none")
    write_pha_header(root / f"{stem}_sr.rmf")


def test_backgrounds_are_left_out_and_templates_are_found(tmp_path: Path) -> None:
    for obsid in ("0200000001", "90402339002"):
        for module in "AB":
            nustar(tmp_path, obsid, module)
    found = find_spectra(tmp_path)
    assert [(f.obsid, f.instrument) for f in found] == [
        ("0200000001", "FPMA"),
        ("0200000001", "FPMB"),
        ("90402339002", "FPMA"),
        ("90402339002", "FPMB"),
    ]
    text = starter_text(found, tmp_path, "two")
    assert 'obsids: ["0200000001", "90402339002"]' in text
    assert 'file: "{obsid}/nu{obsid}{module}01_sr.pha"' in text
    assert "for: [{where: {instrument: [FPMB]}, frozen: false}]" in text
    assert "mode: profiled" in text
    assert "response:" not in text


def test_odd_names_become_exceptions_and_the_files_own_grouping_is_kept(tmp_path: Path) -> None:
    for instrument, name in (("EPN", "PN_src.fits"), ("EMOS1", "M1.fits")):
        write_pha_header(
            tmp_path / "0693760101" / name,
            TELESCOP="XMM",
            INSTRUME=instrument,
            POISSERR=True,
            TTYPE1="CHANNEL",
            TTYPE2="GROUPING",
        )
    text = starter_text(find_spectra(tmp_path), tmp_path, "x")
    assert '{where: {obsid: "0693760101", instrument: EPN}, file: "{obsid}/PN_src.fits"}' in text
    assert "asis: {type: file}" in text
    assert "# response:" in text
    assert "band: 0.3-10 keV" in text


def test_an_obsid_is_found_in_the_header_and_above_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "0693760101"
    for instrument, name in (("EPN", "PN_src.fits"), ("EMOS1", "M1.fits")):
        write_pha_header(folder / name, TELESCOP="XMM", INSTRUME=instrument)
    write_pha_header(folder / "later.pha", TELESCOP="XMM", INSTRUME="EPN", OBS_ID="0693760201")
    write_pha_header(folder / "pn.rmf")
    text = starter_text(find_spectra(folder), folder, "x")
    assert '- {obsids: ["0693760101"], instruments: [EMOS1, EPN]}' in text
    assert '- {obsids: ["0693760201"], instruments: [EPN]}' in text
    assert '{where: {obsid: "0693760201", instrument: EPN}, file: "later.pha"}' in text
    assert "there is pn.rmf" in text
    assert "group_by: [obsid]" in text
    load_text(tmp_path, text)


def test_the_mission_with_the_most_spectra_is_taken(tmp_path: Path) -> None:
    write_pha_header(tmp_path / "a" / "me.pha", TELESCOP="EXOSAT", INSTRUME="ME 1/2")
    assert 'instruments: ["ME 1/2"]' in starter_text(find_spectra(tmp_path), tmp_path, "x")
    for module in "AB":
        nustar(tmp_path, "90402339002", module)
    text = starter_text(find_spectra(tmp_path), tmp_path, "x")
    assert "mission: nustar" in text
    assert "#   a/me.pha (other)" in text
    load_text(tmp_path, text)


def load_text(folder: Path, text: str) -> None:
    path = folder / "spec.yaml"
    path.write_text(text)
    load(path)


def test_an_empty_or_missing_folder_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no PHA spectrum"):
        find_spectra(tmp_path)
    with pytest.raises(UsageError, match="is not a folder"):
        find_spectra(tmp_path / "absent")
