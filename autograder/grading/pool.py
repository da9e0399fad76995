"""Run many small grading jobs on all processors, each process with a sandbox of its own."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from typing import Any, TypeVar

from autograder.sandbox import machine
from autograder.sandbox.launcher import Sandbox

Job = TypeVar("Job")

_sandbox: Sandbox | None = None


def _open_sandbox() -> None:
    global _sandbox
    _sandbox = Sandbox().__enter__()


def _perform(function: Callable[[Sandbox, Any], Any], job: Any) -> Any:
    assert _sandbox is not None
    return function(_sandbox, job)


def run_jobs(
    function: Callable[[Sandbox, Job], Any], jobs: Sequence[Job], processes: int | None = None
) -> Iterator[tuple[Job, Any]]:
    """Yield (job, function(sandbox, job)) as results come in, in any order. `function` and jobs must be picklable; an
    exception in one is raised here.
    """
    count = processes or machine.grading_processes(len(jobs))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_open_sandbox) as executor:
        pending = {executor.submit(_perform, function, job): job for job in jobs}
        try:
            while pending:
                done, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    yield pending.pop(future), future.result()
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise
