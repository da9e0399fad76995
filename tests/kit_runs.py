"""Run the visible checks on many folders in one process that imports torch once: python -m tests.kit_runs < jobs > records."""

import json
import sys
from pathlib import Path
from typing import Any

from autograder.kit.worker import do


def main() -> None:
    """Each line of standard input is a job; each line of standard output the statuses of its checks, by id."""
    import torch

    torch.set_num_threads(1)
    channel, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        job = json.loads(line)
        found: dict[str, Any] = {}
        do(job, lambda found=found, **record: found.update({record["id"]: record}))
        channel.write(
            json.dumps({name: {k: r.get(k) for k in ("status", "message")} for name, r in found.items()}) + "\n"
        )
        channel.flush()
        sys.path.remove(job["folder"])
        for name, module in list(sys.modules.items()):
            if Path(getattr(module, "__file__", None) or "/").is_relative_to(job["folder"]):
                del sys.modules[name]


if __name__ == "__main__":
    main()
