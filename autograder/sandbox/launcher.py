"""The grader's side of the boundary: start workers, ask them, and stay alive whatever they do.

    with Sandbox() as sandbox:                       # a zygote that has imported torch; sandbox.isolation says what holds
        with sandbox.lane() as lane:                 # supervises one worker at a time
            with lane.start(files, limits) as worker:
                worker.request("import", {"module": "ddpm"}, seconds=20)

Every way in which student code can fail to answer is a StudentFailure with one sentence (failures.py).
"""

import contextlib
import itertools
import os
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from autograder import timeouts
from autograder.errors import UserError
from autograder.limits import Limits
from autograder.sandbox import folders, layers
from autograder.sandbox.clock import Clock
from autograder.sandbox.control_groups import new_groups
from autograder.sandbox.lane import Lane
from autograder.sandbox.layers import process
from autograder.sandbox.zygote import Zygote, new_home

SLOW_IMPORTS = {b"torchvision": "torchvision.transforms.functional"}  # by a word in the code; the import takes a worker a second or more
SayLate = Callable[[Sequence[Mapping[str, Any]], Mapping[str, bytes], float], str]  # requests, files, seconds → a sentence


class Sandbox:
    """A zygote and what is started from it. Use as a context manager; closing it kills every process below.

    `require`: a level (see layers.included) or a set of layers without which nothing is started: entering raises UserError. `use`: the layers
    to try; `namespaces`: whether Linux's namespaces may serve them; `shared`: the folder of a zygote to join, see zygote.shared, which has
    its own namespaces: entering raises OSError when it cannot be joined any more. After entering, `layers` are those that hold, tried from
    inside by a worker without student code, and again by every worker; `problems` says why others do not.
    """

    def __init__(
        self,
        require: str | Iterable[str] | None = None,
        use: Iterable[str] = layers.LAYERS,
        namespaces: bool = True,
        shared: Path | None = None,
    ) -> None:
        self.versions: dict[str, str] = {}
        self.required = _required(require)
        self.layers = frozenset(use) | {"process"}
        self.problems: dict[str, str] = {}
        self.namespaces = namespaces
        self.why_no_namespaces = ""
        self.most_used = 0  # bytes that one worker with what it started was seen to hold; whoever asks sets it back
        self.clock: Clock | None = None  # of the submission in all lanes; whoever sets it takes it back
        self.say_late: SayLate = timeouts.late  # whoever grades sets one that reads the student's code elsewhere
        self.shared = shared
        self._home: Path | None = None
        self._zygote: Zygote | None = None
        self._imported: set[str] = set()  # ahead of the lanes
        self._lanes: weakref.WeakSet[Lane] = weakref.WeakSet()
        self._numbers = itertools.count(1)

    @property
    def isolation(self) -> str:
        """The layers that every worker so far has reached, "process, user, files, network"."""
        return ", ".join(layers.ordered(self.layers))

    def __enter__(self) -> "Sandbox":
        try:
            self._home = new_home(self.shared)
            if self.shared is not None:
                self._zygote = Zygote.join(self.shared)
            else:
                self._zygote = Zygote.start(self._home, self.layers, self.namespaces)
            ready = self._zygote.await_ready()
            self.versions, self.why_no_namespaces = ready["versions"], ready["namespaces"]
            self._rehearse()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _rehearse(self) -> None:
        """Confine a worker that has no student code, to see which layers hold; leave out a layer with which Python could not be read."""
        with self.lane() as lane:
            while True:
                worker, found = lane.confined({}, Limits(), self.layers, rehearsal=True)
                worker.close()
                left_out = next((layer for layer in ("user", "files") if layer in found.layers and found.imports), None)
                if left_out is None:
                    break
                advice = "install Python where every user can read it, such as /opt"
                found.problems[left_out] = f"student code could not import any more, {found.imports}; {advice}"
                self.problems.update(found.problems)
                self.layers -= {left_out}
        self.lose(found.problems)
        if "files" not in self.layers and self.why_no_namespaces and os.geteuid() != 0:
            process.become_unreadable()

    def lose(self, problems: dict[str, str]) -> None:
        """Note layers that a worker did not reach. Raises UserError when one of them is required."""
        self.problems.update(problems)
        self.layers -= problems.keys()
        for layer in layers.ordered(self.required - self.layers):
            why = f": {self.problems[layer]}" if self.problems.get(layer) else ""
            raise UserError(
                f"This machine does not isolate student code as required, layer {layer!r} is missing{why}. To get it, {layers.HOW_TO_GET[layer]}; "
                "`autograder doctor` shows every layer."
            )

    def lane(self, files: Mapping[str, bytes] = {}) -> Lane:
        """A new lane. `files`: that its workers will run; what they import, and takes long, is imported before, once for all lanes from now on."""
        assert self._zygote is not None
        code = [content for name, content in files.items() if name.endswith(".py")]
        if ahead := [module for word, module in SLOW_IMPORTS.items() if module not in self._imported and any(word in one for one in code)]:
            self._imported.update(ahead)
            self._zygote.import_ahead(ahead)
        lane = Lane(self._zygote.lane(), self, new_groups(next(self._numbers)))
        self._lanes.add(lane)
        return lane

    def folder(self, files: dict[str, bytes]) -> Path:
        """A new folder with `files` (relative path → content) for one worker."""
        assert self._home is not None
        folder = self._home / str(next(self._numbers))
        folder.mkdir(mode=0o700)
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for lane in list(self._lanes):  # a zygote that others use, too, goes on
            with contextlib.suppress(UserError):
                lane.close()
        if self._zygote is not None:
            self._zygote.close()
        if self._home is not None:
            folders.remove(self._home)


def _required(require: str | Iterable[str] | None) -> frozenset[str]:
    if require is None:
        return frozenset()
    names = [require] if isinstance(require, str) else list(require)
    for name in names:
        if name not in layers.LAYERS:
            raise UserError(f"An isolation level is one of {', '.join(layers.LAYERS)}, not {name!r}.")
    return layers.included(require, os.geteuid() == 0) if isinstance(require, str) else frozenset(names)
