"""The commands of a plan's external tools as a shell script: to read, to keep, or to run a step again by hand."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace

from xbatch.base.files import safe_name
from xbatch.commands.call import TOKEN, Call, Staged, Work, tokens
from xbatch.plan.steps import FileInput, Input, Plan, Step, StepInput
from xbatch.registry import TASKS

__all__ = ["script"]

_HEAD = """\
#!/usr/bin/env bash
# The commands of the missions' tools that `xbatch run` gives for the plan {name!r}, in an order in which they can run.
#
# Each step works in a folder of its own below $WORK and leaves its products in $WORK/products. What xbatch makes, or
# chooses among what tools have made, is taken from $RUN, the folder of a run. Source the tools' set-up scripts first.
#
# Each step is a subshell, and ends with its first command that fails: it then has no products. What needs these is left
# out, and all else goes on. The last line says which steps they were, and the exit status is 1.
set -uo pipefail
trap 'exit 130' INT
FAILED=
WORK=${{WORK:-$PWD/{folder}}}
RUN=${{RUN:-{run}}}
export HEADASNOQUERY= HEADASPROMPT=/dev/null PFCLOBBER=1

# step NAME: go to its folder, with parameter files of its own; $P is where its products go
step() {{ set -e; STEP=$1; P=$WORK/products/$1; rm -rf "$WORK/$1" "$P"; mkdir -p "$WORK/$1/pfiles" "$P"; cd "$WORK/$1"
    export PFILES="$PWD/pfiles;${{HEADAS:-}}/syspfiles${{SAS_DIR:+:$SAS_DIR/config}}"; }}
# ended NAME: after a step, whose exit status is the last one
ended() {{ local status=$?; [ $status != 0 ] || return 0
    FAILED="$FAILED $1"; rm -rf "$WORK/products/$1"
    [ $status = {left_out} ] || echo "$1 failed with exit status $status: look into $WORK/$1" >&2; }}
# need FILE: leave the step out where what should have made one of its inputs has not done so
need() {{ [ -e "$1" ] || {{ echo "$STEP is left out: $1 is not there" >&2; exit {left_out}; }}; }}
# link, copy, unpack, tree SOURCE NAME: how an input comes into the folder
link() {{ need "$1"; mkdir -p "$(dirname "$2")"; ln -s "$1" "$2"; }}
copy() {{ need "$1"; mkdir -p "$(dirname "$2")"; cp "$1" "$2"; }}
unpack() {{ need "$1"; mkdir -p "$(dirname "$2")"; gunzip -cf "$1" > "$2"; }}
# what an analysis by hand has left beside an ODF stays out: SAS would take it for its own
tree() {{ need "$1"; mkdir -p "$2"
    (cd "$1" && find -L . -type f ! -name ccf.cif ! -name '*SUM.SAS') | while IFS= read -r f; do
    mkdir -p "$2/$(dirname "$f")"; ln -s "$1/${{f#./}}" "$2/${{f#./}}"; done; }}
# part FOLDER NAME FILE: one file of a folder, packed there or not
part() {{ need "$1"; mkdir -p "$(dirname "$2")"
    if [ -e "$1/$3" ]; then cat "$1/$3"; else gunzip -c "$1/$3.gz"; fi > "$2"; }}
unpack_tree() {{ find "$1" -name '*.gz' | while IFS= read -r f; do
    [ -e "${{f%.gz}}" ] || gunzip -c "$f" > "${{f%.gz}}"; rm "$f"; done; }}
