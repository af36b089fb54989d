"""Calls as data: what goes into a step's parameters comes out again, and tokens are found and filled."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from xbatch.commands.call import HEASOFT, SAS, Call, Staged, Work, filled, tokens

_TEXT = st.text(max_size=20)
_CALLS = st.builds(
    Call,
    suite=st.sampled_from([HEASOFT, SAS]),
    tool=st.text(min_size=1, max_size=8),
    args=st.lists(st.tuples(_TEXT, _TEXT), max_size=4).map(tuple),
    expects=st.lists(_TEXT, max_size=2).map(tuple),
    environment=st.dictionaries(_TEXT, _TEXT, max_size=2),
    folder=_TEXT,
    flags=st.lists(_TEXT, max_size=2).map(tuple),
    part_errors=st.booleans(),
)
_STAGED = st.builds(Staged, role=_TEXT, how=st.sampled_from(["link", "copy"]), path=_TEXT, optional=st.booleans())
_WORKS = st.builds(
    Work,
    calls=st.lists(_CALLS, max_size=2).map(tuple),
    staged=st.dictionaries(_TEXT, _STAGED, max_size=2),
    written=st.dictionaries(_TEXT, _TEXT, max_size=2),
    kept=st.dictionaries(_TEXT, _TEXT, max_size=2),
    environment=st.dictionaries(_TEXT, _TEXT, max_size=2),
)


@given(_WORKS)
def test_work_survives_json(work: Work) -> None:
    assert Work.of(json.loads(json.dumps(work.params()))) == work


def test_what_is_not_said_is_not_in_the_parameters() -> None:
    assert Call(SAS, "epproc", ()).params() == {"suite": SAS, "tool": "epproc", "args": []}
    assert Call(SAS, "epproc", (), part_errors=True).params()["part_errors"] == "note"


def test_a_command_is_the_tool_its_flags_and_named_values() -> None:
    call = Call(
        SAS, "evselect", (("table", "pn.fits:EVENTS"), ("expression", "(PI>150)&&#XMMEA_EP")), flags=("-V", "4")
    )
    assert call.command == ("evselect", "-V", "4", "table=pn.fits:EVENTS", "expression=(PI>150)&&#XMMEA_EP")


def test_tokens_are_found_and_filled_and_other_braces_stay() -> None:
    text = "((X,Y) IN {selection:src.expression}) && {x} {Not:a} {scratch}/odf"
    assert list(tokens(text)) == ["selection:src.expression", "scratch"]
    assert filled(text, lambda token: token.upper()) == (
        "((X,Y) IN SELECTION:SRC.EXPRESSION) && {x} {Not:a} SCRATCH/odf"
    )
