"""Responses named for one of FPMA and FPMB (EMOS1 and EMOS2) alone, or one file for both: what the plan says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.plan.eventworlds import OBSID, event_analysis, event_spec, nustar_list, observed, spectrum
from tests.plan.nustarworlds import context_of, planned, tutorial
from tests.plan.worlds import analysis_of, files_of, fit_job, observation, spec_of, subject
from xbatch.base.errors import SpecError
from xbatch.plan.compile import compile_plan
from xbatch.plan.spectra import spectrum_params
from xbatch.plan.steps import Step
from xbatch.plan.twins import remarked
from xbatch.spec.eventmodel import EventWork

BOTH = ("FPMA", "FPMB")
ONE_FILE = (
    "spectra.{} names one file as 'response' of {} and {}: write {} in its name where each has its own, or a 'note' "
    "that says why"
)


def remarks(steps: list[Step]) -> dict[str, tuple[str, ...]]:
    return {step.subject: step.remarks for step in steps if step.task == "spectrum" and step.remarks}


def of_spectra(root: Path, **changes: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Plan two modules at level spectra; `changes` by instrument."""
    for module in "AB":
        observation(root, module)
    files = [files_of(subject(name), root, **changes.get(name, {})) for name in BOTH]
    return remarks(list(compile_plan(analysis_of(({}, spec_of(files, []))))))


def test_at_level_spectra_the_other_has_what_its_header_names(tmp_path: Path) -> None:
    rmf, arf = tmp_path / "r.rmf", tmp_path / "01A.arf"
    assert of_spectra(tmp_path, FPMA={"response": rmf, "arf": arf}) == {
        "01/FPMB/src": (
            "spectra.src names 'response' for FPMA and not for FPMB, which has the RESPFILE of its own header",
            "spectra.src names 'arf' for FPMA and not for FPMB, which has the ANCRFILE of its own header",
        )
    }
    (said,) = of_spectra(tmp_path, FPMB={"response": rmf}).items()
    assert said[0] == "01/FPMA/src" and "for FPMB and not for FPMA, which has the RESPFILE" in said[1][0]


def test_what_the_header_does_not_name_either_is_none(tmp_path: Path) -> None:
    observation(tmp_path, "A")
    observation(tmp_path, "B", ANCRFILE="none")
    named = {"response": tmp_path / "01A_sr.pha", "arf": tmp_path / "01A.arf"}
    files = [files_of(subject("FPMA"), tmp_path, **named), files_of(subject("FPMB"), tmp_path)]
    ((_, (rmf, arf)),) = remarks(list(compile_plan(analysis_of(({}, spec_of(files, [])))))).items()
    assert rmf.endswith("which has the RESPFILE of its own header") and arf.endswith("FPMB, which has none")
    # one module alone has no twin
    alone = [files_of(subject("FPMB"), tmp_path, response=tmp_path / "r.rmf")]
    assert remarks(list(compile_plan(analysis_of(({}, spec_of(alone, [])))))) == {}


def test_what_is_said_of_both_is_no_slip(tmp_path: Path) -> None:
    rmf = tmp_path / "01A_sr.pha"  # any file that is there
    assert of_spectra(tmp_path) == {}
    assert of_spectra(tmp_path, FPMA={"response": rmf}, FPMB={"response": "none"}) == {}
    assert of_spectra(tmp_path, FPMA={"response": rmf}, FPMB={"response": tmp_path / "01B_sr.pha"}) == {}


def test_one_file_for_both_is_told_unless_a_note_says_why(tmp_path: Path) -> None:
    same = {"response": tmp_path / "r.rmf"}
    told = ONE_FILE.format("src", *BOTH, "{module}")
    assert of_spectra(tmp_path, FPMA=same, FPMB=same) == {"01/FPMA/src": (told,), "01/FPMB/src": (told,)}
    spoken = {**same, "note": "a stand-in for both"}
    assert of_spectra(tmp_path, FPMA=spoken, FPMB=spoken) == {}


