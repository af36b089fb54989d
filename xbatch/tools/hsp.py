"""Runs one task through heasoftpy, in a process of its own: heasoftpy edits the environment and cannot be shared.

Run as a script with one argument, a JSON object: ``path`` (where Python finds packages), ``task`` and ``params``. The
task's output becomes this process's, its return code the exit status.
"""

from __future__ import annotations

import json
import sys


def main(text: str) -> int:
    """Run the task that `text` describes; give its return code."""
    order = json.loads(text)
    sys.path[:] = order["path"]
    import heasoftpy

    config = getattr(heasoftpy, "Config", None)
    if config is not None:
        config.allow_failure = True  # a failure is told by its return code
    task = heasoftpy.HSPTask(order["task"])
    # where a task has a parameter of this name heasoftpy calls its own otherwise
    quiet = "py_noprompt" if "noprompt" in task.par_names else "noprompt"
    apart = {} if "stderr" in task.par_names else {"stderr": True}
    result = task(order["params"], **{quiet: True}, **apart)
    sys.stdout.write(result.stdout or "")
    sys.stderr.write(result.stderr or "")
    return int(result.returncode or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
