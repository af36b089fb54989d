"""The recipe of EPIC on a fake SAS that plays one release after another, and refuses what that one does not know."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.fakes.core import Run, ToolError, calls
from tests.fakes.sas import make_sas, run
from tests.fakes.sas.parameters import write_parameters
from tests.fakes.sas.raw import RawExposure, make_xmm_raw
from tests.tools.sasworld import context_of, planned, reduce
from xbatch.commands.call import Work
from xbatch.commands.espfilt import ESPFILT_GTI
from xbatch.commands.parfile import find_parameters, problems
from xbatch.ogip.gtifile import read_gti_tables
from xbatch.ogip.pha import read_pha
from xbatch.plan.raw_epic import epic_steps
from xbatch.plan.rawmade import RawContext
from xbatch.plan.steps import Step
from xbatch.simulator.config import Sky
from xbatch.xray.gti import total, union

OBSID = "0761220101"
TARGET = (213.3120833, -3.2075833)
SPEC = """\
xbatch: 1
name: versions
target: {position: [213.3120833, -3.2075833], frame: fk5}
mission: xmm
obsids: ["0761220101"]
instruments: [EPN]
data: {root: ROOT, level: raw, fetch: never, pipeline: {tasks: chain}}
screening: {default: {flare: {method: espfilt, bin: 100 s, ratio: 2.5}}}
regions:
  src: {shape: circle, center: target, radius: 50 arcsec}
  bkg: {shape: circle, center: [213.36, -3.24], frame: fk5, radius: 50 arcsec}
