"""Splitting mode 06: an observation without it has nothing to split."""

from __future__ import annotations

import json
from pathlib import Path

from xbatch.commands.call import Work
from xbatch.commands.nustar import nusplitsc
from xbatch.registry import Job
from xbatch.tools import nusplit


def test_there_may_be_no_list_of_mode_06(tmp_path: Path) -> None:
    work = Work((nusplitsc("a", "b", "c", "split"),), kept={"a_chu1_N_cl.evt": "split/a_chu1_N_cl.evt"})
    outcome = nusplit.run(Job("nusplitsc:a", {"work": work.params()}, {}, tmp_path))
    assert outcome.facts["lists"] == []
    assert outcome.notes == ("there is no list of mode 06",)
    assert json.loads((tmp_path / "nusplitsc.json").read_text()) == {"lists": []}
