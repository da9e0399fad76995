"""What the kit knows of its assignment: two JSON files, made when the kit is released from the manifest and the solution."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.regions import file_of, told

_OPEN = "######## TODO {task}: {block} ########"
_END = "######## END TODO ########"


@dataclass(frozen=True)
class Kit:
    """`root` holds the package `autograder`; `facts` are the manifest's, `numbers` what the solution gave, by check."""

    root: Path
    facts: dict[str, Any]
    numbers: dict[str, dict[str, list[Any]]]

    def checks(self, task: str | None = None) -> list[dict[str, Any]]:
        """The visible checks, of one task or of all, in the order of the tasks and of their regions."""
        tasks, regions = [known["id"] for known in self.facts["tasks"]], [*self.facts["regions"]]
        chosen = [check for check in self.facts["checks"] if task in (None, check["task"])]
        return sorted(chosen, key=lambda check: (tasks.index(check["task"]), regions.index(check["regions"][0])))


def read_kit(checker: Path) -> Kit:
    """The kit whose package, `facts.json` and `numbers.json` lie in the folder `checker`."""
    facts, numbers = (
        json.loads((checker / name).read_text(encoding="utf-8")) for name in ("facts.json", "numbers.json")
    )
    return Kit(checker, facts, numbers)


def untouched(kit: Kit, folder: Path) -> set[str]:
    """The regions whose TODO block still holds what the handout has there."""
    found = set()
    for name, known in kit.facts["regions"].items():
        try:
            lines = [line.strip() for line in (folder / file_of(name)).read_text(encoding="utf-8").splitlines()]
        except (OSError, UnicodeDecodeError):
            continue
        heading = _OPEN.format(**known)
        if lines.count(heading) == 1 and _END in lines[lines.index(heading) :]:
            begin = lines.index(heading)
            block = lines[begin + 1 : lines.index(_END, begin)]
            if [line for line in block if line and not line.startswith("#")] == known["stub"]:
                found.add(name)
    return found


def not_done(kit: Kit, regions: set[str]) -> list[str]:
    """What students read for regions that are not done yet: "DiffusionModule.q_sample"."""
    return [told(name, kit.facts["regions"]) for name in sorted(regions)]
