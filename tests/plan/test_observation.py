"""The step that lists the files of an observation, or fetches them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plan.worlds import analysis_of, spec_of
from xbatch.base.toolset import Toolset
from xbatch.plan.observation import observation_inputs, observation_places, observation_steps
from xbatch.plan.rawmade import RawContext, RawMade
from xbatch.plan.steps import FileInput, StepInput
from xbatch.spec.rawmodel import RawObservation

FILES = ["hk/nu60001110002A_fpm.hk", "auxil/nu60001110002_orb.fits.gz", "event_uf/nu60001110002A_uf.evt"]


def _one(root: Path, fetch: str = "missing") -> RawObservation:
    return RawObservation("nustar", "60001110002", ("FPMA",), root, fetch=fetch, path="data")


def _made(one: RawObservation) -> RawMade:
    spec = spec_of([], [])
    return observation_steps(RawContext(analysis_of(({}, spec)), spec, Toolset()), one)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (*FILES, ".listing", ".cache/x.fits", "hk/.part"):
        path = tmp_path / "60001110002" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def test_files_that_are_there_are_listed(root: Path) -> None:
    (step,) = _made(_one(root)).steps
    assert (step.name, step.task, step.fresh) == ("observation:60001110002", "observation", False)
    # what begins with a dot is not of the observation
    assert step.inputs == {f"file/{name}": FileInput(str(root / "60001110002" / name)) for name in sorted(FILES)}
    assert [*step.inputs] == sorted(step.inputs)
    assert step.places == {"raw": str(root / "60001110002")}
    assert step.params == {"mission": "nustar", "obsid": "60001110002"}  # no path, which would be in the key


@pytest.mark.parametrize("there", [True, False])
def test_files_that_are_not_there_are_fetched(tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "60001110002" / "empty").mkdir(parents=True)
    (step,) = _made(_one(tmp_path)).steps
    assert (step.task, step.inputs, step.fresh) == ("fetch", {}, False)
    # the same words for all observations, so that they are said once
    assert step.remarks[-1].startswith(f"what is not below {tmp_path} is fetched from the archives")
    assert not _made(_one(tmp_path, "always")).steps[0].remarks[-1].startswith("what")


def test_what_archives_are_asked_with_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "boto3" else object())
    (step,) = _made(_one(tmp_path)).steps
    assert step.remarks[-1].endswith("archives; boto3 not installed for that: pip install 'xbatch[fetch]'")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    assert "installed" not in _made(_one(tmp_path)).steps[0].remarks[-1]


def test_an_observation_that_is_always_fetched_is_always_looked_at(root: Path) -> None:
    (step,) = _made(_one(root, "always")).steps
    assert (step.task, step.inputs, step.fresh) == ("fetch", {}, True)
    # and leaves the same list under the same name
    (listed,) = _made(_one(root)).steps
    assert (step.name, step.outputs, step.product, step.params) == (
        listed.name,
        listed.outputs,
        listed.product,
        listed.params,
    )


def test_files_that_must_not_be_fetched_must_be_there(tmp_path: Path, root: Path) -> None:
    assert _made(_one(root, "never")).steps[0].task == "observation"
    made = _made(_one(tmp_path / "elsewhere", "never"))
    (problem,) = made.problems
    assert made.steps == () and problem.code == "XB401"
    assert "no files of observation 60001110002" in problem.message and "fetch: missing" in problem.hint


def test_a_folder_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    def closed(folder: Path) -> list[Path]:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr("xbatch.plan.observation.files_below", closed)
    (problem,) = _made(_one(root)).problems
    assert problem.code == "XB401" and "cannot be read" in problem.message


def test_other_steps_get_the_list_as_an_input_and_the_folder_as_a_place(tmp_path: Path) -> None:
    one = _one(tmp_path)
    (step,) = _made(one).steps
    assert observation_inputs(one) == {"observation": StepInput(step.name, step.outputs[0])}
    assert observation_places(one) == step.places
    assert Path(observation_places(_one(Path("data")))["raw"]).is_absolute()
