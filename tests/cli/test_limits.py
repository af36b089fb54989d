from __future__ import annotations

import pytest

from xbatch.base.errors import UsageError
from xbatch.cli.limits import wishes_from
from xbatch.run.limits import AS_REGISTERED, Wishes


def read(**options: str) -> Wishes:
    given = {name: tuple(text.split()) for name, text in options.items()}
    return wishes_from(**{name: given.get(name, ()) for name in ("timeout", "tries", "cores", "memory", "limit")})


def test_nothing_asked_for_is_nothing_wished() -> None:
    assert read() == AS_REGISTERED


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("600", 600), ("90s", 90), ("10m", 600), ("1.5min", 90), ("2h", 7200), ("1d", 86400), ("none", None)],
)
def test_times(text: str, seconds: float | None) -> None:
    assert read(timeout=f"fit:*={text}").timeout == (("fit:*", seconds),)


@pytest.mark.parametrize(("text", "megabytes"), [("500MB", 500), ("8GB", 8192), ("1.5g", 1536), ("1TiB", 1024**2)])
def test_sizes(text: str, megabytes: int) -> None:
    assert read(memory=text).room_mb == megabytes
    assert read(memory=f"fit:*={text}") == Wishes(memory_mb=(("fit:*", megabytes),))


def test_a_name_may_have_an_equals_sign_in_it() -> None:
    wishes = read(timeout="60 fit:x@snr=3=10m", tries="3", cores="fit:*=2", limit="sas=2 fit:*=1", memory="1GB 2GB")
    assert wishes == Wishes(
        timeout=(("*", 60.0), ("fit:x@snr=3", 600.0)),
        tries=(("*", 3),),
        cores=(("fit:*", 2),),
        limits=(("sas", 2), ("fit:*", 1)),
        room_mb=2048,
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": "fit:*=soon"}, "--timeout 'fit:*=soon': 'soon' is no time; write 90s, 10m, 2h or none"),
        ({"timeout": "0"}, "is no time"),
        ({"tries": "0"}, "'0' is no number from 1 on"),
        ({"cores": "2"}, "--cores '2' names no step; write it like --cores 'fit:*=2'"),
        ({"limit": "sas=0"}, "--limit 'sas=0': '0' is no number from 1 on"),
        ({"memory": "8"}, "--memory '8': '8' is no size; write 500MB or 8GB"),
    ],
)
def test_other_forms_are_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as told:
        read(**options)
    assert message in str(told.value)
