"""Calls and the fake SAS are held to what tasks of SAS 22.1 have printed of themselves, which nobody here wrote."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.fakes.sas.parameters import tasks
from tests.real_tools.calls import sas_calls
from xbatch.base.sasrelease import printed_number
from xbatch.commands.call import Call

RELEASE = "22.1.0-a8f2c2afa-20250304"


def _printed() -> dict[str, dict[str, str | None]]:
    """Give the parameters of each task with their defaults; None where that is not told."""
    lines = Path(__file__).with_name("sas").joinpath("printed.txt").read_text().splitlines()
    found: dict[str, dict[str, str | None]] = {}
    for line in lines:
        if not line.startswith("#"):
            task, *words = shlex.split(line)
            parts = [word.partition("=") for word in words]
            found[task] = {name: value if equals else None for name, equals, value in parts}
    return found


PRINTED = _printed()
CALLS = [call for calls in sas_calls(RELEASE).values() for call in calls if call.tool in PRINTED]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_calls_of_each_task_are_held() -> None:
    assert {call.tool for call in CALLS} == set(PRINTED) - {"sasversion"}
    assert len(CALLS) > 20


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.tool)
def test_a_call_gives_what_the_task_has(call: Call) -> None:
    printed = PRINTED[call.tool]
    assert [name for name, _ in call.args if name not in printed] == []
    for name, value in call.args:
        default = printed[name]
        if default in {"yes", "no"}:
            assert value in {"yes", "no"}, name
        elif default is not None and _is_number(default) and "{" not in value:
            assert _is_number(value), name


@pytest.mark.parametrize("task", sorted(PRINTED))
def test_the_fake_has_what_the_task_has(task: str) -> None:
    printed, faked = PRINTED[task], {one.name: one for one in tasks(RELEASE)[task][1]}
    assert set(faked) == set(printed)
    for name, default in printed.items():
        if default is None:
            continue
        if _is_number(default):
            assert float(faked[name].default) == float(default), name
        else:
            assert faked[name].default == default, name
        if default in {"yes", "no"}:
            assert faked[name].kind == "boolean", name


def test_the_release_is_read_from_what_sasversion_has_printed() -> None:
    said = f"""\
sasversion:- Executing (routine): sasversion  -w 1 -V 2
sasversion:- XMM-Newton SAS release and build information:

SAS release: {RELEASE}
Platform   : Ubuntu22.04

SAS_DIR = /opt/xmmsas/xmmsas_{RELEASE}
"""
    assert printed_number(said) == "22.1.0"
    assert printed_number(f"pysas - (pysas-2.0.0) [{RELEASE}]") == "22.1.0"
