"""What the kit knows of its assignment: two JSON files, made when the kit is released from the manifest and the solution."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_END = "######## END TODO ########"


@dataclass(frozen=True)
class Kit:
    """`root` holds the package `autograder`; `facts` are the manifest's, `numbers` what the solution gave, by check."""

    root: Path
    facts: dict[str, Any]
    numbers: dict[str, dict[str, list[Any]]]

    def checks(self, task: str | None = None) -> list[dict[str, Any]]:
        """The visible checks, of one task or of all, in the order of the tasks."""
        order = [known["id"] for known in self.facts["tasks"]]
        chosen = [check for check in self.facts["checks"] if task in (None, check["task"])]
        return sorted(chosen, key=lambda check: order.index(check["task"]))

    def file_of(self, region: str) -> str:
        """The file that holds a region."""
        return next(name.partition(":")[0] for name in self.facts["regions"] if concerns(region, name))


def concerns(region: str, name: str) -> bool:
    """Whether a check's region, such as "q_sample" or "SimpleNet", means the manifest's "ddpm.py:DiffusionModule.q_sample"."""
    return f".{region}." in f".{name.partition(':')[2]}."


def read_kit(checker: Path) -> Kit:
    """The kit whose package, `facts.json` and `numbers.json` lie in the folder `checker`."""
    facts, numbers = (
        json.loads((checker / name).read_text(encoding="utf-8")) for name in ("facts.json", "numbers.json")
    )
    return Kit(checker, facts, numbers)


def untouched(kit: Kit, folder: Path) -> set[str]:
    """The regions, by the manifest's names, whose TODO block still holds what the handout has there."""
    found = set()
    for name, stub in kit.facts["regions"].items():
        file, _, region = name.partition(":")
        try:
            lines = [line.strip() for line in (folder / file).read_text(encoding="utf-8").splitlines()]
        except (OSError, UnicodeDecodeError):
            continue
        begins = [number for number, line in enumerate(lines) if _heads(line, region)]
        if len(begins) == 1 and _END in lines[begins[0] :]:
            block = lines[begins[0] + 1 : lines.index(_END, begins[0])]
            if [line for line in block if line and not line.startswith("#")] == stub:
                found.add(name)
    return found


def _heads(line: str, region: str) -> bool:
    """Whether a line opens the TODO block of a region; the block of "DiffusionModule.q_sample" is called "q_sample"."""
    heading = re.fullmatch(r"######## TODO \S+: (\S+) ########", line)
    return heading is not None and f".{region}".endswith(f".{heading[1]}")
