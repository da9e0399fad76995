"""GitHub Classroom: a workflow that runs the grader's image on every push, and one graded step for each check.

Whatever a workflow in a student's repository can read, the student can read, and they may edit it. So this is for feedback; the grade that counts
is made elsewhere. The steps are those of classroom-resources/autograding-command-grader; points there are whole numbers.
"""

import json
import math
from fractions import Fraction

from autograder.bundle.settings import Settings
from autograder.grading.rubric import Check, judged_checks
from autograder.manifest import Manifest

RESULTS = ".autograder/results.json"
GRADER, REPORTER = (
    "classroom-resources/autograding-command-grader@v1",
    "classroom-resources/autograding-grading-reporter@v1",
)


def classroom_files(manifest: Manifest, settings: Settings) -> dict[str, bytes]:
    """Path in the template repository → content."""
    checks = numbered(manifest, settings.profile)
    return {
        ".github/workflows/classroom.yml": workflow(manifest, settings, checks).encode(),
        ".github/classroom/autograding.json": autograding(manifest, checks).encode(),
    }


def numbered(manifest: Manifest, profile: str | None = None) -> list[tuple[str, Check]]:
    """The checks of a profile with the numbers that results.json gives them: "1-2.3" is the third of task 1-2."""
    found, seen = [], dict.fromkeys((task.id for task in manifest.tasks), 0)
    for check in judged_checks(manifest, manifest.profile(profile)):
        seen[check.mark.task] += 1
        found.append((f"{check.mark.task}.{seen[check.mark.task]}", check))
    return found


def scale(checks: list[tuple[str, Check]]) -> int:
    """The smallest factor that makes all points whole numbers."""
    return math.lcm(*(Fraction(check.mark.points).limit_denominator(1000).denominator for _, check in checks))


def command(number: str) -> str:
    return f'jq -e \'.tests[] | select(.number == "{number}") | .status == "passed"\' {RESULTS}'


def workflow(manifest: Manifest, settings: Settings, checks: list[tuple[str, Check]]) -> str:
    """The workflow as YAML. Texts are written as JSON strings, which YAML reads."""
    factor = scale(checks)
    names = {number: "check-" + number.replace(".", "-") for number, _ in checks}
    lines = [
        f"# Grades {manifest.title} on every push. Made by `autograder bundle --github-classroom`.",
        "# Needs an image made by `autograder bundle --docker`, named in the variable AUTOGRADER_IMAGE of the organisation,",
        "# which may be read by the repositories of the classroom.",
        *([f"# Points are whole numbers here: {factor} for each point of the assignment."] if factor > 1 else []),
        "name: Autograding Tests",
        "on: [push, workflow_dispatch]",
        "permissions:",
        "  checks: write",
        "  actions: read",
        "  contents: read",
        "  packages: read",
        "jobs:",
        "  run-autograding-tests:",
        "    runs-on: ubuntu-latest",
        f"    timeout-minutes: {math.ceil(settings.minutes) + 20}",
        "    if: github.actor != 'github-classroom[bot]'",
        "    steps:",
        "      - name: Check out the work",
        "        uses: actions/checkout@v4",
        "      - name: Grade it",
        "        env:",
        "          IMAGE: ${{ vars.AUTOGRADER_IMAGE }}",
        "          TOKEN: ${{ secrets.GITHUB_TOKEN }}",
        "        run: |",
        '          echo "$TOKEN" | docker login "${IMAGE%%/*}" --username "$GITHUB_ACTOR" --password-stdin',
        "          rm -rf .autograder && mkdir .autograder",
        '          docker run --rm --network none --volume "$PWD:/submission:ro" --volume "$PWD/.autograder:/out" "$IMAGE"',
        f"          jq -r '.output' {RESULTS}",
    ]
    for number, check in checks:
        lines += [
            f"      - name: {json.dumps(number + ' ' + check.title, ensure_ascii=False)}",
            f"        id: {names[number]}",
            "        if: always()",
            f"        uses: {GRADER}",
            "        with:",
            f"          test-name: {json.dumps(number + ' ' + check.title, ensure_ascii=False)}",
            f"          command: {json.dumps(command(number))}",
            "          timeout: 1",
            f"          max-score: {round(check.mark.points * factor)}",
        ]
    lines += ["      - name: Report the points", "        if: always()", f"        uses: {REPORTER}", "        env:"]
    lines += [f"          {name.upper()}_RESULTS: ${{{{ steps.{name}.outputs.result }}}}" for name in names.values()]
    lines += ["        with:", f"          runners: {','.join(names.values())}"]
    return "\n".join(lines) + "\n"


def autograding(manifest: Manifest, checks: list[tuple[str, Check]]) -> str:
    """The list of tests as GitHub Classroom's own autograding reads it."""
    factor = scale(checks)
    tests = [
        {
            "name": f"{number} {check.title}",
            "setup": "",
            "run": command(number),
            "input": "",
            "output": "",
            "comparison": "included",
            "timeout": 1,
            "points": round(check.mark.points * factor),
        }
        for number, check in checks
    ]
    return json.dumps({"tests": tests}, indent=2, ensure_ascii=False) + "\n"
