"""Tools of the fake HEASoft called without a process of their own, for tests of what they do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.fakes.core import Run, ToolError
from tests.fakes.headas import run

__all__ = ["Tools"]


class Tools:
    """A shell, in a folder and with an environment of its own."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self.environment = {**environment, "HEADASNOQUERY": "", "HEADASPROMPT": "/dev/null"}
        self.folder = folder
        user = folder / "pfiles"
        user.mkdir(parents=True, exist_ok=True)
        self.environment["PFILES"] = f"{user};{environment['HEADAS']}/syspfiles"

    def __call__(self, tool: str, *args: str, folder: str = "", **changes: str | None) -> Run:
        """Call a tool, with changes to the environment; give what it made.

        Of arguments for the same parameter the last one counts.

        Raises
        ------
        ToolError
            It gave up.
        """
        last = {one.partition("=")[0] if "=" in one else str(place): one for place, one in enumerate(args)}
        call = Run(tool, tuple(last.values()), Path(self.environment["HEADAS"]))
        with pytest.MonkeyPatch.context() as patch:
            for name in ("HEADASNOQUERY", "HEADASPROMPT", "PFCLOBBER", "CALDB"):
                patch.delenv(name, raising=False)
            for name, value in {**self.environment, **changes}.items():
                if value is not None:
                    patch.setenv(name, value)
                else:
                    patch.delenv(name, raising=False)
            patch.chdir(self.folder / folder)
            run(call)
            call.made = [path.resolve() for path in call.made]
        return call

    def fails(self, tool: str, *args: str, folder: str = "", **changes: str | None) -> str:
        """Give the message with which a tool gives up."""
        with pytest.raises(ToolError) as caught:
            self(tool, *args, folder=folder, **changes)
        return caught.value.message
