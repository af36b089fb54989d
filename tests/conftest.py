"""Fixtures that every test may use."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine must not fail a test: hypothesis measures wall time, of an example (deadline) and of the first draws
# (too_slow, which settings that name their own health checks must leave out too). In CI the examples are the same each
# time, so that a change is judged by what it does; by hand they are new each time, and find what nobody thought of.
settings.register_profile("xbatch", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("xbatch"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "xbatch")


def _shared() -> Path | None:
    """Find the folder of real observations and reference values, if this machine has it."""
    named = os.environ.get("XBATCH_REAL_DATA")
    return Path(named).resolve() if named else None


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real observations; the test is skipped where there is none."""
    folder = _shared()
    if folder is None:
        pytest.skip("needs the real observations: set XBATCH_REAL_DATA to their folder")
    return folder / "data"


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of what the missions' own tools make; the test is skipped where there is none."""
    folder = _shared()
    if folder is None:
        pytest.skip("needs the reference values: set XBATCH_REAL_DATA to the folder that holds data and reference")
    return folder / "reference"


@pytest.fixture
def hears_hangups() -> Iterator[None]:
    """Give what a test starts a terminal that can be missed: below ``nohup`` SIGHUP would be ignored from the start."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)
