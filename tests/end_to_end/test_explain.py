"""What differs before a run, as a user asks for it."""

from __future__ import annotations

import json

from tests.end_to_end.world import OBSIDS, Desk


def test_steps_are_explained(finished: Desk) -> None:
    desk = finished
    places = ("--out", desk.run_dir, "--store", desk.folder / "out" / ".store")
    spec = desk.folder / "desk.yaml"
    said = desk.xbatch("explain", spec, *places)
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith("all ") and said.out.endswith(" steps are up to date\n")

    change = ("--set", "binning.min30.counts=50")
    text = desk.xbatch("explain", spec, f"fit:pl/{OBSIDS[0]}", *change, *places).out
    assert text.startswith(f"fit:pl/{OBSIDS[0]}: waits\n  compared with its last result here, key ")
    assert f"begins at group:{OBSIDS[0]}/FPMA/src/min30: binning.counts 30.0 -> 50.0" in text
    assert OBSIDS[1] not in text

    told = json.loads(desk.xbatch("explain", spec, "group:*", *change, *places, "--json").out)
    assert [step["differences"] for step in told["steps"]] == [
        [{"kind": "parameter", "what": "binning.counts", "old": 30.0, "new": 50.0}]
    ] * 4

    new = ("--out", desk.folder / "out" / "new", "--store", desk.folder / "out" / ".store")
    near = desk.xbatch("explain", spec, f"group:{OBSIDS[0]}/FPMA/src/min30", *change, *new).out
    assert f"nearest in the store is group:{OBSIDS[0]}/FPMA/src/min30, key" in near
    assert not (desk.folder / "out" / "new").exists()

    wrong = desk.xbatch("explain", spec, f"group:{OBSIDS[0]}/FPMA/src/min3", *places)
    assert wrong.status == 2
    assert "matches no step; did you mean" in wrong.err
