"""Dask does the scheduling: worker processes on this machine, or those of a scheduler that runs already.

Each Dask worker is a grading process. It keeps one sandbox open, because starting one costs seconds, and works at one submission at a
time. As root, those of this machine share one zygote. Everything listens on the loopback address only, without a dashboard. When this
process dies, however it dies, so do its workers, and with them what they have started.
"""

import contextlib
import gc
import logging
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast

import dask
from distributed import Client, KilledWorker, LocalCluster, Worker, WorkerPlugin, as_completed, get_worker

from autograder.errors import UserError
from autograder.grading.rubric import load_rubric
from autograder.grading.rubric_version import rubric_version
from autograder.manifest import load_manifest
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.zygote import shared

DEATHS = 3  # of its worker, after which a submission is given up
PLUGIN = "grading"
SETTINGS = {
    "distributed.scheduler.allowed-failures": DEATHS - 1,
    "distributed.scheduler.worker-saturation": 1.0,  # a worker holds the submission that it works at, and no other
    "distributed.scheduler.work-stealing": False,  # nothing waits at a worker
    "distributed.worker.memory.terminate": False,  # what grows is the submission, and the sandbox limits that
    "distributed.worker.memory.pause": False,
    "distributed.comm.timeouts.connect": "120s",  # a busy machine is slow, not gone
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.admin.system-monitor.interval": "10s",  # nobody looks at what these two gather
    "distributed.admin.tick.interval": "1s",
}
Job = TypeVar("Job")


class GraderPlugin(WorkerPlugin):
    """What a worker holds from job to job. Raises UserError in a worker that has another grader than this process."""

    name = PLUGIN

    def __init__(self, assignment: str, require: str | None, zygote: Path | None = None):
        self.assignment, self.require, self.zygote = assignment, require, zygote
        self.rubric = rubric_version(assignment)
        self.opened: Sandbox | None = None

    def setup(self, worker: Worker) -> None:
        with contextlib.suppress(ValueError):  # not in the main thread, so that Ctrl-C does not come here anyway
            signal.signal(
                signal.SIGINT, signal.SIG_IGN
            )  # it is for the process that the user sees, which ends this one
        if rubric_version(self.assignment) != self.rubric:
            raise UserError(f"The worker at {worker.address} has another version of the grader; install the same one.")
        load_rubric(load_manifest(self.assignment))
        gc.collect()
        gc.freeze()  # what is there now stays, so that it need not be searched for garbage again and again

    def sandbox(self) -> Sandbox:
        """Opened at the first use. Raises UserError when it does not reach the isolation level that is required."""
        if self.opened is None and self.zygote is not None:
            with contextlib.suppress(UserError, OSError):  # what one of our own says counts
                self.opened = Sandbox(require=self.require, shared=self.zygote).__enter__()
        if self.opened is None:
            self.opened = Sandbox(require=self.require).__enter__()
        return self.opened

    def renew(self) -> None:
        """Close the sandbox, so that the next use opens a fresh one, with a zygote of its own."""
        opened, self.opened, self.zygote = self.opened, None, None
        if opened is not None:
            with contextlib.suppress(Exception):
                opened.__exit__(None, None, None)

    def teardown(self, worker: Worker) -> None:
        self.renew()


def plugin() -> GraderPlugin:
    """That of the Dask worker that runs this job."""
    return cast(GraderPlugin, get_worker().plugins[PLUGIN])


class WorkerLost(Exception):
    """A job whose worker died `DEATHS` times."""


class Engine:
    """Use as a context manager. `workers`: processes on this machine; `scheduler`: the address of one that runs already, instead."""

    def __init__(
        self, assignment: str, scratch: Path, workers: int = 1, scheduler: str | None = None, require: str | None = None
    ):
        self.assignment, self.scratch, self.workers = assignment, scratch, workers
        self.scheduler, self.require = scheduler, require
        self.cluster: LocalCluster | None = None
        self.closing = contextlib.ExitStack()

    def __enter__(self) -> "Engine":
        for name in ("distributed", "distributed.nanny", "distributed.worker", "distributed.scheduler"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        shutil.rmtree(self.scratch, ignore_errors=True)  # that of a run that was killed
        try:
            self.closing.callback(shutil.rmtree, self.scratch, ignore_errors=True)
            self.closing.enter_context(dask.config.set({**SETTINGS, "temporary-directory": str(self.scratch)}))
            zygote = None
            if self.scheduler is None:
                # The scheduler always serves HTTP; at any port that is free it neither collides nor warns.
                zygote = self.closing.enter_context(shared(self.workers))
                self.cluster = LocalCluster(
                    n_workers=self.workers, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0",
                    scheduler_kwargs={"dashboard": False}, memory_limit=0, silence_logs=logging.CRITICAL,
                    local_directory=str(self.scratch),
                )  # fmt: skip
            self.client = Client(self.cluster or self.scheduler, timeout=60, set_as_default=False)
            if self.scheduler is not None:
                self._check_scheduler()
            self.client.register_plugin(GraderPlugin(self.assignment, self.require, zygote))
        except BaseException as error:
            self.__exit__(None, None, None)
            if isinstance(error, (OSError, ValueError)) and self.scheduler is not None:
                raise UserError(
                    f"No Dask scheduler answers at {self.scheduler} ({error}); check the address."
                ) from error
            raise
        return self

    def _check_scheduler(self) -> None:
        """A scheduler that gives workers more than one submission blames the wrong one when a worker dies."""
        found = self.client.run_on_scheduler(_settings_of)
        if found != (DEATHS - 1, 1.0):
            raise UserError(
                "The scheduler must be started with DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=2 and "
                "DASK_DISTRIBUTED__SCHEDULER__WORKER_SATURATION=1.0, so that only the submission that kills a worker is blamed for it."
            )

    def run(self, function: Callable[[Job], Any], jobs: Sequence[Job]) -> Iterator[tuple[Job, Any]]:
        """Yield (job, function(job)) as results come in, in any order; WorkerLost stands for the result of a job that kills its workers.

        `function` and jobs must be picklable. Any other exception of `function` is raised here.
        """
        futures = {self.client.submit(function, job, pure=False): job for job in jobs}
        for future in as_completed(list(futures), loop=self.client.loop):
            job = futures.pop(future)
            error = future.exception() if future.status != "cancelled" else UserError(_GONE)
            if isinstance(error, KilledWorker):
                yield job, WorkerLost(f"its worker died {DEATHS} times")
            elif error is not None:
                raise error
            else:
                yield job, future.result()
            future.release()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(Exception):
            if hasattr(self, "client"):
                self.client.close(timeout=5)
        with contextlib.suppress(Exception):
            if self.cluster is not None:
                self.cluster.close(timeout=10)
        self.closing.close()


_GONE = "The Dask scheduler has gone. What is finished is kept; start the same command again to go on."


def _settings_of(dask_scheduler: Any) -> tuple[int, float]:
    return dask_scheduler.allowed_failures, dask_scheduler.WORKER_SATURATION
