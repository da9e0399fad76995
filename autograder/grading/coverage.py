"""Which regions each check runs: every region of a right version says so when it runs, by a line that it prints."""

from dataclasses import dataclass

from autograder.grading.mutants import right_files, right_texts
from autograder.grading.prepare import prepare_files
from autograder.grading.rubric import Check, judged_checks
from autograder.grading.runner import Judgement, run_check
from autograder.manifest import Manifest
from autograder.markers import find_region, regions, replace_solution, strip_markers
from autograder.regions import file_of, path_of
from autograder.sandbox.lane import Lane
from autograder.sandbox.proxies import Student
from autograder.submission.devices import on_cpu
from autograder.submission.intake import Submission

REACHED = "a region has been reached: "
# A module of the worker. Its call, put before the body of every region, brings no text into a function, of which some interfaces read the texts.
# Said once in a worker, so that a loop does not fill what is kept of printed text.
TELLER = "regions_reached"
_TELLER = """\
import os
REGIONS = {regions!r}
said = set()
def say(number):
    if number not in said:
        said.add(number)
        os.write(1, ({reached!r} + REGIONS[number] + chr(10)).encode())
"""


@dataclass(frozen=True)
class Coverage:
    """What all checks of behaviour run of one right version, and how they judge it, by check.

    `files`: of that version, as its worker gets them; `telling`: the same, with regions that say that they have been reached.
    """

    files: dict[str, bytes]
    telling: dict[str, bytes]
    reached: dict[str, frozenset[str]]
    judgements: dict[str, Judgement]

    @property
    def right(self) -> dict[str, Judgement]:
        """Those that are as they must be for a right version."""
        return {name: judgement for name, judgement in self.judgements.items() if judgement.status in ("passed", "held")}

    @property
    def slowest(self) -> float:
        """Of the checks, in seconds."""
        return max(judgement.seconds for judgement in self.judgements.values())


def cover(manifest: Manifest, lane: Lane, variant: str, secret: bytes, digest: str) -> Coverage:
    """Run every check of behaviour on a right version ("" for the solution)."""
    files = prepare_files(manifest, Submission(variant, right_files(manifest, variant), digest))[0]
    telling = on_cpu({name: _telling(text, manifest, name).encode() for name, text in right_texts(manifest.id, variant).items()})
    telling[f"{TELLER}.py"] = _TELLER.format(regions=[*manifest.regions], reached=REACHED).encode()
    found = Coverage(files, {**files, **telling}, {}, {})
    student = Student(lane, found.telling, manifest.limits)
    for check in behaviour(manifest):
        found.judgements[check.id], found.reached[check.id] = run_telling(manifest, check, student, secret, digest)
    student.fresh()
    return found


def behaviour(manifest: Manifest) -> list[Check]:
    checks = judged_checks(manifest, manifest.profile(None))
    return [check for check in checks if manifest.task(check.mark.task).kind == "behaviour"]


def run_telling(
    manifest: Manifest, check: Check, student: Student, secret: bytes, digest: str, wrong: frozenset[str] = frozenset()
) -> tuple[Judgement, frozenset[str]]:
    """Run a check in a worker of its own, with files that tell. Returns the regions that said they were reached, too."""
    student.fresh()
    judgement = run_check(check, student, secret, digest, wrong)
    return judgement, frozenset(region for region in manifest.regions if f"{REACHED}{region}\n" in f"{judgement.printed}\n")


def _telling(text: str, manifest: Manifest, name: str) -> str:
    """A file in which every region says that it has been reached, without markers."""
    for number, region in enumerate(manifest.regions):
        block = find_region(regions(text), path_of(region))
        if file_of(region) == name and block is not None:
            text = replace_solution(text, block.name, f"{TELLER}.say({number})\n{block.solution}", name)
    text, first = strip_markers(text, name), f"import {TELLER}\n"
    return text + first if "from __future__" in text else first + text
