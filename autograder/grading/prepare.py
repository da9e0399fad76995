"""From a submission to what the worker gets, and what is said of it beforehand. Nothing is run; all of it looks into a student's code."""

from dataclasses import dataclass

from autograder.grading.deliverables import missing_deliverables
from autograder.manifest import Manifest
from autograder.regions import file_of, judged_together, path_of
from autograder.submission.comparison import Regions, missing_parts, outside_edits, untouched_regions
from autograder.submission.devices import devices_that_run, on_cpu
from autograder.submission.intake import Submission
from autograder.submission.pointers import pointers
from autograder.submission.stubs import share_of_operations
from autograder.verdict import Notice


@dataclass(frozen=True)
class Prepared:
    """`untouched` and `missing`: see comparison.Regions."""

    files: dict[str, bytes]  # what the worker gets
    notices: tuple[Notice, ...]
    untouched: tuple[str, ...]
    missing: tuple[str, ...]
    gone: dict[str, tuple[str, ...]]  # by file, the handout's classes and functions that are not there
    shares: dict[str, float]  # by all that a check may judge, a region or a class: its operations, as a share of the solution's

    @property
    def regions(self) -> Regions:
        return Regions(frozenset(self.untouched), frozenset(self.missing))


def prepare(manifest: Manifest, submission: Submission) -> Prepared:
    """All that is looked for in a student's code before it runs; to be asked of `bounded`, since it may take long."""
    files, notices = prepare_files(manifest, submission)
    regions = untouched_regions(manifest, submission)
    gone = {name: tuple(names) for name, names in missing_parts(manifest, submission).items()}
    shares = {
        name: share_of_operations(manifest, file, submission.files[file], [path_of(part) for part in parts])
        for name, parts in judged_together(manifest.regions).items()
        if (file := file_of(name)) in submission.files and file not in submission.syntax_errors
    }
    return Prepared(files, notices, tuple(sorted(regions.untouched)), tuple(sorted(regions.missing)), gone, shares)


def prepare_files(manifest: Manifest, submission: Submission) -> tuple[dict[str, bytes], tuple[Notice, ...]]:
    """What the worker gets: the submission's files without hard-coded devices, and what the assignment gives, code and data; and all
    notices. Raises UserError where data that the assignment lists is not there.
    """
    notices = [*submission.notices, *pointers(manifest, submission), *outside_edits(manifest, submission)]
    notices += missing_deliverables(manifest, submission)
    if findings := devices_that_run(submission.files, manifest):
        notices.append(
            Notice(
                "hard_coded_device",
                "A device is written into the code, which fails on every machine without it. Take the device from the data or the model, "
                f"such as x.device; the rest was graded with the device replaced by the CPU. {findings[0]}",
                detail="\n".join(findings),
                deduction=manifest.policy.hard_coded_device_deduction,
            )
        )
    return {**submission.data, **on_cpu(submission.files), **given_to_worker(manifest), **manifest.listed_data()}, tuple(notices)


def given_to_worker(manifest: Manifest) -> dict[str, bytes]:
    """The given files, and for those that draw data what the assignment has in its folder worker/ in their place: a sampler that could
    ask for the data would need no network.
    """
    stand_ins = manifest.home / "worker"
    places = {name: (stand_ins / name, manifest.solution / name) for name in manifest.files.given}
    return {name: next(path for path in paths if path.is_file()).read_bytes() for name, paths in places.items()}
