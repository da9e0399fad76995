"""Judge a submission again with the same secret numbers, and compare: the audit of a grade.

A verdict holds a commitment to its seeds, SHA-256 of HMAC(secret, digest of the submission). Whoever holds the secret and
the submission can show that the grade follows from them; nobody can choose the seeds after having seen the submission.
"""

from dataclasses import dataclass
from pathlib import Path

from autograder.errors import UserError
from autograder.grading.publishing import Observer
from autograder.grading.seeds import commitment, load_secret
from autograder.grading.session import Grading, Options
from autograder.manifest import load_manifest
from autograder.sandbox.launcher import Sandbox
from autograder.submission.intake import read_submission
from autograder.verdict import CheckResult, Verdict


@dataclass(frozen=True)
class Difference:
    """A check that was judged otherwise, or a version that is another one."""

    what: str
    then: str
    now: str


@dataclass(frozen=True)
class Replay:
    """`differences`: checks whose status or points are not the same. `versions`: what the two runs were made with, where that differs."""

    then: Verdict
    now: Verdict
    differences: tuple[Difference, ...]
    versions: tuple[Difference, ...]

    @property
    def compared(self) -> int:
        return len(_judged(self.then) & _judged(self.now))


def read_verdict(path: Path) -> Verdict:
    """The verdict in a file. Raises UserError where there is none, or one in which a check stands twice."""
    try:
        verdict = Verdict.from_json(path.read_text(encoding="utf-8"))
        if len({check.id for check in verdict.checks}) < len(verdict.checks):
            raise ValueError("a check stands twice")
        return verdict
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path} is not a verdict of this version of the grader.") from error


def replay(
    verdict_file: Path,
    submission_path: Path,
    train: bool = True,
    require: str | None = None,
    observe: Observer = lambda verdict, running, progress: None,
) -> Replay:
    """Judge the submission again and compare. Checks that one of the two runs did not judge are left out.

    Raises UserError where the submission or the secret is not the one of the verdict, so that nothing can be compared.
    """
    then = read_verdict(verdict_file)
    if not then.digest:
        raise UserError(
            f"{verdict_file} judges nothing: the submission could not be read, so there is nothing to replay."
        )
    manifest = load_manifest(then.assignment)
    submission = read_submission(submission_path, manifest)
    if submission.digest != then.digest:
        raise UserError(
            f"{submission_path} is not the submission of this verdict: the SHA-256 of its files begins with "
            f"{submission.digest[:12]}, and the verdict is about {then.digest[:12]}."
        )
    secret = load_secret()
    if commitment(secret, submission.digest) != then.seed_commitment:
        raise UserError(
            "The secret of this grader is not the one that the verdict was made with; "
            "set AUTOGRADER_SECRET or AUTOGRADER_SECRET_FILE to that one."
        )
    judged = {check.task for check in then.checks if check.status != "not_run"}
    outcomes = {task.id for task in manifest.tasks if task.kind == "outcome"}
    only = next(iter(judged)) if len(judged) == 1 else None
    options = Options(then.profile, only, train and bool(judged & outcomes), hints="none", outcome=then.outcome)
    with Sandbox(require=require) as sandbox:
        now = Grading(manifest, submission, options, sandbox, secret, observe).run()
    if now.state == "interrupted":
        raise KeyboardInterrupt
    return Replay(then, now, _differences(then, now), _versions(then, now))


def _judged(verdict: Verdict) -> set[str]:
    return {check.id for check in verdict.checks if check.status != "not_run"}


def _differences(then: Verdict, now: Verdict) -> tuple[Difference, ...]:
    before = {check.id: check for check in then.checks}
    after = {check.id: check for check in now.checks}
    found = []
    for identifier in {**before, **after}:
        old, new = before.get(identifier), after.get(identifier)
        if (old and old.status == "not_run") or (new and new.status == "not_run"):
            continue
        if _outcome(old) != _outcome(new):
            found.append(Difference(identifier, _said(old), _said(new)))
    rules = [f"{verdict.rule} {verdict.tiers if verdict.rule == 'tiers' else ''}".strip() for verdict in (then, now)]
    if rules[0] != rules[1]:
        found.append(Difference("how points are summed", *rules))
    if _judged(then) == _judged(now):
        taken = [f"{sum(n.deduction for n in verdict.notices):g} points" for verdict in (then, now)]
        if taken[0] != taken[1]:
            found.append(Difference("deductions", *taken))
        if not found and then.score != now.score:
            found.append(Difference("score", f"{then.score:g}", f"{now.score:g}"))
    return tuple(found)


def _outcome(check: CheckResult | None) -> tuple[str, float, float] | None:
    return (check.status, check.awarded, check.max_points) if check else None


def _said(check: CheckResult | None) -> str:
    return f"{check.status}, {check.awarded:g} of {check.max_points:g}" if check else "not in the rubric"


def _versions(then: Verdict, now: Verdict) -> tuple[Difference, ...]:
    names = {**then.environment, **now.environment}
    pairs = [(name, then.environment.get(name, "none"), now.environment.get(name, "none")) for name in names]
    return tuple(Difference(*pair) for pair in pairs if pair[1] != pair[2])
