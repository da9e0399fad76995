"""pytest runs the rubric: it collects the checks of an assignment's test files and hands each to the grader's judge.

The checks are items of a kind of their own, because the judge supplies their arguments. The run takes no configuration from the
surroundings: no ini file, no conftest, no plugin but this one. Source: pytest's documentation, "Working with non-python tests".
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from autograder.grading.rubric import Check, module_of
from autograder.manifest import Manifest
from autograder.verdict import CheckResult

Judge = Callable[[Check], CheckResult]

# Parts of pytest that a rubric has no use for. unraisableexception alone collects garbage five times at the end of every run, which costs
# more than all else that pytest does here.
UNUSED = (
    "cacheprovider", "capture", "debugging", "doctest", "faulthandler", "junitxml", "legacypath", "logging", "monkeypatch", "pastebin",
    "python", "recwarn", "reports", "setuponly", "setupplan", "skipping", "stepwise", "subtests", "terminal", "threadexception", "tmpdir",
    "unittest", "unraisableexception", "warnings",
)  # fmt: skip


class CheckItem(pytest.Item):
    """One check as pytest runs it: a failure has the judge's message and no traceback."""

    def __init__(self, *, check: Check, judge: Judge, **of_pytest: Any):
        super().__init__(**of_pytest)
        self.check, self.judge = check, judge

    def runtest(self) -> None:
        result = self.judge(self.check)
        if result.status not in ("passed", "held", "not_run"):
            pytest.fail(result.message or result.status, pytrace=False)


class CheckFile(pytest.File):
    """A `test_*.py` of the rubric."""

    checks: Sequence[Check]
    judge: Judge

    def collect(self) -> Iterator[CheckItem]:
        for check in self.checks:
            yield CheckItem.from_parent(self, name=check.function.__name__, check=check, judge=self.judge)


class RubricPlugin:
    """Collects the checks, in the order of the rubric."""

    def __init__(self, checks: Sequence[Check], judge: Judge):
        self.checks, self.judge = checks, judge

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> CheckFile:
        file = CheckFile.from_parent(parent, path=file_path)
        module = module_of(file_path)
        file.checks = [check for check in self.checks if check.function.__module__ == module]
        file.judge = self.judge
        return file


def run(manifest: Manifest, checks: Sequence[Check], judge: Judge) -> bool:
    """Run the rubric. Returns whether every check was reached; False after Ctrl-C."""
    plugin = RubricPlugin(checks, judge)
    files = map(str, manifest.check_files)
    arguments = [*files, "-c", os.devnull, "--rootdir", str(manifest.home), "--noconftest", "--assert=plain"]
    arguments += [word for name in UNUSED for word in ("-p", f"no:{name}")]
    saved = {name: os.environ.pop(name, None) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")}
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        code = pytest.main(arguments, plugins=[plugin])
    finally:
        del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
        os.environ.update({name: value for name, value in saved.items() if value is not None})
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED):
        raise RuntimeError(f"pytest could not run the rubric of {manifest.id} (exit code {int(code)})")
    return code != pytest.ExitCode.INTERRUPTED
