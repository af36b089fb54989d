from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from tests.plan.eventworlds import OBSID
from tests.plan.test_eventstarter import tree
from tests.plan.worlds import write_pha_header
from xbatch.base.errors import UsageError
from xbatch.cli.init import command


def test_spectra_are_preferred_unless_events_are_asked_for(tmp_path: Path) -> None:
    tree(tmp_path)
    write_pha_header(tmp_path / OBSID / "a.pha", TELESCOP="NuSTAR", INSTRUME="FPMA", OBS_ID=OBSID)
    runner = CliRunner()
    assert "level: spectra" in runner.invoke(command, [str(tmp_path)]).output
    assert "level: events" in runner.invoke(command, [str(tmp_path), "--level", "events"]).output


def test_a_folder_of_event_lists_gives_a_spec_of_events(tmp_path: Path) -> None:
    tree(tmp_path)
    out = tmp_path / "x.yaml"
    answer = CliRunner().invoke(command, [str(tmp_path), "-o", str(out)])
    assert "2 event lists; next: xbatch preview" in answer.output
    assert "level: events" in out.read_text()


def test_a_folder_with_neither_is_one_error(tmp_path: Path) -> None:
    answer = CliRunner().invoke(command, [str(tmp_path)])
    assert isinstance(answer.exception, UsageError)
    text = str(answer.exception)
    assert text.count(str(tmp_path)) == 1
    assert "no PHA spectrum" in text
    assert "no imaging event list" in text