# summary SOURCE NAME FOLDER: a SAS summary whose ODF is in FOLDER
summary() {{ need "$1"; mkdir -p "$(dirname "$2")"; sed "s|^PATH .*|PATH $PWD/$3/|" "$1" > "$2"; }}
# keep NAME FILE: a product under its name; keep_if: one that may not be there
keep() {{ mv "$2" "$P/$1"; }}
keep_if() {{ [ ! -e "$2" ] || mv "$2" "$P/$1"; }}
# value FILE KEY: a value of a JSON file, by its whole KEY or part by part
value() {{ python3 -c 'import json, sys; v = json.load(open(sys.argv[1])); key = sys.argv[2]
for k in [key] if key in v else key.split("."): v = v[int(k)] if isinstance(v, list) else v[k]
print(v)' "$1" "$2"; }}
"""
_NO_RUN = """\
# ---- the run that has not been
[ -z "$FAILED" ] || [ -e "$RUN" ] || echo "$RUN is not there: run the spec first, which makes what steps need" >&2
"""
_TAIL = """\
# ---- the end: which steps have no products
[ -z "$FAILED" ] || {{ echo "$(set -- $FAILED; echo $#) of {count} steps have no products:$FAILED" >&2; exit 1; }}
"""
#: Exit status of a step that is left out: EX_TEMPFAIL of sysexits.h.
_LEFT_OUT = 75
_NOT_A_NAME = re.compile(r"\W")
#: What a step finds out itself is written down in its product: the file, and its key there.
_WRITTEN_DOWN = {"backscal:ratio": ("lightcurves.json", "background_scale")}
_RESPONSES = {"rmf": "response.rmf", "arf": "response.arf"}
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")


def script(plan: Plan, run: str) -> str:
    """Write the script.

    Parameters
    ----------
    plan : Plan
    run : str
        Folder of the run, for what native steps make.

    Returns
    -------
    str
        A script for bash; it says so where the plan has no commands of external tools.
    """
    steps = plan.by_name()
    mine = [step for step in plan if step.params.get("work") or step.likely]
    head = _HEAD.format(
        name=plan.name, folder=f"{safe_name(plan.name)}-script", run=shlex.quote(run), left_out=_LEFT_OUT
    )
    if not mine:
        return f"{head}\n# Every step of this plan is native: there are no commands.\n"
    count = sum(bool(step.params.get("work")) for step in mine)
    body = "\n".join("\n".join(_step(step, steps)) for step in mine)
    tail = (_NO_RUN if "$RUN/" in body else "") + _TAIL.format(count=count)
    return "\n".join([head, body, tail])


def _step(step: Step, steps: Mapping[str, Step]) -> Iterator[str]:
    yield f"# ---- {step.name} {'-' * max(0, 100 - len(step.name))}"
    if step.because:
        yield f"# {step.because}"
    if step.params.get("work"):
        yield from _commands(step, Work.of(step.params["work"]), steps)
    else:  # which cannot be run from here, and must not stop the script
        yield "# only data decide some of it: like this; in full in the step's log"
        lines = "\n".join(_commands(step, Work.of(step.likely), steps)).splitlines()
        yield from (f"# {line}" for line in lines)
    yield ""


def _commands(step: Step, work: Work, steps: Mapping[str, Step]) -> Iterator[str]:
    yield f"( step {safe_name(step.name)}"
    yield from (f"need {source}" for source in _looked_into(step, work, steps))
    for name, staged in work.staged.items():
        yield from _staged(name, staged, step, steps)
    for name, text in work.written.items():
        yield from _written(name, text, step, steps)
    for name, text in work.environment.items():
        yield f"export {name}={_word(text, step, steps)}"
    loop: Mapping[str, str] = step.params.get("loop", {})
    if loop:
        yield "# again and again, until what they find is accepted; the first time with"
        yield from (f"{name}={_word(text, step, steps)}" for name, text in loop.items())
    for call in work.calls:
        yield _command(call, step, steps)
    task = TASKS.get(step.task)
    outputs = step.outputs or (task.outputs if task is not None else ())
    for output, pattern in work.kept.items():
        verb = "keep_if" if f"{output}?" in outputs else "keep"
        # asterisks in a pattern are for the shell
        yield f"{verb} {shlex.quote(output)} {_word(pattern, step, steps) if TOKEN.search(pattern) else pattern}"
    yield f"); ended {safe_name(step.name)}"


def _looked_into(step: Step, work: Work, steps: Mapping[str, Step]) -> Iterator[str]:
    """Give the files that values are taken from: bash would go on with empty ones where a file is not there."""
    loop: Mapping[str, str] = step.params.get("loop", {})
    arguments = [text for call in work.calls for text in (*call.command, *call.environment.values())]
    texts = (*work.written.values(), *work.environment.values(), *loop.values(), *arguments, *work.kept.values())
    found = [token for text in texts for token in tokens(text)]
    items = [step.inputs[role] for role in (token.partition(":")[0] for token in found) if role in step.inputs]
    values = [_written_down(token, step) for token in found if token in _WRITTEN_DOWN]
    return iter(dict.fromkeys([*(_source(item, steps) for item in items), *(file for file, _ in values)]))


def _written_down(token: str, step: Step) -> tuple[str, str]:
    file, key = _WRITTEN_DOWN[token]
    return f'"$RUN/products/{step.product or safe_name(step.name)}/{file}"', key


def _staged(name: str, staged: Staged, step: Step, steps: Mapping[str, Step]) -> Iterator[str]:
    target = shlex.quote(name)
    if staged.of_place:
        source = shlex.quote(step.places.get(staged.role, staged.role))
        if staged.how == "part":
            yield f"part {source} {target} {shlex.quote(staged.path)}"
            return
        yield f"tree {source} {target}"
        if staged.how == "tree-unpack":
            yield f"unpack_tree {target}"
        return
    item = step.inputs.get(staged.role)
    if item is None:
        return
    if staged.how in _RESPONSES:  # which another step of the run has written
        source = _source(replace(item, output=_RESPONSES[staged.how]) if isinstance(item, StepInput) else item, steps)
        yield f"link {source} {target}"
        return
    source = _source(item, steps)
    folder = f" {shlex.quote(staged.path)}" if staged.how == "summary" else ""
    there = f"[ ! -e {source} ] || " if staged.optional else ""
    yield f"{there}{staged.how} {source} {target}{folder}"


def _source(item: Input, steps: Mapping[str, Step]) -> str:
    """Say where an input lies: a file of the user's, a product of this script, or one of a run."""
    if isinstance(item, FileInput):
        return shlex.quote(item.path)
    maker = steps[item.step]
    if item.output in maker.params.get("work", {}).get("kept", {}):
        return f'"$WORK/products/{safe_name(item.step)}/{item.output}"'
    return f'"$RUN/products/{maker.product or safe_name(item.step)}/{item.output}"'


def _written(name: str, text: str, step: Step, steps: Mapping[str, Step]) -> Iterator[str]:
    if TOKEN.search(text):
        yield f"printf '%s' {_word(text, step, steps)} > {shlex.quote(name)}"
        return
    yield f"cat > {shlex.quote(name)} <<'END'"
    yield text.rstrip("\n")
    yield "END"


def _command(call: Call, step: Step, steps: Mapping[str, Step]) -> str:
    words = [_word(word, step, steps) for word in call.command]
    variables = "".join(f"{name}={_word(text, step, steps)} " for name, text in call.environment.items())
    lines = " \\\n    ".join(_lines(words))
    run = f"{variables}{lines}"
    folder = shlex.quote(call.folder)
    return f"( mkdir -p {folder} && cd {folder} && {run} )" if call.folder else run


def _lines(words: list[str]) -> Iterator[str]:
    """Break a long command after some words, so that it can be read."""
    line = words[0]
    for word in words[1:]:
        if len(line) + len(word) > 110:
            yield line
            line = word
        else:
            line = f"{line} {word}"
    yield line


def _word(text: str, step: Step, steps: Mapping[str, Step]) -> str:
    """Quote a word for the shell; its tokens become what the shell puts in their place."""
    pieces = TOKEN.split(text)
    if len(pieces) == 1:
        return text if _PLAIN.fullmatch(text) else shlex.quote(text)
    quoted = [
        _token(piece, step, steps) if number % 2 else (shlex.quote(piece) if piece else "")
        for number, piece in enumerate(pieces)
    ]
    return "".join(quoted)


def _token(token: str, step: Step, steps: Mapping[str, Step]) -> str:
    if token == "scratch":  # noqa: S105 - a token of a text
        return '"$PWD"'
    role, _, key = token.partition(":")
    if role == "loop":
        return f'"${key}"'
    if role == "found":  # a file that a call before has made, whose name has an exposure in it
        return f'"$(ls {step.params[role][key]} | head -n 1)"'
    if token in _WRITTEN_DOWN:
        file, there = _written_down(token, step)
        return f'"$(value {file} {there})"'
    item = step.inputs.get(role)
    if item is None:
        return f'"${{{_NOT_A_NAME.sub("_", f"{role}_{key}")}:?found by the step itself: see its log}}"'
    return f'"$(value {_source(item, steps)} {shlex.quote(key)})"'
