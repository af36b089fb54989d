"""Chains of SAS that go on after an error of one of their parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tools.bench import Bench, fits
from xbatch.base.errors import StepError
from xbatch.commands.call import HEASOFT, SAS, Call
from xbatch.commands.sas import CHAINS, noting_parts
from xbatch.tools import parts
from xbatch.tools.execute import Session
from xbatch.tools.harvest import MOST, harvest
from xbatch.tools.parts import note_of

PART = "** emtaglenoise: error (IllegalIdentifier), No match"
WHOLE = "** emchain: error (constituent), a task ended in error"
ADVICE = "write data.pipeline.part_errors: note"


def _chain(bench: Bench, *lines: str, status: int = 0, product: bool = True, tool: str = "emchain") -> None:
    said = "".join(f"echo '{line}' >&2\n" for line in lines)
    made = f"cp {fits(bench.folder / 'list.fits')} M1EVLI.FIT\n" if product else ""
    bench.tool(tool, f"{said}{made}echo it went on\nexit {status}")


def _call(bench: Bench, tool: str = "emchain", suite: str = SAS, **more: Any) -> Session:
    """Run a chain; a failure leaves no folder."""
    with Session(bench.job(), {}, bench.environ) as session:
        session.call(Call(suite, tool, (), ("*EVLI*",), **more))
        return session


def test_errors_of_parts_are_noted_where_that_is_asked_for(bench: Bench) -> None:
    _chain(bench, PART, WHOLE)
    session = _call(bench, part_errors=True)
    assert session.results[0].part_errors == (PART, WHOLE)
    assert session.facts()["calls"] == [{"command": "emchain", "exit_status": 0, "part_errors": [PART, WHOLE]}]
    assert session.notes() == [
        f"emchain went on after errors of its parts (2 lines), and may lack a CCD or an exposure: {PART} | {WHOLE}"
    ]


def test_by_default_they_are_a_failure_that_says_the_way_out(bench: Bench) -> None:
    _chain(bench, PART, WHOLE)
    with pytest.raises(StepError) as caught:
        _call(bench)
    assert f"emchain printed an error, and exit status 0; it said: {PART} | {WHOLE}" in str(caught.value)
    assert caught.value.cure.startswith("A part of the chain failed, and what it has made may lack a CCD")
    assert f"{ADVICE}. It ran: emchain" in caught.value.cure


def test_a_chain_without_errors_has_no_note(bench: Bench) -> None:
    _chain(bench, "** emevents: warning (badFrames), 3 frames")
    session = _call(bench, part_errors=True)
    assert session.notes() == [] and session.facts()["calls"] == [{"command": "emchain", "exit_status": 0}]


@pytest.mark.parametrize(
    ("lines", "more", "says"),
    [
        ((PART,), {"status": 1}, "failed with exit status 1"),
        ((PART,), {"product": False}, "has not made *EVLI*, though its exit status is 0"),
        ((PART, "sh: line 3: 4242 Segmentation fault (core dumped) emevents"), {}, "Segmentation fault"),
        (("** emevents: error (FitsError), FITSIO: No space left on device",), {}, "No space left on device"),
        (("** emevents: fatal (Signal), caught signal 11",), {}, "printed an error"),
        ((*(f"** badpix: error (no{n}), none" for n in range(MOST)), "Segmentation fault"), {}, "printed an error"),
        (("sh: 1: emframes: not found",), {}, "printed an error"),
    ],
)
def test_what_is_more_than_an_error_of_a_part_fails(
    bench: Bench, lines: tuple[str, ...], more: dict[str, Any], says: str
) -> None:
    _chain(bench, *lines, **more)
    for noted in (True, False):
        with pytest.raises(StepError) as caught:
            _call(bench, part_errors=noted)
        assert says in str(caught.value) or (not noted and "printed an error" in str(caught.value))
        assert ADVICE not in caught.value.cure


def test_a_full_disk_fails_whatever_is_said(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    _chain(bench, PART)
    monkeypatch.setattr(parts, "is_full", lambda folder: True)
    with pytest.raises(StepError, match="printed an error"):
        _call(bench, part_errors=True)


@pytest.mark.parametrize(("tool", "suite"), [("evselect", SAS), ("emchain", HEASOFT)])
def test_other_tools_are_no_chains(bench: Bench, tool: str, suite: str) -> None:
    _chain(bench, "Error: of a part" if suite == HEASOFT else PART, tool=tool)
    with pytest.raises(StepError) as caught:
        _call(bench, tool, suite, part_errors=True)
    assert ADVICE not in caught.value.cure
    assert noting_parts(Call(SAS, "evselect", ())) == Call(SAS, "evselect", ())


def test_chains_note_their_parts() -> None:
    assert all(noting_parts(Call(SAS, tool, ())).part_errors for tool in CHAINS)


def test_calibration_that_is_missing_has_its_own_advice(bench: Bench) -> None:
    _chain(bench, "** badpix: error (NoCcf), no CCF constituent EMOS1_BADPIX")
    with pytest.raises(StepError) as caught:
        _call(bench)
    assert "SAS_CCFPATH" in caught.value.cure


def test_a_message_that_something_was_not_found_is_of_a_part() -> None:
    assert harvest(SAS, "** epframes: error (noFile), PNS003_09: not found").of_tasks
    assert not harvest(SAS, "all is well").of_tasks and not harvest(HEASOFT, "Error: none").of_tasks


def test_many_lines_are_counted() -> None:
    lines = [f"** badpix: error (no{number}), none" for number in range(MOST)]
    assert "(at least 50 lines)" in note_of("epchain", lines) and "and 47 more such lines" in note_of("epchain", lines)
    assert "(1 line)" in note_of("epchain", lines[:1])


def test_the_working_folder_is_not_told(bench: Bench, tmp_path: Path) -> None:
    bench.tool("emchain", f'echo "** badpix: error (no), $PWD/x" >&2; cp {fits(tmp_path / "a.fits")} M1EVLI.FIT')
    assert _call(bench, part_errors=True).results[0].part_errors == ("** badpix: error (no), {scratch}/x",)
