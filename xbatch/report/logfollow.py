"""The logs of steps, as they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

from xbatch.report.follow import Tail
from xbatch.report.screen import clean
from xbatch.report.spans import span_text
from xbatch.report.state import Looker
from xbatch.run.products import log_path

__all__ = ["Follower", "matches"]


def matches(step: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether a step is meant: by its name or a pattern; without any, each is."""
    return not patterns or any(step == pattern or fnmatchcase(step, pattern) for pattern in patterns)


class Follower:
    """What the running steps of a run say.

    Parameters
    ----------
    looker : Looker
        It has looked.
    patterns : tuple of str
        Which steps; all if it is empty.
    last : int
        How many of the lines that are there at the beginning are given, for each step.
    """

    def __init__(self, looker: Looker, patterns: tuple[str, ...], last: int) -> None:
        self._looker = looker
        self._patterns = patterns
        self._tails: dict[str, tuple[float, Tail]] = {}
        self._new: list[tuple[str, str]] = []
        for step, since in looker.watch.running.items():
            if matches(step, patterns):
                tail = self._tail(step, since)
                self._new += [(step, _text(line)) for line in tail.last(last)]

    def _tail(self, step: str, since: float) -> Tail:
        tail = Tail(log_path(self._looker.run_dir, step), since)
        self._tails[step] = since, tail
        return tail

    @property
    def over(self) -> bool:
        """Whether no more will be said: the run is over, or each step that was asked for by its name has ended."""
        named = self._patterns and not any(set(pattern) & set("*?[") for pattern in self._patterns)
        all_ended = named and all(step in self._looker.watch.steps for step in self._patterns)
        return self._looker.over or bool(all_ended)

    def step(self) -> Iterator[tuple[str, str]]:
        """Look once, and give step and line of all that was said since; with an empty step, a word on how one ended."""
        yield from self._new
        self._new = []
        watch = self._looker.watch
        before = set(watch.steps)
        self._looker.look()
        for step, since in watch.running.items():
            if matches(step, self._patterns) and (step not in self._tails or self._tails[step][0] != since):
                self._tail(step, since)  # also for a new try
        for step in [step for step in watch.steps if step not in before and matches(step, self._patterns)]:
            end = watch.steps[step]
            if end.outcome not in {"done", "failed"}:
                continue
            _, tail = self._tails.pop(step, (0.0, Tail(log_path(self._looker.run_dir, step))))
            yield from ((step, _text(line)) for line in [*tail.read(), *tail.rest()])
            yield "", f"{step}: {end.outcome} ({span_text(end.seconds)}){f': {end.message}' if end.message else ''}"
        for step in [step for step in self._tails if step in watch.running]:
            yield from ((step, _text(line)) for line in self._tails[step][1].read())
        if self._looker.over:
            for step, (_, tail) in self._tails.items():
                yield from ((step, _text(line)) for line in [*tail.read(), *tail.rest()])
            self._tails.clear()

    def go_on(self, pause: Callable[[], None]) -> Iterator[tuple[str, str]]:
        """Give all until it is over, with a pause before each look."""
        yield from self.step()
        while not self.over:
            pause()
            yield from self.step()


def _text(line: bytes) -> str:
    return clean(line.decode("utf-8", errors="replace"))
