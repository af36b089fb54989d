"""Whether the products of a run are still those that its manifest names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xbatch.run.verifying import Damage, check_file

__all__ = ["check_products"]


def check_products(run_dir: Path, manifest: Mapping[str, Any]) -> tuple[int, list[Damage]]:
    """Check the products of a run against the sha256 in its manifest.

    Returns
    -------
    int
        How many products there are.
    list of Damage
        Those that are missing or changed, in the manifest's order.
    """
    count, found = 0, []
    for step in manifest["steps"]:
        for output in step["outputs"].values():
            if not output["path"]:
                continue  # the store alone has it
            count += 1
            path = run_dir / output["path"]
            if fault := check_file(path, output["size"], output["sha256"]):
                found.append(Damage(path, step["name"], (fault,)))
    return count, found
