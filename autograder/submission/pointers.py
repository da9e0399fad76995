"""Where the work may be, when what is judged is still the handout's: sentences that point to it by name. Nothing of it is judged."""

import ast
import dataclasses
from collections.abc import Iterator

from autograder.manifest import Manifest
from autograder.submission.beside import Beside
from autograder.submission.comparison import untouched_regions
from autograder.submission.intake import Submission
from autograder.submission.rules import listed
from autograder.verdict import Notice


def pointers(manifest: Manifest, submission: Submission) -> list[Notice]:
    """A notice for each file in which something is not done yet while code beside it does it."""
    if not submission.beside:
        return []
    regions = untouched_regions(manifest, submission)
    notices = []
    for name in manifest.files.todo:
        blank = sorted(region for region in regions.untouched if region.startswith(name + ":"))
        gone = sorted(region for region in regions.missing if region.startswith(name + ":"))
        for beside in submission.beside if blank or gone else ():
            wanted = [*blank, *gone] if beside.in_notebook else blank
            if done := [region for region in wanted if region in _done(manifest, submission, name, beside)]:
                notices.append(Notice("intake", _sentence(name, beside, done)))
    return notices


def _done(manifest: Manifest, submission: Submission, name: str, beside: Beside) -> set[str]:
    """The regions of the file `name` that code beside it does."""
    if beside.file not in ("", name):
        return set()
    tree = ast.parse(beside.code.removeprefix("\ufeff"))
    instead = dataclasses.replace(submission, files={name: beside.code.encode("utf-8", "replace")}, missing=(), syntax_errors={})
    other = untouched_regions(manifest, instead)
    regions = {r for task in manifest.tasks for r in task.regions if r.startswith(name + ":")}
    done = {region for region in regions - other.untouched - other.missing if _defines(tree, region)}
    if beside.in_notebook:
        alone = set(_functions(tree))
        done |= {region for region in regions if region.rpartition(".")[2] in alone}
    return done


def _defines(tree: ast.Module, region: str) -> bool:
    owner = region.partition(":")[2].partition(".")[0]
    return any(isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == owner for node in ast.walk(tree))


def _functions(tree: ast.Module) -> Iterator[str]:
    """Functions on their own that hold more than a stub; `forward` may be anything's."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name != "forward":
            returns = [inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return)]
            if any(not isinstance(value, ast.Name | None) for value in returns):
                yield node.name


def _sentence(name: str, beside: Beside, done: list[str]) -> str:
    functions = listed([region.partition(":")[2] for region in done], most=8)
    where = f"{functions} of {name} {'is' if len(done) == 1 else 'are'} not done yet in what was judged, and the work may be in"
    if beside.file:
        return f"{where} the notebook {beside.place}, in a cell that writes {name}: run that cell and hand in the file {name} that it writes."
    if beside.in_notebook:
        return f"{where} the notebook {beside.place}, which is not judged: put it into {name} and hand that in."
    return f"{where} {beside.place}, which was not judged in its place: if that is the work, rename it to {name} and hand it in again."
