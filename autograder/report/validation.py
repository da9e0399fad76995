"""What came of `autograder validate`, in the terminal."""

from rich.table import Table

from autograder.grading.validate import Report, diagnosis_is_right, expected_tasks
from autograder.report.terminal import make_console


def print_report(report: Report) -> None:
    """The tables of misconceptions and variants, then the rates."""
    console = make_console()
    table = Table(title="Misconceptions")
    for heading in ("misconception", "caught", "right task", "only there", "right diagnosis"):
        table.add_column(heading)
    caught = placed = told = 0
    for job, finding in report.misconceptions:
        expected, lost, right = expected_tasks(job), set(finding.lost), diagnosis_is_right(job, finding)
        caught, placed, told = caught + bool(lost), placed + (lost == expected), told + right
        only = "yes" if lost <= expected else f"also {', '.join(sorted(lost - expected))}"
        named = "yes" if right else "; ".join(", ".join(names) for names in finding.diagnosed) or "none"
        table.add_row(" + ".join(job.ids), _yes(lost), _yes(expected <= lost), only, named)
    console.print(table)
    table = Table(title="Variants (right solutions)")
    for heading in ("variant", "full marks", "statistical checks run", "of these failed"):
        table.add_column(heading)
    for job, finding in report.variants:
        runs = [f for j, f in report.seeds if j.ids == job.ids]
        failed = sum(len(f.failures) for f in runs)
        table.add_row(
            job.ids[0] or "solution",
            "yes" if not finding.lost else f"no: {finding.first_message}",
            str(sum(f.runs for f in runs)),
            str(failed),
        )
    console.print(table)
    count = max(1, len(report.misconceptions))
    total, failed = sum(f.runs for _, f in report.seeds), sum(len(f.failures) for _, f in report.seeds)
    console.print(
        f"Kill rate {caught / count:.1%} ({caught} of {count}); right task and only there {placed / count:.1%}; right diagnosis {told / count:.1%}."
    )
    console.print(
        f"Variants with full marks: {sum(not f.lost for _, f in report.variants)} of {len(report.variants)}. "
        f"False fails: {failed} of {total} statistical checks."
    )
    console.print(f"Time: {report.seconds:.0f} s.")
    for problem in report.falls_short:
        console.print(f"✗ {problem}")
    console.print("The grader falls short and must not ship." if report.falls_short else "The grader validates.")


def _yes(value: object) -> str:
    return "yes" if value else "NO"
