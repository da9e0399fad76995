"""A submission as the rubric sees it: handles on objects that live in the worker, and NumPy arrays for all that comes out of it.

    student = Student(lane, files, limits)
    scheduler = student.module("ddpm").new("BaseScheduler", 10, beta_1=0.01, beta_T=0.3)
    diffusion = student.module("ddpm").new("DiffusionModule", student.network(eps_theta), scheduler)
    xt = diffusion.call("q_sample", x0, t, noise)          # an array, or whatever plain value came back

A worker is started when it is first needed, and again after it has died, so one endless loop costs one check.
"""

import contextlib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from autograder.limits import Limits
from autograder.sandbox.failures import Died, GraderHangup, StudentFailure
from autograder.sandbox.lane import Lane
from autograder.sandbox.remote_worker import Worker
from autograder.sandbox.wire import Array, Opaque, Ref, Remote

MOST_NUMBERS_IN_A_CALL = (
    8 << 20
)  # of a function of the grader, 64 MB once they are float64; those of a right solution are 0.2 million
MOST_NUMBERS_IN_A_CHECK = (
    32 << 20
)  # received in all; a right solution's are 6 million, and with the 100 calls that a check allows 20
MOST_NUMBERS_REFUSED = 4 * MOST_NUMBERS_IN_A_CHECK  # in calls that are too large, and cost time before they are refused
MOST_CALLS_IN_A_CHECK = 200_000
MOST_FOUND = 1000  # submodules of one kind in a network

Made = TypeVar("Made")
Observer = Callable[[list[dict[str, Any]]], Any]

__all__ = ["Handle", "Opaque", "Student", "describe", "from_wire", "to_wire"]


def to_wire(value: Any) -> Any:
    """NumPy arrays and NumPy scalars become data of the wire format; handles become references."""
    if isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value).reshape(value.shape)
        return Array(array.dtype.name, array.shape, array.tobytes())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Handle):
        return value.ref
    if type(value) in (list, tuple):
        return type(value)(to_wire(item) for item in value)
    if type(value) is dict:
        return {key: to_wire(item) for key, item in value.items()}
    return value


def from_wire(value: Any) -> Any:
    """Arrays become NumPy arrays (bfloat16 as float32); everything else stays as it is."""
    if type(value) is Array:
        if value.dtype == "bfloat16":
            bits = np.frombuffer(value.data, dtype=np.uint16).astype(np.uint32) << 16
            return bits.view(np.float32).reshape(value.shape)
        return np.frombuffer(value.data, dtype=value.dtype).reshape(value.shape)
    if type(value) in (list, tuple):
        return type(value)(from_wire(item) for item in value)
    if type(value) is dict:
        return {key: from_wire(item) for key, item in value.items()}
    return value


def numbers_in(value: Any) -> int:
    """How many numbers a value holds. An empty array counts by its other dimensions, which are as long as what is made from them."""
    if type(value) is Array:
        return math.prod(max(size, 1) for size in value.shape)
    items = value.values() if type(value) is dict else value if type(value) in (list, tuple) else ()
    return sum(map(numbers_in, items))


class Allowance:
    """What the worker of one check may make the grader hold: answers and calls, counted before anything is made of them."""

    def __init__(self) -> None:
        self.numbers = self.refused = self.calls = 0

    def take(self, value: Any) -> None:
        """Raises Died when the check has received more numbers than it may."""
        self.numbers += numbers_in(value)
        self._expect_enough()

    def _expect_enough(self) -> None:
        if self.numbers > MOST_NUMBERS_IN_A_CHECK or self.refused > MOST_NUMBERS_REFUSED:
            raise Died(
                f"Your code gave the grader more than {MOST_NUMBERS_IN_A_CHECK:,} numbers in one check, and was stopped; "
                "look at the shapes of what it returns, and of what it calls the network with."
            )

    def take_call(self, values: list[Any], kept: bool) -> None:
        """The same for a call of a function of the grader. `kept`: whether what it is called with counts for the check."""
        self.calls += 1
        if self.calls > MOST_CALLS_IN_A_CHECK:
            raise Died(
                f"Your code called the network more than {MOST_CALLS_IN_A_CHECK:,} times in one check, and was stopped."
            )
        count = numbers_in(values)
        if count > MOST_NUMBERS_IN_A_CALL:
            self.refused += count
            self._expect_enough()
            raise GraderHangup(
                f"a call with {count:,} numbers is too large; look at the shape of what the network is called with"
            )
        if kept:
            self.take(values)