def test_members_of_a_sweep_have_remarks_of_their_own(tmp_path: Path) -> None:
    for module in "AB":
        observation(tmp_path, module)
    specs = [
        spec_of([files_of(subject(name), tmp_path, **given.get(name, {})) for name in BOTH], [])
        for given in ({}, {"FPMA": {"response": tmp_path / "01B_sr.pha"}, "FPMB": {"arf": tmp_path / "01A.arf"}})
    ]
    plan = compile_plan(analysis_of(*[({"n": number}, spec) for number, spec in enumerate(specs)]))
    found = {(step.subject, step.members): len(step.remarks) for step in plan if step.task == "spectrum"}
    assert set(found.values()) == {0, 1}
    assert all(count == ("n=1" in members) for (_, members), count in found.items())


def test_at_level_events_the_other_has_none_and_a_fit_of_it_is_refused(tmp_path: Path) -> None:
    for name in BOTH:
        nustar_list(tmp_path, name)
    (tmp_path / "a.rmf").write_bytes(b"x")
    work = EventWork(
        observed=tuple(observed(tmp_path, name) for name in BOTH),
        spectra=(spectrum("FPMA", response=tmp_path / "a.rmf"), spectrum("FPMB")),
    )
    assert remarks(list(compile_plan(event_analysis(event_spec(work))))) == {
        f"{OBSID}/FPMB/agn": ("spectra.agn names 'response' for FPMA and not for FPMB, which has none",)
    }
    fit = fit_job([one.subject for one in work.spectra])
    with pytest.raises(SpecError) as told:
        compile_plan(event_analysis(event_spec(work, (fit,))))
    assert [(one.code, one.path) for one in told.value.problems] == [("XB403", "fit.pl")]
    assert f"{OBSID}/FPMB/agn has none (events bring none)" in told.value.problems[0].message


@pytest.mark.parametrize(
    ("more", "engine", "fate"),
    [
        ("response: nuA.rmf", "auto", "that of nuproducts, which makes its spectrum too, and xbatch the other's"),
        ("response: nuA.rmf", "{spectra: native}", "none"),
        ("arf: nuA.arf", "auto", "that of nuproducts"),
    ],
)
def test_at_level_raw_the_tool_makes_that_of_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str, engine: str, fate: str
) -> None:
    (tmp_path / "data").mkdir()
    for name in ("nuA.rmf", "nuA.arf"):
        (tmp_path / "data" / name).write_bytes(b"x")
    text = tutorial(
        observations='observations: [{obsids: ["60001110002"]}]',
        spectra=f"spectra: {{src: {{region: src, background: bgd, for: [{{where: {{module: A}}, {more}}}]}}}}",
        lightcurves="",
        binning="",
        engine=f"engine: {engine}",
    )
    context = context_of(tmp_path, text)
    key = more.partition(":")[0]
    assert remarks(remarked(planned(context, monkeypatch), context.analysis)) == {
        "60001110002/FPMB/src": (f"spectra.src names '{key}' for FPMA and not for FPMB, which has {fate}",)
    }


def test_mos_cameras_are_twins_and_pn_has_none(tmp_path: Path) -> None:
    (tmp_path / "m.rmf").write_bytes(b"x")
    names = ("EPN", "EMOS1", "EMOS2")
    spectra = tuple(spectrum(name, response=tmp_path / "m.rmf") for name in names)
    spec = event_spec(EventWork(observed=(), spectra=spectra))
    steps = [
        Step(f"spectrum:{one.subject.path}", "spectrum", one.subject.path, params=spectrum_params(one.subject, ""))
        for one in spectra
    ]
    told = ONE_FILE.format("agn", "EMOS1", "EMOS2", "{instrument}")
    assert [step.remarks for step in remarked(steps, event_analysis(spec))] == [(), (told,), (told,)]
