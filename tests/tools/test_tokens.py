from __future__ import annotations

import json
from pathlib import Path

import pytest

from xbatch.base.errors import StepError
from xbatch.registry import Job
from xbatch.tools.tokens import as_text, value_of


@pytest.fixture
def job(tmp_path: Path) -> Job:
    path = tmp_path / "selection.json"
    path.write_text(json.dumps({"a": {"x": 12.5, "list": [1, {"y": "z"}]}, "src.reg": "circle(1,2,3)", "no": None}))
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    return Job("a:b", {}, {"selection": path, "broken": broken}, tmp_path)


@pytest.mark.parametrize(
    ("token", "text"),
    [
        ("selection:a.x", "12.5"),
        ("selection:a.list.1.y", "z"),
        ("selection:src.reg", "circle(1,2,3)"),
        ("scratch", "/tmp/xb-1"),
    ],
)
def test_values(job: Job, token: str, text: str) -> None:
    assert value_of(token, job, Path("/tmp/xb-1")) == text


@pytest.mark.parametrize(
    ("token", "what"),
    [
        ("selection:a.y", "does not hold a.y"),
        ("selection:a.list.7", "does not hold"),
        ("selection:a.x.y", "does not hold"),
        ("other:a", "has no input 'other'"),
        ("broken:a", "cannot be read as JSON"),
        ("selection:a", "cannot write"),
        ("selection:no", "cannot write None"),
    ],
)
def test_what_has_no_value(job: Job, token: str, what: str) -> None:
    with pytest.raises(StepError, match=what):
        value_of(token, job, Path("/tmp/xb-1"))


def test_forms() -> None:
    assert [as_text(one) for one in (True, False, 3, 3.0, 0.1, 1e300, [1, 2.5], "a b")] == [
        "yes",
        "no",
        "3",
        "3",
        "0.1",
        "1e+300",
        "1 2.5",
        "a b",
    ]
