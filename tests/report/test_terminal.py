"""A run in a terminal."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from tests.provenance.runs import Fit, World, make_run
from tests.tasks.fits import fit_record, parameter
from xbatch.base.numbers import Rounded
from xbatch.report.terminal import number_text, print_run


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
