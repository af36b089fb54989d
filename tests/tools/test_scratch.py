from __future__ import annotations

import stat
from pathlib import Path

import pytest

from xbatch.base.errors import StepError
from xbatch.tools.scratch import MOST, SCRATCH, make_scratch, remove_scratch


def test_a_short_folder_of_the_step_is_taken(bench: object) -> None:
    out = Path("/tmp") / f"xbt-{id(bench)}"
    out.mkdir()
    try:
        folder = make_scratch(out, {})
        assert folder == out.resolve() / "w"
        remove_scratch(folder)
        assert list(out.iterdir()) == []
    finally:
        out.rmdir()


def long(tmp_path: Path) -> Path:
    out = tmp_path / (MOST * "x")
    out.mkdir()
    return out


def test_else_the_folder_that_is_named_if_it_is_short(tmp_path: Path) -> None:
    out = long(tmp_path)
    roomy = Path("/tmp") / f"r{tmp_path.name[-8:]}"
    roomy.mkdir()
    try:
        folder = make_scratch(out, {SCRATCH: str(roomy), "TMPDIR": "/var/tmp"})
        assert folder.parent == roomy.resolve()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        remove_scratch(folder)
    finally:
        roomy.rmdir()
    folder = make_scratch(out, {"TMPDIR": str(out)})
    assert len(str(folder)) <= MOST
    remove_scratch(folder)


def test_a_folder_that_is_named_is_not_passed_over(tmp_path: Path) -> None:
    out = long(tmp_path)
    for named, words in ((str(out), "tools cut long names off"), ("/proc/none", "does not exist")):
        with pytest.raises(
            StepError, match=f"needs a folder for tools to work in: {SCRATCH}={named} .*{words}"
        ) as caught:
            make_scratch(out, {SCRATCH: named})
        assert "or unset it" in caught.value.cure


@pytest.mark.parametrize("name", ["my data", "é", "a;b"])
def test_no_tool_works_in_a_folder_with_a_blank_or_the_like_in_its_name(name: str) -> None:
    out = Path("/tmp") / f"xbt-{id(name)} {name}"
    out.mkdir()
    try:
        folder = make_scratch(out, {"TMPDIR": str(out)})
        assert out not in folder.parents
        remove_scratch(folder)
        with pytest.raises(StepError, match="has a blank or another character in it"):
            make_scratch(out, {SCRATCH: str(out)})
    finally:
        out.rmdir()


def test_no_place_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = long(tmp_path)
    monkeypatch.setattr("xbatch.tools.scratch._SHORT", ("/proc/none",))
    with pytest.raises(StepError, match="found no folder with a short path") as caught:
        make_scratch(out, {})
    assert SCRATCH in caught.value.cure
