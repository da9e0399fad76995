"""pytest runs the rubric: it collects the test files of an assignment and hands each check to the grader's judge.

The run takes no configuration from the surroundings: no ini file, no conftest, no plugin but this one.
"""

import os
from collections.abc import Callable, Sequence

import pytest

from autograder.grading.rubric import Check
from autograder.grading.verdict import CheckResult
from autograder.manifest import Manifest

Judge = Callable[[Check], CheckResult]

# Parts of pytest that a rubric has no use for. unraisableexception alone collects garbage five times at the end of every run, which costs
# more than all else that pytest does here.
UNUSED = (
    "cacheprovider", "capture", "debugging", "doctest", "faulthandler", "junitxml", "legacypath", "logging", "monkeypatch", "pastebin",
    "recwarn", "reports", "setuponly", "setupplan", "skipping", "stepwise", "subtests", "terminal", "threadexception", "tmpdir", "unittest",
    "unraisableexception", "warnings",
)  # fmt: skip


class RubricPlugin:
    """Replaces the call of each test by the judge, and a result that did not pass by a failure without a traceback."""

    def __init__(self, checks: Sequence[Check], judge: Judge):
        self.checks = {check.function: check for check in checks}
        self.judge = judge

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if isinstance(item, pytest.Function) and item.function in self.checks]

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        result = self.judge(self.checks[pyfuncitem.function])
        if result.status not in ("passed", "not_run"):
            pytest.fail(result.message or result.status, pytrace=False)
        return True

    # The judge supplies the arguments of a check itself; pytest only needs to see that they exist.

    @pytest.fixture
    def student(self) -> None: ...

    @pytest.fixture
    def sample_shape(self) -> None: ...

    @pytest.fixture
    def draw(self) -> None: ...

    @pytest.fixture
    def note(self) -> None: ...

    @pytest.fixture
    def carry(self) -> None: ...

    @pytest.fixture
    def outcome(self) -> None: ...


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
