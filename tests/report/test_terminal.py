"""A run in a terminal."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from tests.provenance.runs import Fit, World, make_run
from tests.tasks.fits import fit_record, parameter
from xbatch.base.numbers import Rounded
from xbatch.report.terminal import going_on, number_text, print_run
from xbatch.run.result import RunResult, StepOutcome, StepResult


def printed(world: World, write: bool = True) -> str:
    if write:
        world.write()
    stream = io.StringIO()
    print_run(world.result, stream, width=110)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Rounded("1.988", "0.021", "0.031"), "1.988 (-0.021, +0.031)"),
        (Rounded("1.988", "0.021", "0.021"), "1.988 ± 0.021"),
        (Rounded("3.46", "0.12", "0.12", -12), "(3.46 ± 0.12) × 10⁻¹²"),
        (Rounded("3.430", exponent=-10), "3.430 × 10⁻¹⁰"),
        (Rounded("0.25", "", "0.10"), "0.25 (?, +0.10)"),
        (Rounded("1"), "1"),
    ],
)
def test_numbers(number: Rounded, text: str) -> None:
    assert number_text(number) == text


def test_that_a_value_was_fixed_is_seen_on_any_width(tmp_path: Path) -> None:
    world = make_run(tmp_path, [Fit()])
    world.write()
    for width in (60, 80, 110):
        stream = io.StringIO()
        print_run(world.result, stream, width=width)
        assert "fixed" in stream.getvalue()


def test_quiet_leaves_the_parameters_out(tmp_path: Path) -> None:
    world = make_run(tmp_path, [Fit(), Fit("broken", None)])
    world.write()
    stream = io.StringIO()
    print_run(world.result, stream, width=110, quiet=True)
    assert "PhoIndex" not in stream.getvalue()
    assert "fit:broken failed" in stream.getvalue()


def test_parameters_failures_and_the_whole(tmp_path: Path) -> None:
    text = printed(make_run(tmp_path, [Fit(), Fit("broken", None)]))
    assert "pl.PhoIndex" in text and "1.988 (-0.021, +0.031)" in text
    assert "cm⁻² s⁻¹ keV⁻¹" in text
    assert "fixed" in text
    assert "fit:broken failed: 90402339002A_sr.pha: holds no good channel" in text
    assert "log: " in text
    assert "8 steps: 4 done, 2 up to date, 1 failed, 1 skipped in 42 s" in text.replace("\n", " ")


def test_a_poor_fit_is_said_so_and_names_are_not_markup(tmp_path: Path) -> None:
    record = fit_record(
        name="[red]x",
        good_fit=False,
        reduced=9.3,
        parameters=[parameter("cal.factor[FPMB]", 1.02)],
        notes=["[bold] note"],
    )
    text = printed(make_run(tmp_path, [Fit("cutoff", record, {"binning.opt.snr": 6})]))
    assert "[red]x" in text and "cal.factor[FPMB]" in text and "[bold] note" in text
    assert "Poor fit" in text
    assert "snr 6" in text


def test_without_a_manifest_there_is_still_the_whole(tmp_path: Path) -> None:
    world = make_run(tmp_path)
    stopped = replace(world.result, signal=2, message="no space left")
    text = printed(World(world.folder, world.analysis, world.plan, stopped), write=False)
    assert "PhoIndex" not in text
    assert "no space left. Interrupted; what is finished is kept." in text.replace("\n", " ")


def test_of_many_fits_each_has_a_line_and_poor_ones_come_first(tmp_path: Path) -> None:
    poor = fit_record(good_fit=False, reduced=9.3)
    fits = [Fit(f"f{n}", poor if n == 12 else fit_record(), {"binning.opt.snr": n}, f"snr={n}") for n in range(13)]
    text = printed(make_run(tmp_path, fits))
    assert "13 fits" in text and "PhoIndex" not in text
    rows = [line for line in text.splitlines() if "d.o.f." in line]
    assert len(rows) == 13
    assert rows[0].split()[-1] == "poor" and " 12 " in rows[0]
    assert "xbatch compare" in " ".join(text.split())  # in the middle of it a line may end


def outcome(*counts: tuple[StepOutcome, int], message: str = "no") -> RunResult:
    steps = [
        StepResult(f"fit:{outcome} {number}", outcome, message=message if outcome == "failed" else "")
        for outcome, count in counts
        for number in range(count)
    ]
    return RunResult("vela", Path("/else/out/vela"), Path("/else/out/.store"), "", "", tuple(steps))


def test_a_run_without_a_gap_needs_no_word_on_how_to_go_on() -> None:
    assert going_on(outcome(("done", 3), ("up to date", 2))) == ""


def test_how_to_go_on_after_failures() -> None:
    result = outcome(("done", 3), ("up to date", 2), ("failed", 2), ("skipped", 1))
    assert "xbatch logs" not in going_on(result), "a file that cannot be read leaves no log"
    steps = tuple(replace(step, log=Path("x.log")) if step.name == "fit:failed 1" else step for step in result.steps)
    assert going_on(replace(result, steps=steps)).splitlines() == [
        "Left out for want of a step that has failed: 1 step.",
        "What a step said: xbatch logs /else/out/vela 'fit:failed 1'",
        "To go on: mend what failed and give the same command again; 5 steps need not be done again.",
    ]


def test_how_to_go_on_after_a_stop() -> None:
    assert going_on(outcome(("done", 1), ("cancelled", 7))) == (
        "To go on: give the same command again; 1 step need not be done again."
    )


def test_equal_failures_share_a_paragraph_and_of_very_many_the_first_are_told() -> None:
    stream = io.StringIO()
    print_run(outcome(("failed", 9), message="no room"), stream, width=200)
    text = stream.getvalue()
    assert "fit:failed 0, fit:failed 1, fit:failed 2 and 6 more failed: no room" in text
    many = tuple(StepResult(f"fit:{number}", "failed", message=f"no {number}") for number in range(20))
    stream = io.StringIO()
    print_run(replace(outcome(), steps=many), stream, width=200)
    assert "fit:11 failed: no 11" in stream.getvalue() and "fit:12" not in stream.getvalue()
    assert "and 8 more failed; xbatch status /else/out/vela names them all" in stream.getvalue()


def test_in_a_file_a_paragraph_is_a_line() -> None:
    stream = io.StringIO()
    print_run(outcome(("failed", 1), message="word " * 60), stream)
    assert any(
        line.startswith("fit:failed 0 failed: word") and len(line) > 290 for line in stream.getvalue().splitlines()
    )
