"""The worker: the untrusted process that imports a submission and answers the grader's requests with data.

Requests are dictionaries with an "op"; every request gets exactly one answer, {"kind": "result", "value": …} or {"kind": "raised", …}.
Before its answer the worker may send {"kind": "callback", …}, and waits for the reply, or {"kind": "progress", …}, which has none.
Each of these repeats the request's "question", a number that cannot be guessed, so that nothing counts that was sent before it was asked.
Nothing that the grader must keep secret ever exists on this side. Student code shares this process and may do to it what it likes: the
worst it can do is to answer for the worker, and an answer is all that the grader takes from here.
"""

import importlib
import linecache
import os
import random
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from autograder.sandbox import pictures, stand_ins, tracing, weights, wire
from autograder.sandbox.tensors import tensor_from_wire, tensor_to_wire
from autograder.sandbox.training import Training
from autograder.sandbox.wire import Array, Opaque, Ref, Remote

FIRST_FOUND = 1 << 32  # numbers of objects that are found here; those below are given by the grader


class RemoteNetwork(torch.nn.Module):
    """An nn.Module whose forward pass the grader answers. It has one weight, 1.0, that multiplies the answer, so gradients can be seen."""

    def __init__(self, worker: "Worker", identifier: int):
        super().__init__()
        self._ask = worker.ask
        self._identifier = identifier
        self.scale = torch.nn.Parameter(torch.ones(()))

    @property
    def device(self) -> torch.device:
        return self.scale.device

    @property
    def dtype(self) -> torch.dtype:
        return self.scale.dtype

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        given = (x for x in (*args, *kwargs.values()) if isinstance(x, torch.Tensor) and x.is_floating_point())
        return self._scaled(self._ask(self._identifier, args, kwargs), next(given, self.scale).dtype)

    def _scaled(self, answer: Any, dtype: torch.dtype) -> Any:
        """Every tensor of the answer, in the type of the first tensor that was given."""
        if isinstance(answer, torch.Tensor):
            return answer.to(dtype) * self.scale.to(dtype)
        if isinstance(answer, (list, tuple)):
            return type(answer)(self._scaled(item, dtype) for item in answer)
        if isinstance(answer, dict):
            return Answer((name, self._scaled(item, dtype)) for name, item in answer.items())
        return answer


class Answer(dict):
    """What a network gives as an object: its values are items by name and by number, and attributes."""

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        raise AttributeError(f"the network's answer has {', '.join(self)}, and no {name}")

    def __getitem__(self, key: Any) -> Any:
        return list(self.values())[key] if isinstance(key, (int, slice)) else super().__getitem__(key)


