"""Steps that are the same work, as those of two members of a sweep can be: one does it, others take its result."""

from __future__ import annotations

from collections.abc import Container

__all__ = ["Twins"]


class Twins:
    """Who does which work."""

    def __init__(self) -> None:
        self._doing: dict[str, str] = {}

    def other(self, key: str, step: str, ended: Container[str]) -> str | None:
        """Give the step that is at the same work; None if there is none, and this one does it from now on.

        Parameters
        ----------
        key : str
            What says that work is the same.
        step : str
        ended : container of str
            Steps that have ended: what failed there may be tried here.
        """
        other = self._doing.get(key, step)
        if other != step and other not in ended:
            return other
        self._doing[key] = step
        return None
