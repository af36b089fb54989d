from __future__ import annotations

import json
import re
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xbatch.base.files import clear_parts, lines_json, safe_name, write_atomically


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("3-79 keV", "3-79_keV"),
        ("0.5-2 keV", "0.5-2_keV"),
        ("b48cch.12", "b48cch.12"),
        ("agn@low", "agn@low"),
        ("soft", "soft"),
        ("a/b", "a_b"),
        ("..", "_."),
    ],
)
def test_a_band_gives_a_file_name(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.text(min_size=1))
def test_a_safe_name_is_safe_and_stays(name: str) -> None:
    safe = safe_name(name)
    assert re.fullmatch(r"[A-Za-z0-9_+@-][A-Za-z0-9._+@-]*", safe)
    assert safe_name(safe) == safe


def test_nothing_is_no_name() -> None:
    with pytest.raises(ValueError, match="empty"):
        safe_name("")


def test_who_clears_up_takes_nothing_from_who_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".a.json.dead.part").touch()
    replace = Path.replace
    cleared: list[Path] = []

    def late(part: Path, target: Path) -> Path:
        if not cleared:
            cleared.append(part)
            clear_parts(tmp_path)
        return replace(part, target)

    monkeypatch.setattr(Path, "replace", late)
    write_atomically(tmp_path / "a.json", "text")
    assert cleared
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "text"


def test_a_part_that_is_gone_each_time_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = Path.replace

    def late(part: Path, target: Path) -> Path:
        clear_parts(tmp_path)
        return replace(part, target)

    monkeypatch.setattr(Path, "replace", late)
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "a.json", "text")
    assert list(tmp_path.iterdir()) == []


def test_json_by_lines_is_the_same_data() -> None:
    value = {"record": 1, "step": "fit:α", "inputs": MappingProxyType({"a": {"path": Path("/x")}}), "notes": []}
    text = lines_json(value)
    assert text.splitlines()[1:3] == ['  "record": 1,', '  "step": "fit:α",']
    assert json.loads(text) == {**value, "inputs": {"a": {"path": "/x"}}}
    with pytest.raises(ValueError, match="not JSON compliant"):
        lines_json({"value": float("nan")})