spectra: {agn: {region: src, background: bkg}}
"""
OLD, NEW = "eventset=events.fits", "eventfile=events.fits"
#: How a release is written, how the chain of pn and espfilt are called, and what espfilt calls its good times.
RELEASES = {
    "xmmsas_20180620_1732-17.0.0": ("17.0.0", False, OLD, f"P{OBSID}PNS003-gti.FIT"),
    "xmmsas_20190531_1155-18.0.0": ("18.0.0", False, OLD, f"P{OBSID}PNS003-gti.FIT"),
    "xmmsas_20210317_1624-19.1.0": ("19.1.0", False, OLD, f"P{OBSID}PNS003-gti.FIT"),
    "xmmsas_20211130_0941-20.0.0": ("20.0.0", False, NEW, "pnS003-gti.fits"),
    "xmmsas_20230412_1735-21.0.0": ("21.0.0", True, NEW, "pnS003-gti.fits"),
    "21.1.0": ("21.1.0", False, NEW, "pnS003-gti.fits"),
    "22.0.0-9173c7d25-20250127": ("22.0.0", False, NEW, "pnS003-gti.fits"),
    "xmmsas_22.1.0-a8f2c2afa-20250304": ("22.1.0", False, NEW, "pnS003-gti.fits"),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("versions") / "data"
    exposures, sky = {"EPN": (RawExposure("S003", 1.0),)}, Sky(*TARGET, offset=(0.0, 0.0))
    make_xmm_raw(folder, OBSID, 1, ("EPN",), seconds=2000.0, events=1500.0, exposures=exposures, sky=sky)
    return folder


def installed(
    release: str, folder: Path, data: Path, patch: pytest.MonkeyPatch, text: str = SPEC
) -> tuple[RawContext, Path]:
    """Install a release, and plan with it."""
    environment = make_sas(folder / "sas", release)
    for name, value in environment.items():
        patch.setenv(name, value)
    spec = folder / "spec.yaml"
    spec.write_text(text.replace("ROOT", str(data)))
    return context_of(spec, os.environ), Path(environment["SAS_DIR"])


def misunderstood(steps: Mapping[str, Step], context: RawContext) -> list[str]:
    """Hold all calls of a plan against the parameter files of the release."""
    suite = context.toolset.sas
    assert suite is not None
    found = []
    for step in steps.values():
        for call in Work.of(step.params["work"]).calls if step.engine == "sas" else ():
            known = find_parameters(call.tool, "sas", suite.parameters)
            assert known is not None
            found += problems(call, known)
    return found


@pytest.mark.parametrize("release", RELEASES)
def test_the_recipe_runs_on_each_release(
    release: str, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version, without_radmonfix, named, good_times = RELEASES[release]
    context, root = installed(release, tmp_path, data, monkeypatch)
    steps = planned(context, [epic_steps])
    assert {step.engine_version for step in steps.values() if step.engine == "sas"} == {version}
    assert misunderstood(steps, context) == []
    reduced = reduce(context, tmp_path / "out", [epic_steps])

    (chain,) = calls(root, "epchain")
    assert ("runradmonfix=N" in chain["args"]) == without_radmonfix
    (found,) = calls(root, "espfilt")
    assert named in found["args"]
    # xbatch asks for the histogram, and says where it cannot say more
    assert "method=histogram" in found["args"]
    assert any(word.startswith("elow=") for word in found["args"]) == (named == NEW)
    flare = f"flare:{OBSID}/EPN"
    notes = reduced.outcomes[flare].notes
    assert any("is left its own band" in note for note in notes) == (named == OLD)
    good = union(*(table.gti for table in read_gti_tables(reduced.out(flare) / "flare.gti")))
    assert 500 < total(good) <= 2100
    kept = reduced.outcomes[flare].facts["seconds"]
    assert kept <= 2000 and notes[-1] == f"{kept:.6g} of 2000 s are free of flares (espfilt)"
    spectrum = read_pha(reduced.out(f"epicspectrum:{OBSID}/EPN/agn") / "source.pha")
    assert spectrum.counts.sum() > 0 and spectrum.exposure > 0
    made = json.loads((reduced.out(f"epicevents:{OBSID}/EPN") / "epicevents.json").read_text())
    assert made["taken"] == ["S003"]

    monkeypatch.setenv("SAS_CCF", str(reduced.out(f"cifbuild:{OBSID}") / "ccf.cif"))
    monkeypatch.setenv("SAS_ODF", str(data / OBSID / "ODF"))
    (tmp_path / "by-hand").mkdir()
    monkeypatch.chdir(tmp_path / "by-hand")
    run(Run("odfingest", ("outdir=.",), root))
    monkeypatch.setenv("SAS_ODF", next(Path().glob("*SUM.SAS")).name)
    list_name = named.replace("events.fits", str(reduced.out(f"epicevents:{OBSID}/EPN") / "events.fits"))
    run(Run("espfilt", (list_name, "method=ratio", "ratio=2.5"), root))
    assert [path.name for path in Path().glob(ESPFILT_GTI)] == [good_times]


@pytest.mark.parametrize("release", ["xmmsas_20210317_1624-19.1.0", "xmmsas_22.1.0-a8f2c2afa-20250304"])
def test_espfilt_reads_the_list_of_out_of_time_events_where_it_can(
    release: str, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SPEC.replace("tasks: chain", "tasks: chain, out_of_time: true")
    context, root = installed(release, tmp_path, data, monkeypatch, text)
    reduced = reduce(context, tmp_path / "out", [epic_steps], ["selection", "epicspectrum"])
    (found,) = calls(root, "espfilt")
    new = RELEASES[release][2] == NEW
    assert ("ootfile=oot.fits" in found["args"]) == ("withoot=yes" in found["args"]) == new
    outcome = reduced.outcomes[f"flare:{OBSID}/EPN"]
    assert outcome.facts["seconds"] > 500
    assert any("is not given the list of out-of-time events" in note for note in outcome.notes) != new


def test_what_a_release_does_not_know_is_refused_by_it(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for release, args in {
        "xmmsas_20190531_1155-18.0.0": ("eventfile=e.fits",),
        "xmmsas_20210317_1624-19.1.0": ("eventset=e.fits", "elow=2500"),
        "xmmsas_20180620_1732-17.0.0": ("eventset=e.fits", "smooth=51"),
        "xmmsas_20211130_0941-20.0.0": ("eventset=e.fits",),
    }.items():
        folder = tmp_path / release
        folder.mkdir()
        _, root = installed(release, folder, data, monkeypatch)
        with pytest.raises(ToolError, match=r"UnknownParameter|BadParameterValue"):
            run(Run("espfilt", args, root))
    with pytest.raises(ToolError, match="runradmonfix"):
        run(Run("epchain", ("runradmonfix=N",), root))


def test_a_chain_that_lacks_a_part_makes_nothing(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    _, root = installed("xmmsas_20230412_1735-21.0.0", tmp_path, data, monkeypatch)
    folder = tmp_path / "by-hand"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SAS_ODF", str(data / OBSID / "ODF"))
    run(Run("cifbuild", ("fullpath=yes",), root))
    monkeypatch.setenv("SAS_CCF", "ccf.cif")
    run(Run("odfingest", ("outdir=.",), root))
    monkeypatch.setenv("SAS_ODF", next(Path().glob("*SUM.SAS")).name)
    run(Run("epchain", (), root))
    assert "** epchain: error (CONSTITUENT)" in capfd.readouterr().err
    assert not list(folder.glob("*EVLI*"))


def test_the_plan_says_which_parameter_a_release_lacks(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, root = installed("xmmsas_22.1.0-a8f2c2afa-20250304", tmp_path, data, monkeypatch)
    # the folder says 22.1.0, and the parameter files are those of an older one
    write_parameters(root / "config", "18.0.0")
    found = misunderstood(planned(context, [epic_steps]), context)
    (lacking,) = {text for text in found if "eventfile" in text}
    assert lacking.startswith("espfilt has no parameter eventfile in the version installed here (")
    assert lacking.endswith("espfilt.par); did you mean eventset?")