def describe(value: Any) -> str:
    """What a value is, for a sentence: "a float32 tensor of shape (4, 2)", "None", "a tuple of 2"."""
    if isinstance(value, np.ndarray):
        return f"a {value.dtype.name} tensor of shape {value.shape}"
    if isinstance(value, Opaque):
        return value.description
    if value is None:
        return "None"
    if isinstance(value, (list, tuple, dict)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"the {type(value).__name__} {str(value)[:40]}"


class Handle:
    """An object in the worker."""

    def __init__(self, student: "Student", worker: Worker, ref: Ref):
        self.student, self.worker, self.ref = student, worker, ref

    def call(self, path: str, *args: Any, **kwargs: Any) -> Any:
        """Call an attribute and return what comes back, as data."""
        return self._data("call", {"path": path, "args": to_wire(list(args)), "kwargs": to_wire(kwargs)})

    def new(self, path: str, *args: Any, **kwargs: Any) -> "Handle":
        """Call an attribute and keep the result in the worker."""
        return self._handle(
            self._request("call", {"path": path, "args": to_wire(list(args)), "kwargs": to_wire(kwargs)}, keep=True)
        )

    def later(self, path: str, *args: Any, **kwargs: Any) -> "Handle":
        """As `new`, but it goes with the next request, which then raises what this raises: for what a call needs and nobody else."""
        fields = {"target": self.ref, "path": path, "args": to_wire(list(args)), "kwargs": to_wire(kwargs)}
        return self._handle(self.worker.later("call", fields, seed=self.student.next_seed()))

    def get(self, path: str) -> Any:
        """An attribute, as data. `path` may hold dots."""
        return self._data("get", {"path": path})

    def part(self, path: str) -> "Handle":
        """An attribute, kept in the worker."""
        return self._handle(self._request("get", {"path": path}, keep=True))

    def set(self, name: str, value: Any) -> None:
        """Set an attribute, with the next request, which then raises what this raises."""
        fields = {"target": self.ref, "name": name, "value": to_wire(value)}
        self.worker.later("set", fields, seed=self.student.next_seed())

    def find(self, kind: "Handle") -> list["Handle"]:
        """The distinct submodules that are of the class `kind`, in order of registration."""
        refs = self._request("find", {"kind": kind.ref})
        if type(refs) is list and len(refs) > MOST_FOUND:
            raise StudentFailure(
                f"Your network has {len(refs):,} layers of one kind; the grader looks at {MOST_FOUND:,} at most."
            )
        return [self._handle(ref) for ref in refs] if type(refs) is list else []

    def answer(self, *args: Any) -> Any:
        """As `call("", …)`, of a network, where no gradient is wanted: in half the time."""
        return self._data("answer", {"args": to_wire(list(args))})

    def trace(self, observer: Observer, *args: Any, weights: Sequence[Any] | None = None, **kwargs: Any) -> Any:
        """Call a network, operation by operation: `observer` is told each, and answers with weights to lay in. See sandbox/tracing.py.

        Where the `weights` are known beforehand, it answers nothing. What it is told counts while the call runs, since of many calls one is kept.
        """
        fields = {"args": to_wire(list(args)), "kwargs": to_wire(kwargs), "observer": self.student.function(observer)}
        if weights is not None:
            fields["weights"] = to_wire(list(weights))
        with self.student.dropped():
            return self._data("trace", fields)

    def outline(self, *args: Any, **kwargs: Any) -> Any:
        """The report of one call of a network, with its "events", in which there are no numbers. See sandbox/tracing.py."""
        return self._data("outline", {"args": to_wire(list(args)), "kwargs": to_wire(kwargs)})

    def gradients(self, cotangents: list[Any], *args: Any, of_given: bool = False, **kwargs: Any) -> Any:
        """Of a network: {"outputs", "weights", "given", "silent"}, see sandbox/weights.py; "weights" of the network that was traced last."""
        fields = {"args": to_wire(list(args)), "kwargs": to_wire(kwargs), "cotangents": to_wire(cotangents), "of_given": of_given}
        return self._data("gradients", fields)

    def load_weights(self, file: str) -> None:
        """Load the weights in a file of the submission into a network, read as data."""
        self._request("load_weights", {"file": file})

    def number_of_weights(self) -> int:
        """How many numbers of a network are trained."""
        count = self._request("number_of_weights", {})
        return count if type(count) is int else 0

    def draw_weights(self) -> None:
        """All weights of a network get new numbers, with the next request."""
        self.worker.later("draw_weights", {"target": self.ref}, seed=self.student.next_seed())

    def _data(self, op: str, fields: dict[str, Any]) -> Any:
        value = self._request(op, fields)
        try:
            if self.student.allowance is not None:
                self.student.allowance.take(value)
            return from_wire(value)
        except (Died, MemoryError):
            self.worker.close()
            raise

    def _handle(self, ref: Any) -> "Handle":
        return Handle(self.student, self.worker, ref if type(ref) is Ref else Ref(0))

    def _request(self, op: str, fields: dict[str, Any], keep: bool = False) -> Any:
        request = {"target": self.ref, **fields}
        return self.student.request(self.worker, op, request, keep=keep, seed=self.student.next_seed())


class Student:
    """A submission, running in workers of one lane. Two at a time need two lanes; one after the other share one, if the first is `fresh`."""

    def __init__(self, lane: Lane, files: dict[str, bytes], limits: Limits):
        self.lane, self.files, self.limits = lane, files, limits
        self.worker: Worker | None = None
        self.seed: int | None = (
            None  # set before every call, so that a check can repeat a call with the same random numbers
        )
        self.printed = ""
        self.modules: dict[str, Handle] = {}  # that this worker has imported
        self._made: dict[str, Any] = {}  # that is made once in this worker
        self._first_seed: int | None = (
            None  # of a worker, and of a check: code with randomness of its own gives the same at every regrade
        )
        self._waiting_seed: int | None = None  # to be set with the next request
        self.chance = np.random.default_rng(0)  # of a check, for what a call is given that may be anything
        self.allowance: Allowance | None = None  # of the present check

    def begin(self, first_seed: int) -> None:
        """A new check begins: what follows depends on `first_seed`, and not on what was called before."""
        self.seed = None
        self.allowance = Allowance()
        self._first_seed = self._waiting_seed = first_seed
        self.chance = np.random.default_rng(first_seed)
        if self.worker is not None:
            self.worker.waiting.clear()  # what the last check did not come to use

    @contextlib.contextmanager
    def dropped(self) -> Iterator[None]:
        """What comes within counts while it comes, and no longer: for answers of which the check keeps nothing but a sum."""
        allowance = self.allowance or Allowance()
        before = allowance.numbers
        try:
            yield
        finally:
            allowance.numbers = before

    def next_seed(self) -> int | None:
        """For the next request: `seed` where a check has set it, else the first seed, once."""
        waiting, self._waiting_seed = self._waiting_seed, None
        return waiting if self.seed is None else self.seed

    def fresh(self) -> None:
        """End the worker; the next call starts a new one."""
        if self.worker is not None:
            self.collect_printed()
            self.worker.close()
            self.worker = None
            self._forget()

    def replace(self, files: dict[str, bytes]) -> None:
        """Other versions of the files from now on, in the same worker: for the grader's own code, which leaves a process as it was."""
        changed = {name: content for name, content in files.items() if self.files.get(name) != content}
        self.files = files
        self._forget()
        if changed and self.worker is not None and self.worker.alive:
            self.worker.waiting.clear()
            self.worker.request("replace", {"files": {name: content.decode() for name, content in changed.items()}})

    def _forget(self) -> None:
        """What another worker had imported and made."""
        self.modules.clear()
        self._made.clear()

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What `make` gives, which is made once in a worker: for what is costly, and what no check depends on the state of."""
        if self.worker is None or not self.worker.alive or name not in self._made:
            value = make()
            self._made[name] = value
        found: Made = self._made[name]
        return found

    def collect_printed(self) -> str:
        """What has been printed since the last call of this."""
        if self.worker is not None:
            self.printed += self.worker.take_printed()
        printed, self.printed = self.printed, ""
        return printed

    def module(self, name: str) -> Handle:
        """A module of the submission, imported in the worker. Raises StudentFailure when the import fails."""
        worker = self._worker()
        if name not in self.modules:
            ref = self.request(worker, "import", {"module": name}, keep=True, seed=self.next_seed())
            self.modules[name] = Handle(self, worker, ref)
        return self.modules[name]

    def module_with(self, name: str, **values: Any) -> Handle:
        """A module of the submission, run anew with these globals in place of its own: arrays become tensors, handles what they stand for."""
        return self._imported("import_with", {"module": name, "values": to_wire(values)}, name)

    def stand_in(self, name: str, **values: Any) -> Handle:
        """The grader's version of a module that the submission imports, such as a given file: it has these values, and its file is not run.

        A module of the submission that has imported one of them before has the new one from now on.
        """
        return self._imported("stand_in", {"module": name, "values": to_wire(values)}, name)

    def namespace(self, **values: Any) -> Handle:
        """An object with these attributes, such as a model with `unet`, a network, and `scheduler`, another one. Made with the next request."""
        worker = self._worker()
        return Handle(self, worker, worker.later("namespace", {"values": to_wire(values)}, seed=self.next_seed()))

    def _imported(self, op: str, fields: dict[str, Any], name: str) -> Handle:
        worker = self._worker()
        self.modules[name] = Handle(self, worker, self.request(worker, op, fields, keep=True, seed=self.next_seed()))
        return self.modules[name]

    def weights_in(self, file: str) -> dict[str, tuple[int, ...]]:
        """The names and shapes of the tensors in a file of weights. Raises StudentFailure where it cannot be read as data."""
        told = self.request(self._worker(), "weights_in", {"file": file}, seed=self.next_seed())
        right = isinstance(told, dict) and all(isinstance(shape, list) for shape in told.values())
        return {str(name): tuple(map(int, shape)) for name, shape in told.items()} if right else {}

    def request(self, worker: Worker, op: str, fields: dict[str, Any], **settings: Any) -> Any:
        """One request to the worker. Raises StudentFailure where the code in it gives no answer."""
        return worker.request(op, fields, **settings)

    def network(self, function: Callable[..., Any]) -> Remote:
        """An nn.Module in the worker whose forward pass is `function` of arrays, answered here."""
        return self._worker().remote(self._decoded(function), "network")

    def function(self, function: Callable[..., Any]) -> Remote:
        """A plain function in the worker, answered here."""
        return self._worker().remote(self._decoded(function), "function")

    def _decoded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function` of arrays as one of wire values. In a check it may keep what it is called with, so that this counts."""

        def answer(*args: Any, **kwargs: Any) -> Any:
            allowance = self.allowance
            (allowance or Allowance()).take_call([args, kwargs], kept=allowance is not None)
            try:
                return to_wire(function(*from_wire(args), **from_wire(kwargs)))
            except TypeError as error:
                called = re.sub(r"^[\w.<>]*\.(?=\w+\()", "", str(error))  # without the grader's own class
                raise GraderHangup(f"the call does not fit: {called}") from error

        return answer

    def _worker(self) -> Worker:
        if self.worker is None or not self.worker.alive:
            self.worker = self.lane.start(self.files, self.limits)
            self._forget()
            self._waiting_seed = self._first_seed
        return self.worker
