from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from xbatch.run import owner
from xbatch.run.owner import Owner, this_process


def test_this_process_lives_and_its_text_comes_back() -> None:
    me = this_process()
    assert not me.is_dead()
    assert Owner.parse(me.text()) == me
    assert this_process() == me


def test_a_number_used_again_is_another_process() -> None:
    assert dataclasses.replace(this_process(), started="1").is_dead()


def test_a_process_that_has_ended_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    there = Owner(this_process().host, child.pid, owner._started(child.pid))
    assert not there.is_dead()
    child.communicate(b"\n")
    assert there.is_dead()


def test_of_other_hosts_nothing_is_sure() -> None:
    assert not Owner("elsewhere", 1, "1").is_dead()


@pytest.mark.parametrize("text", ["", "notes", "a~b~c", "a~1~", "~1~2"])
def test_other_names_are_no_owners(text: str) -> None:
    assert Owner.parse(text) is None
