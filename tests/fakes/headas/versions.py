"""Tasks that say which HEASoft this is."""

from __future__ import annotations

from tests.fakes.core import Run
from tests.fakes.headas import VERSION
from tests.fakes.headas.parameters import Parameters

__all__ = ["TOOLS"]


def _version(run: Run, parameters: Parameters) -> None:
    del parameters
    run.say(f"Sat May 31 12:00:00 EDT 2025_V{VERSION}" if run.tool == "fversion" else VERSION)


TOOLS = {"fversion": _version, "ftversion": _version}
