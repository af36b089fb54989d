"""The part of mode 06 that is taken, and what is said where it is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from xbatch.base.errors import StepError
from xbatch.registry import Job
from xbatch.tasks import chu


def _job(tmp_path: Path, wanted: str, *there: str) -> Job:
    lists = {f"list/chu{units}": tmp_path / units for units in there}
    for units, path in zip(there, lists.values(), strict=True):
        path.write_text(f"list of {units}")
    out = tmp_path / "out"
    out.mkdir()
    params = {"mission": "nustar", "obsid": "60001110002", "instrument": "FPMA", "chu": wanted}
    return Job("chu:a", params, {"made": tmp_path, **lists}, out)


def test_the_list_that_is_asked_for_is_taken(tmp_path: Path) -> None:
    job = _job(tmp_path, "1", "123", "1", "12")
    assert chu.run(job).facts == {"chu": "1", "there": ["1", "12", "123"]}
    assert (job.out / "events.fits").read_text() == "list of 1"


@pytest.mark.parametrize(
    ("there", "said", "cure"),
    [
        (("3", "12"), "has no list of the camera head units 13: it has lists of 3, 12", "another chu for it by 'for'"),
        ((), "has no list of the camera head units 13: it has no list at all", "Leave it out with the 'where'"),
    ],
)
def test_a_list_that_is_not_there_is_told(tmp_path: Path, there: tuple[str, ...], said: str, cure: str) -> None:
    with pytest.raises(StepError) as caught:
        chu.run(_job(tmp_path, "13", *there))
    assert str(caught.value).startswith(f"mode 06 of 60001110002 FPMA {said}")
    assert cure in caught.value.cure
