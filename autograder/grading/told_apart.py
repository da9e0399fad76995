"""Whether the regions of an assignment are told apart: with one TODO open, that region counts as not done, and no other does."""

from autograder.errors import UserError
from autograder.grading.mutants import solution_texts
from autograder.manifest import Manifest
from autograder.markers import find_region, regions, replace_solution, strip_markers
from autograder.regions import file_of, path_of
from autograder.submission.comparison import untouched_regions
from autograder.submission.intake import Submission


def confused_regions(manifest: Manifest) -> list[str]:
    """A sentence for each region that is confused with others. Nothing is run."""
    problems = []
    for region in manifest.regions:
        found = untouched_regions(manifest, _with_one_open(manifest, region))
        others = sorted((found.untouched | found.missing) - {region})
        if region not in found.untouched:
            problems.append(f"{region}: with its TODO open it does not count as not done.")
        if others:
            problems.append(f"{region}: with its TODO open, {', '.join(others)} counts as not done.")
    return problems


def _with_one_open(manifest: Manifest, region: str) -> Submission:
    """The solution with the handout's stub in one region. Raises UserError where the solution has no such block."""
    texts = dict(solution_texts(manifest.id))
    file = file_of(region)
    block = find_region(regions(texts[file], file), path_of(region))
    if block is None:
        raise UserError(f"solutions/{manifest.folder}/{file} has no TODO block for {region!r}; add it, or correct assignment.toml.")
    texts[file] = replace_solution(texts[file], block.name, "\n".join(block.stub_lines), file)
    return Submission("one open", {name: strip_markers(text, name).encode() for name, text in texts.items()}, "")