class Worker:
    """Serves one submission over one socket, until the socket is closed."""

    def __init__(self, channel: socket.socket, folder: str):
        self.channel = channel
        self.folder = os.path.realpath(folder)
        self.received = bytearray()  # of frames that are not read yet
        self.objects: dict[int, Any] = {}
        self.next_found = FIRST_FOUND
        self.question = 0  # of the present request
        self.done = 0  # requests of the present message that have succeeded
        self.training: Training | None = None  # the last one
        self.traced: list[weights.Weight | None] = []  # what held weights in the last call that was watched

    def serve(self) -> None:
        while True:
            request = self._receive()
            self.question = question = request["question"]
            try:
                frame = wire.encode({"kind": "result", "question": question, "value": self._perform(request)})
            except (
                BaseException
            ) as error:  # SystemExit and KeyboardInterrupt of the student's code too: each is an answer
                frame = wire.encode({**self._describe(error), "question": question})
            self.channel.sendall(frame)

    # Requests

    def _perform(self, request: dict) -> Any:
        torch.set_num_threads(request.get("threads", 1))
        self.done = 0
        for earlier in request.get("before", []):
            self._perform_one(earlier)
            self.done += 1
        return self._perform_one(request)

    def _perform_one(self, request: dict) -> Any:
        if request.get("seed") is not None:
            seed = request["seed"]
            torch.default_generator.manual_seed(seed)  # torch.manual_seed also notes the stack, for GPUs
            np.random.seed(seed % 2**32)
            random.seed(seed)
        result = getattr(self, "_op_" + request["op"])(**request.get("fields", {}))
        if request.get("keep") is None:
            return self.to_wire(result)
        self.objects[request["keep"]] = result
        return None

    def _op_import(self, module: str) -> Any:
        return importlib.import_module(module)

    def _op_import_with(self, module: str, values: dict) -> Any:
        """A module of the submission, run anew with these globals, see stand_ins.py."""
        return stand_ins.import_with(module, self.from_wire(values))

    def _op_stand_in(self, module: str, values: dict) -> Any:
        """The grader's version of a module, see stand_ins.py."""
        return stand_ins.stand_in(self.folder, module, self.from_wire(values))

    def _op_namespace(self, values: dict) -> Any:
        return SimpleNamespace(**self.from_wire(values))

    def _op_replace(self, files: dict[str, str]) -> None:
        """Write other versions of these files, and forget what was imported from any."""
        for name, text in files.items():
            path = os.path.join(self.folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", "")).startswith(self.folder + os.sep):
                del sys.modules[name]
        self.objects.clear()
        linecache.clearcache()
        importlib.invalidate_caches()

    def _op_get(self, target: Ref, path: str) -> Any:
        return self._resolve(target, path)

    def _op_set(self, target: Ref, name: str, value: Any) -> None:
        setattr(self.objects[target.id], name, self.from_wire(value))

    def _op_call(self, target: Ref, path: str, args: list, kwargs: dict) -> Any:
        function = self._resolve(target, path)
        return function(*[self.from_wire(a) for a in args], **{k: self.from_wire(v) for k, v in kwargs.items()})

    def _op_decode_images(self, images: list[Array]) -> list:
        """[mode, pixels or None, problem] of each image file, given as uint8 arrays of bytes. Needs no code of the submission."""
        decoded = []
        for image in images:
            try:
                mode, pixels = pictures.decode(image.data)
                decoded.append([mode, None if pixels is None else torch.from_numpy(pixels), ""])
            except ValueError as error:
                decoded.append(["", None, str(error)])
        return decoded

    def _op_find(self, target: Ref, kind: Ref) -> list:
        """The distinct submodules of `target` that are of the class `kind`, in order of registration."""
        found = [m for m in self.objects[target.id].modules() if isinstance(m, self.objects[kind.id])]
        numbers = range(self.next_found, self.next_found + len(found))
        self.next_found += len(found)
        self.objects.update(zip(numbers, found))
        return list(map(Ref, numbers))

    def _op_answer(self, target: Ref, args: list) -> Any:
        """What a network gives, of which no gradient is wanted."""
        with torch.no_grad():
            return self.objects[target.id](*[self.from_wire(a) for a in args])

    def _op_trace(
        self, target: Ref, args: list, kwargs: dict, observer: Remote, weights: list[Array] | None = None
    ) -> dict[str, Any]:
        """One call of a network, watched: `observer` is told, and answers with the weights to lay in unless they come along, see tracing.py."""
        keywords = {name: self.from_wire(value) for name, value in kwargs.items()}
        inputs, network = [self.from_wire(a) for a in args], self.objects[target.id]
        given = None if weights is None else [self.from_wire(weight) for weight in weights]
        report, self.traced = tracing.trace(
            network, inputs, keywords, lambda events: self.ask(observer.id, [events], {}), given=given
        )
        return report

    def _op_outline(self, target: Ref, args: list, kwargs: dict) -> dict[str, Any]:
        """What one call of a network does, see tracing.outline."""
        keywords = {name: self.from_wire(value) for name, value in kwargs.items()}
        return tracing.outline(self.objects[target.id], [self.from_wire(a) for a in args], keywords)

    def _op_gradients(self, target: Ref, args: list, kwargs: dict, cotangents: list, of_given: bool) -> dict[str, Any]:
        """Outputs of a network, and the gradients of what held weights when one was watched, see weights.gradients."""
        keywords = {name: self.from_wire(value) for name, value in kwargs.items()}
        given, network = [self.from_wire(a) for a in args], self.objects[target.id]
        return weights.gradients(network, given, keywords, [self.from_wire(c) for c in cotangents], self.traced, of_given)

    def _op_weights_in(self, file: str) -> Any:
        """The names and shapes of the tensors in a file of weights, see weights.read_state."""
        return {name: list(tensor.shape) for name, tensor in weights.read_state(Path(self.folder, file)).items()}

    def _op_load_weights(self, target: Ref, file: str) -> None:
        """Load a file of weights into a network, all of it: under their names as they are, or without those of wrappers."""
        weights.load(self.objects[target.id], weights.read_state(Path(self.folder, file)))

    def _op_number_of_weights(self, target: Ref) -> int:
        return sum(parameter.numel() for parameter in self.objects[target.id].parameters() if parameter.requires_grad)

    def _op_draw_weights(self, target: Ref) -> None:
        """See weights.draw_weights."""
        weights.draw_weights(self.objects[target.id])

    def _op_train(self, model: Ref, data: Array, **settings: Any) -> Any:
        """Minimise model.compute_loss over data, (steps, batch, …), with Adam. Returns the losses, (steps,)."""
        module, batches = self.objects[model.id], self.from_wire(data)
        return self._optimise(module.parameters(), len(batches), lambda i: module.compute_loss(batches[i]), **settings)

    def _op_train_on(
        self, model: Ref, loss: str | Ref, data: list[Array], order: Array, rates: Array | None = None,
        before: Sequence[Any] = (), each: Sequence[Array] = (), after: Sequence[Any] = (), **settings: Any,
    ) -> Any:
        """Minimise a loss of the model over batches of `data`, such as images and labels, with Adam. `loss`: a function of the model, "" for
        itself, or any function; it is called with what stands `before`, the batch, what this step has of `each`, and what stands `after`.

        order: (steps, batch), rows of the data; rates: (steps,), where the learning rate changes. Returns the losses, (steps,).
        """  # fmt: skip
        parts, rows = [self.from_wire(array) for array in data], self.from_wire(order)
        of_steps = [self.from_wire(array) for array in each]
        function = self.objects[loss.id] if isinstance(loss, Ref) else self._resolve(model, loss)
        first, last = ([self.from_wire(value) for value in values] for values in (before, after))
        rate = None if rates is None else self.from_wire(rates)

        def loss_of(i: int) -> torch.Tensor:
            if rate is not None and self.training is not None:
                self.training.adam.learning_rate = float(rate[i])
            value: torch.Tensor = function(*first, *[part[rows[i]] for part in parts], *[part[i] for part in of_steps], *last)
            return value

        return self._optimise(self.objects[model.id].parameters(), len(rows), loss_of, **settings)

    def _op_fit(self, network: Ref, inputs: Array, times: Array, targets: Array, **settings: Any) -> Any:
        """Regress network(inputs, times) on targets in the mean square with Adam, all (steps, batch, …). Returns the losses, (steps,)."""
        module = self.objects[network.id]
        x, t, y = (self.from_wire(a) for a in (inputs, times, targets))

        def loss(i: int) -> torch.Tensor:
            return torch.nn.functional.mse_loss(module(x[i], t[i]), y[i])

        return self._optimise(module.parameters(), len(x), loss, **settings)

    def _optimise(
        self, parameters: Any, steps: int, loss_of: Callable[[int], torch.Tensor], **settings: Any
    ) -> torch.Tensor:
        def report(done: int, loss: float) -> None:
            progress = {"kind": "progress", "question": self.question, "done": done, "loss": loss}
            self.channel.sendall(wire.encode(progress))

        self.training = Training(parameters, **settings)
        return self.training.run(steps, loss_of, report)

    def _op_swap_weights(self) -> None:
        """After a training: exchange the averaged weights and those of the last iterate."""
        if self.training is not None:
            self.training.swap_weights()

    def _resolve(self, target: Ref, path: str) -> Any:
        value = self.objects[target.id]
        for name in path.split(".") if path else []:
            value = getattr(value, name)
        return value

    # Callbacks

    def ask(self, identifier: int, args: Sequence[Any], kwargs: dict) -> Any:
        """Send a call to the grader and wait for its answer."""
        args = [torch.as_tensor(value) if isinstance(value, np.ndarray) else value for value in args]
        call = self.to_wire({"remote": identifier, "args": args, "kwargs": dict(kwargs)})
        self.channel.sendall(wire.encode({"kind": "callback", "question": self.question, **call}))
        reply = self._receive()
        if reply.get("op") != "answer":
            raise RuntimeError(str(reply.get("reason", "the grader did not answer")))
        return self.from_wire(reply["value"])

    # Values

    def to_wire(self, value: Any, depth: int = 0) -> Any:
        """Turn a value into data of the wire format; what is not data becomes an Opaque that names it."""
        kind = type(value)
        if value is None or kind in (bool, float, str, Ref):
            return value if kind is not str else value[: wire.MAX_TEXT]
        if kind is int:
            return value if -wire.MAX_INT <= value < wire.MAX_INT else Opaque("an integer of more than 64 bits")
        if isinstance(value, torch.Tensor):
            return tensor_to_wire(value)
        if isinstance(value, np.generic) and kind.__module__ == "numpy":
            return self.to_wire(value.item(), wire.MAX_DEPTH)
        if depth < wire.MAX_DEPTH - 2:
            if kind in (list, tuple):
                return kind(self.to_wire(item, depth + 1) for item in value)
            if kind is dict and all(type(key) is str for key in value):
                return {key: self.to_wire(item, depth + 1) for key, item in value.items()}
        return Opaque(f"a value of type {kind.__module__}.{kind.__qualname__}"[:200])

    def from_wire(self, value: Any) -> Any:
        kind = type(value)
        if kind is Array:
            return tensor_from_wire(value)
        if kind is Ref:
            return self.objects[value.id]
        if kind is Remote:
            if value.kind == "network":
                return RemoteNetwork(self, value.id)
            return lambda *args, **kwargs: self.ask(value.id, args, kwargs)
        if kind in (list, tuple):
            return kind(self.from_wire(item) for item in value)
        if kind is dict:
            return {key: self.from_wire(item) for key, item in value.items()}
        return value

    # Errors

    def _describe(self, error: BaseException) -> dict:
        """Where and why the student's code raised: the innermost line in a TODO block, else in the submission. Given helpers are not at fault."""
        where = None
        own_files = []
        for frame in traceback.extract_tb(error.__traceback__):
            if os.path.realpath(frame.filename).startswith(self.folder + os.sep):
                own_files.append(frame)
        if isinstance(error, SyntaxError) and error.filename:
            where = [self._called(error.filename), error.lineno or 0, "", (error.text or "").strip()[:200]]
        elif own_files:
            frame = next((f for f in reversed(own_files) if _in_todo(f.filename, f.lineno or 0)), own_files[-1])
            line = linecache.getline(frame.filename, frame.lineno or 0).strip()
            where = [self._called(frame.filename), frame.lineno or 0, frame.name, line[:200]]
        try:
            message = str(error)
        except BaseException:
            message = ""
        message = message.replace(self.folder + os.sep, "")
        tried = _tried(error)
        return {
            "kind": "raised",
            "type": type(error).__name__[:100],
            "message": message[:2000],
            "where": where,
            "tried": tried,
            "done": self.done,
        }

    def _called(self, file: str) -> str:
        """The name of a file as the student says it: "libs/ddpm.py"."""
        path = os.path.realpath(file)
        return os.path.relpath(path, self.folder) if path.startswith(self.folder + os.sep) else os.path.basename(file)

    def _receive(self) -> Any:
        header_length, payload_length = wire.read_prefix(self._read(wire.PREFIX.size))
        return wire.decode(self._read(header_length), self._read(payload_length))

    def _read(self, length: int) -> bytes:
        """The next `length` bytes; what has come beyond them stays in `received`."""
        while len(self.received) < length:
            part = self.channel.recv(min(max(length - len(self.received), 1 << 16), 1 << 20))
            if not part:
                os._exit(0)  # the grader has closed the channel
            self.received += part
        data = bytes(self.received[:length])
        del self.received[:length]
        return data


def _in_todo(filename: str, line: int) -> bool:
    """Whether the last marker above a line begins a TODO block, in the handout's form or in the original course's, whose end is a row of #."""
    for text in reversed(linecache.getlines(filename)[:line]):
        if text.strip().startswith("########"):
            return "TODO" in text and "END TODO" not in text
    return False


def _tried(error: BaseException) -> str:
    """What the code was kept from, where that is plain: "network", "process" or ""."""
    if isinstance(error, BlockingIOError):
        return "process"
    files = {os.path.basename(frame.filename) for frame in traceback.extract_tb(error.__traceback__)}
    return "network" if isinstance(error, OSError) and files & {"socket.py", "ssl.py"} else ""


def main(channel: socket.socket, folder: str) -> None:
    """Serve one submission. The process is already confined; `folder` holds the submission's copy."""
    os.chdir(folder)
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    Worker(channel, folder).serve()
