"""Tests of the recipe of the RGS: every command of a published study, what fits start from, the sums."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plan.epicworlds import by_name, commands, context_of, words
from xbatch.base.toolset import Suite
from xbatch.commands.call import Work
from xbatch.plan.raw_rgs import rgs_steps
from xbatch.plan.rawmade import RawMade
from xbatch.plan.steps import StepInput, check_outputs
from xbatch.registry import TASKS

OBSID = "0761220101"
SPEC = """\
xbatch: 1
name: ngc5506
target: {name: NGC 5506, position: ["14:13:14.9", "-03:12:27.3"], frame: icrs}
mission: xmm
obsids: ["0201830201", "0761220101"]
instruments: [RGS1, RGS2]
data: {root: data, level: raw}
spectra: {rgs: {region: pipeline, orders: ORDERS, note: as it comes}}
combine: {rgs12: {of: rgs, over: instrument, method: rgscombine}}
"""
RGSPROC = "rgsproc 'orders=1 2' bkgcorrect=no withmlambdacolumn=yes spectrumbinning=lambda"


def combine(order: int) -> str:
    lists = {name: " ".join(f"RGS{n}_o{order}.{kind}" for n in (1, 2)) for name, kind in KINDS.items()}
    return (
        f"rgscombine 'pha={lists['pha']}' 'bkg={lists['bkg']}' 'rmf={lists['rmf']}' filepha=source.pha "
        "filebkg=background.pha filermf=response.rmf"
    )


KINDS = {"pha": "src.pha", "bkg": "bkg.pha", "rmf": "rmf"}


def made_of(tmp_path: Path, orders: str = "[1]", text: str = SPEC) -> RawMade:
    suite = Suite("sas", "21.0.0", Path("/opt/sas"))
    context = context_of(tmp_path, text.replace("ORDERS", orders), suite)
    made = RawMade()
    for one in context.raw.observations:
        made |= rgs_steps(context, one)
    return made


@pytest.mark.parametrize("orders", ["[1]", "[1, 2]", "[2]"])
def test_every_command(tmp_path: Path, orders: str) -> None:
    expected = {}
    numbers = [int(number) for number in orders.strip("[]").split(",")]
    for obsid in ("0201830201", OBSID):
        expected[f"rgsproc:{obsid}"] = [RGSPROC]
        for number in numbers:
            end = "" if number == numbers[0] else f"-o{number}"
            expected[f"rgscombine:{obsid}/rgs12{end}"] = [combine(number)]
    assert commands(made_of(tmp_path, orders)) == words(expected)


def test_spectra_without_a_sum_are_made_by_the_published_command(tmp_path: Path) -> None:
    made = made_of(tmp_path, text=SPEC[: SPEC.index("combine:")])
    assert (
        commands(made)[f"rgsproc:{OBSID}"]
        == words({"": ["rgsproc 'orders=1 2' bkgcorrect=no withmlambdacolumn=yes"]})[""]
    )


def test_products_have_names_without_an_exposure(tmp_path: Path) -> None:
    step = by_name(made_of(tmp_path))[f"rgsproc:{OBSID}"]
    # the second order is kept too where there is one, so that who asks for it later need not wait again
    assert step.outputs == (
        *("RGS1_o1.src.pha", "RGS1_o1.bkg.pha", "RGS1_o1.rmf"),
        *("RGS1_o2.src.pha?", "RGS1_o2.bkg.pha?", "RGS1_o2.rmf?"),
        *("RGS2_o1.src.pha", "RGS2_o1.bkg.pha", "RGS2_o1.rmf"),
        *("RGS2_o2.src.pha?", "RGS2_o2.bkg.pha?", "RGS2_o2.rmf?"),
        "rgsproc.json",
    )
    assert step.params["wanted"] == [["RGS1", 1], ["RGS2", 1]]
    work = Work.of(step.params["work"])
    assert work.kept["RGS2_o1.rmf"] == "P*R2[SU]???RSPMAT1001.FIT"
    assert work.staged["odf"].how == "tree-unpack"
    assert work.environment["SAS_ODF"] == f"{{scratch}}/odf/0000_{OBSID}_SCX00000SUM.SAS"


def test_what_fits_start_from(tmp_path: Path) -> None:
    made = made_of(tmp_path, "[1, 2]")
    check_outputs(made.steps, TASKS)
    assert set(made.sources) == {
        f"{obsid}/{path}{end}"
        for obsid in ("0201830201", OBSID)
        for path in ("RGS1/rgs", "RGS2/rgs", "RGS/rgs12")
        for end in ("", "-o2")
    }
    steps = by_name(made)
    for path, source in made.sources.items():
        assert source.step == f"spectrum:{path}" and source.background and source.response
    second = steps[f"spectrum:{OBSID}/RGS2/rgs-o2"]
    assert second.inputs["pha"] == StepInput(f"rgsproc:{OBSID}", "RGS2_o2.src.pha")
    assert second.inputs["rmf"] == StepInput(f"rgsproc:{OBSID}", "RGS2_o2.rmf")
    assert second.params["note"] == "as it comes" and second.engine == "native"
    whole = steps[f"spectrum:{OBSID}/RGS/rgs12"]
    assert whole.inputs["background"] == StepInput(f"rgscombine:{OBSID}/rgs12", "background.pha")
    assert whole.params["instrument"] == "RGS"


def test_products_are_apart(tmp_path: Path) -> None:
    products = [step.product for step in made_of(tmp_path, "[1, 2]").steps]
    assert len(set(products)) == len(products)


def test_nothing_where_nothing_is_asked(tmp_path: Path) -> None:
    text = SPEC[: SPEC.index("spectra:")].replace("instruments: [RGS1, RGS2]", "instruments: [EPN]")
    assert made_of(tmp_path, text=text) == RawMade()
