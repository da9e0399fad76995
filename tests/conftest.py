"""What holds for every test."""

import os
import signal
from collections.abc import Iterator

import pytest

# A shell lets its background jobs ignore Ctrl-C, and all that they start inherits it. The tests that press Ctrl-C want to see what it does.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# On a machine with a GPU too, what the tests compare is computed on the CPU. Said before the first import of torch.
os.environ["CUDA_VISIBLE_DEVICES"] = ""

# A test runs on every processor: threads of torch beside it would wait for each other in a loop, which takes ten times as long.
os.environ["OMP_NUM_THREADS"] = os.environ["AUTOGRADER_PROCESSORS"] = "1"

from autograder.kit import runner
from autograder.sandbox.lane import Lane
from autograder.sandbox.launcher import Sandbox


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes begins first, so that at the end no worker is left alone with it."""
    items.sort(key=lambda item: item.get_closest_marker("begins_first") is None)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """With all layers of this machine: one for all tests of a process, since a zygote imports torch for seconds."""
    with Sandbox() as opened:
        yield opened


@pytest.fixture(scope="session", autouse=True)
def patient_kit() -> Iterator[None]:
    """A visible check that is right does not run out of time, however busy the machine is; who tests a limit of time sets its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "STEP_SECONDS", 300.0)
        yield


@pytest.fixture
def lane(sandbox: Sandbox) -> Iterator[Lane]:
    """Of a test's own: a fork, which costs milliseconds."""
    with sandbox.lane() as opened:
        yield opened

collect_ignore = ["toy"]  # its test_*.py are checks of a rubric
