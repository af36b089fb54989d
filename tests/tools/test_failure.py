"""The paragraph that says why a call has failed."""

from __future__ import annotations

import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.base.errors import StepError
from xbatch.commands.call import HEASOFT, SAS, Call
from xbatch.tools import failure
from xbatch.tools.failure import Failure, describe
from xbatch.tools.launch import Ended

CALL = Call(HEASOFT, "nuproducts", (("indir", "clean"), ("srcregionfile", "src.reg"), ("bkgregionfile", "bgd.reg")))
SOURCES = {"bgd.reg": Path("/data/background.reg"), "clean/a.evt": Path("/store/a.evt")}


def _failure(folder: Path = Path("/tmp"), script: Path | None = None, call: Call = CALL) -> Failure:
    return Failure(call, "nuproducts indir=clean", SOURCES, script, folder)


def _ended(stdout: str = "", stderr: str = "", status: int = 1, cause: str = "") -> Ended:
    return Ended(status, stdout, stderr, cause, 1.0)


def test_what_the_tool_said_comes_with_the_file_that_it_means() -> None:
    error = describe(_failure(), "failed with exit status 1", _ended("nuproducts_0.3.3: Error: reading bgd.reg\n"))
    text = str(error)
    assert text.startswith("nuproducts failed with exit status 1; it said: nuproducts_0.3.3: Error: reading bgd.reg; ")
    assert "bgd.reg is /data/background.reg" in text
    assert error.cure.endswith("It ran: nuproducts indir=clean")


def test_else_the_first_input_that_the_call_names() -> None:
    text = str(describe(_failure(), "failed with exit status 1", _ended("Error: of some kind\n")))
    assert "input: /store/a.evt" in text  # one of the files in the folder that indir names
    # a word of the tool's own is not the folder that is called so
    assert "clean/a.evt is" not in str(describe(_failure(), "failed", _ended("Error: cannot clean up\n")))
    other = replace(CALL, args=(("infile", "other.fits"),))
    assert "input" not in str(describe(_failure(call=other), "failed with exit status 1", _ended("Error: so\n")))


def test_a_call_that_did_not_run_said_nothing() -> None:
    error = describe(_failure(), "is not installed here: it is not on PATH")
    assert str(error).startswith("nuproducts is not installed here: it is not on PATH")
    assert "it said" not in str(error) and "headas-init.sh" in error.cure


def test_how_to_repeat_it_by_hand() -> None:
    error = describe(_failure(script=Path("/run/logs/a step.sh")), "failed with exit status 1", _ended("Error: x"))
    assert "To repeat it by hand: sh '/run/logs/a step.sh'; it ran: nuproducts" in error.cure


def test_a_shape_that_numkarf_does_not_take_says_what_to_do() -> None:
    for said in (
        "Ghost Rays correction is supported only for circular extraction regions.",
        "Region shape 'BOX' not supported",
    ):
        error = describe(_failure(), "failed with exit status 1", _ended(f"numkarf_0.5: Error: {said}\n"))
        assert error.cure.startswith("For a point the region of the source must be one circle")


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (signal.SIGKILL, "was killed (SIGKILL, perhaps for want of memory)"),
        (signal.SIGSEGV, "was killed (SIGSEGV)"),
        (signal.SIGXFSZ, "was killed (SIGXFSZ: File size limit exceeded)"),
        (200, "was killed (signal 200)"),
    ],
)
def test_signals_have_names(number: int, says: str) -> None:
    assert says in str(describe(_failure(), f"failed with exit status {-number}", _ended(status=-number)))


def test_a_tool_that_was_stopped_was_not_killed_by_others() -> None:
    text = str(describe(_failure(), "took longer than 60 s and was stopped", _ended(status=-9, cause="late")))
    assert "took longer than 60 s" in text and "SIGKILL" not in text


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(failure.shutil, "disk_usage", lambda _: full)
    error = describe(_failure(tmp_path / "x"), "failed with exit status 1", _ended("Error: x"))
    assert f"the disk is full where it works ({tmp_path})" in str(error) and "Make room" in error.cure

    def gone(_: Path) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(failure.shutil, "disk_usage", gone)
    assert "disk" not in str(describe(_failure(tmp_path / "x"), "failed", _ended("Error: x")))


@given(st.integers(1, 30), st.integers(1, 600))
def test_many_and_long_lines_are_cut(count: int, length: int) -> None:
    lines = [f"** evselect: error (E{number}), {'x' * length}" for number in range(count)]
    call = Call(SAS, "evselect", ())
    error = describe(replace(_failure(), call=call), "failed with exit status 1", _ended("\n".join(lines)))
    assert isinstance(error, StepError)
    said = error.what.partition("it said: ")[2].partition(" (and")[0].split(" | ")
    assert len(said) == min(count, 3) and all(len(line) <= 240 for line in said)
    # the first tells the cause, the last what gave up
    assert "(E0)" in said[0] and f"(E{count - 1})" in said[-1]
    assert (f"(and {count - 3} more such lines)" in str(error)) is (count > 3)
