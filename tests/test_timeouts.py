"""A time-out says what the code was doing, and blames a loop only where one stands in what ran. Compilers of torch are switched off."""

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from autograder import timeouts
from autograder.grading.late import late as read_elsewhere
from autograder.grading.session import Grading, Options
from autograder.limits import Limits
from autograder.manifest import load_manifest
from autograder.sandbox import paths
from autograder.sandbox.failures import StudentFailure
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.proxies import Student
from autograder.sandbox.wire import Ref
from autograder.submission import bounded
from autograder.submission.intake import Submission, digest_of
from autograder.timeouts import late


def call(path: str) -> dict[str, Any]:
    return {"op": "call", "fields": {"target": Ref(1), "path": path, "args": [], "kwargs": {}}}


def load(module: str) -> dict[str, Any]:
    return {"op": "import", "fields": {"module": module}}


CODE = b"""import utils
from numba import njit

TABLE = {n: n for n in range(3)}


class Module:
    def __init__(self):
        self.table = TABLE

    def sample(self, x):
        return self.step(x)

    def step(self, x):
        while True:
            x = x + 1

    def q_sample(self, x):
        return x.sleep(100)

    def fast(self, x):
        return njit(x)
"""


@pytest.mark.parametrize(
    ("requests", "sentence"),
    [
        ([call("step")], r"Calling step did not finish within 20 seconds .*look for a loop .* in ddpm\.py, line 15\.$"),
        ([call("sample")], r"Calling sample .*look for a loop .* in ddpm\.py, line 15\.$"),
        ([call("Module.step")], r"Calling step .*line 15"),
        ([call("q_sample")], r"Calling q_sample .*there is no loop in it"),
        ([call("Module"), call("q_sample")], r"Calling Module or q_sample .*there is no loop"),
        ([call("fast")], r"it compiles code \(ddpm\.py, line 22\)"),
        ([call("q_sample"), load("torch")], r"Calling q_sample .*there is no loop"),
        ([load("broken")], r"Importing broken\.py .*there is no loop"),
        ([load("plain")], r"Importing plain\.py .*there is no loop"),
        ([load("package")], r"Importing package/__init__\.py .*loop outside of the functions .* in utils\.py, line 1\.$"),
        ([{"op": "train", "fields": {}}], r"Calling compute_loss or forward .*there is no loop"),
        ([{"op": "get", "fields": {"path": "x"}}], r"Your code did not finish"),
    ],
)  # fmt: skip
def test_a_loop_is_blamed_only_where_there_is_one(requests: list[dict[str, Any]], sentence: str) -> None:
    files = {
        "ddpm.py": CODE,
        "utils.py": b"for _ in iter(int, 1):\n    pass\n",
        "broken.py": b"def f(:\n",
        "plain.py": b"import time\ntime.sleep(1000)\ndef f():\n    while True: pass\n",
        "package/__init__.py": b"import utils\n",
        "notes.txt": b"while True: pass",
    }
    text = late(requests, files, 20.0)
    assert re.search(sentence, text), text
    assert text.endswith(".")
    assert "\n" not in text


def test_paths_of_this_machine_are_cut_and_others_are_left() -> None:
    import os
    import typing

    import torch

    lines = [
        f"cannot import name 'f' from 'typing' ({typing.__file__})",
        f"{torch.__file__}:3: UserWarning",
        "No such file: '/home/jane/data.csv'",
        f"{paths.REPOSITORY}/autograder/cli.py",
        f"{paths.REPOSITORY}-copy/x",
    ]
    assert paths.without_our_places("\n".join(lines)).splitlines() == [
        "cannot import name 'f' from 'typing' (typing.py)",
        "torch/__init__.py:3: UserWarning",
        "No such file: '/home/jane/data.csv'",
        "autograder/cli.py",
        f"{paths.REPOSITORY}-copy/x",
    ]
    assert os.sep not in paths.without_our_places(os.__file__)


COMPILED = {
    "decorator": "@torch.compile\ndef f(x):\n    return x * 2",
    "decorator with options": "@torch.compile(mode='max-autotune', fullgraph=True)\ndef f(x):\n    return x * 2",
    "call": "def g(x):\n    return x * 2\nf = torch.compile(g, backend='inductor')",
    "torch.compiler": "f = torch.compiler.compile(lambda x: x * 2)",
    "a method": "class C:\n    @torch.compile(dynamic=True)\n    def f(self, x):\n        return x * 2\nf = C().f",
    "a module": "net = torch.nn.Linear(2, 2)\nassert torch.compile(net) is net\nassert net._orig_mod is net\n"
    "assert list(net.state_dict()) == ['weight', 'bias']\ndef f(x):\n    return x * 2",
    "Module.compile": "class N(torch.nn.Module):\n    def forward(self, x):\n        return x * 2\nf = N()\nf.compile(mode='default')",
    "a compiled module in another": "class N(torch.nn.Module):\n    def forward(self, x):\n        return x * 2\n"
    "class M(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.n = torch.compile(N())\n"
    "    def forward(self, x):\n        return self.n(x)\nf = copy.deepcopy(M())\nassert [n for n, _ in f.named_modules()] == ['', 'n']",
    "script": "@torch.jit.script\ndef f(x):\n    return x * 2",
    "script that cannot be scripted": "@torch.jit.script\ndef f(x, *rest, **more):\n    return x * 2",
    "trace": "f = torch.jit.trace(lambda x: x * 2, torch.zeros(2))",
    "freeze": "f = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.script(torch.nn.Identity().eval())))\n"
    "g = f\nf = lambda x: g(x) * 2",
    "a ScriptModule": "class N(torch.jit.ScriptModule):\n    @torch.jit.script_method\n    def forward(self, x):\n        return x * 2\nf = N()",
    "dynamo": "import torch._dynamo\ntorch._dynamo.config.suppress_errors = True\ntorch._dynamo.reset()\n"
    "f = torch._dynamo.optimize('inductor')(lambda x: x * 2)",
    "asked for": "assert not torch.compiler.is_compiling()\n@torch.compiler.disable\ndef f(x):\n    return x * 2",
}  # fmt: skip
RUNS_COMPILER = {"dynamo", "asked for"}  # these name the compiler's own module, whose import takes some seconds


@pytest.fixture(scope="module")
def plain_sandbox() -> Iterator[Sandbox]:
    """One in which nothing has been imported for code that wanted it, as torchvision, which brings the compiler along."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.mark.parametrize("form", COMPILED)
def test_compilers_are_switched_off_in_the_worker(form: str, plain_sandbox: Sandbox) -> None:
    """Every form runs eagerly, and none but those that ask for it imports the compiler."""
    code = f"import copy, sys\nimport torch\n{COMPILED[form]}\ndef compilers():\n    return 'torch._dynamo' in str([*sys.modules])\n"
    code += "def double(x):\n    return f(x)\n"
    with plain_sandbox.lane() as lane:
        student = Student(lane, {"work.py": code.encode()}, Limits(seconds_per_call=120.0))
        module = student.module("work")
        assert module.call("double", [1.0, 2.0]) == [
            1.0,
            2.0,
            1.0,
            2.0,
        ]  # a list times two: nothing was compiled for tensors
        assert form in RUNS_COMPILER or module.call("compilers") is False
        student.fresh()


@pytest.mark.parametrize("kernel", [15, 33])
def test_a_blur_in_half_precision_ends(kernel: int, sandbox: Sandbox) -> None:
    """On a processor with AVX512-FP16 it does not, where oneDNN takes all instructions that there are; see eager.py."""
    code = b"import torch\ndef blur(x, kernel):\n    return torch.nn.functional.conv2d(x.half(), kernel.half(), groups=3, padding='same').float()\n"
    x, weights = np.ones((1, 3, 64, 64), dtype=np.float32), np.full((3, 1, kernel, kernel), 1 / kernel**2, dtype=np.float32)
    with sandbox.lane() as lane:
        student = Student(lane, {"work.py": code}, Limits(seconds_per_call=30.0))
        blurred = student.module("work").call("blur", x, weights)
        student.fresh()
    assert blurred[0, :, 32, 32] == pytest.approx(1, abs=0.01)


def test_no_path_of_this_machine_comes_out_of_a_worker(sandbox: Sandbox) -> None:
    code = (
        b"import warnings, traceback, typing, torch\ndef f():\n    print(typing.__file__, __file__, torch.__file__)\n"
    )
    code += b"    try:\n        torch.zeros(2) @ torch.zeros(3)\n    except Exception: traceback.print_exc()\n"
    code += b"    torch.nn.Linear(2, 2)(torch.zeros(3))\ndef g():\n    from typing import nonsense\n"
    with sandbox.lane() as lane:
        student = Student(lane, {"work.py": code}, Limits())
        said = ""
        for function in ("f", "g"):
            with pytest.raises(StudentFailure) as failure:
                student.module("work").call(function)
            said += str(failure.value)
        said += student.collect_printed()
        student.fresh()
    assert "typing.py" in said
    assert "work.py" in said
    assert not re.search(r"(?<![\w.])/(usr|root|home|work|tmp|opt|lib|var)/", said), said


def test_the_grader_does_not_read_what_was_late_in_its_own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = [{"op": "call", "fields": {"path": "q_sample"}}]
    loop = b"def q_sample(x):\n    while True:\n        pass\n"
    said = timeouts.late(requests, {"ddpm.py": loop}, 20.0)
    assert "such as that in ddpm.py, line 2" in said
    monkeypatch.setattr(timeouts, "_parsed", lambda files: 1 / 0)  # here; the reader is another process
    assert read_elsewhere(requests, {"ddpm.py": loop, "model.ckpt": b"x" * 1000}, 20.0) == said
    monkeypatch.setattr(bounded, "BOUNDS", bounded.Bounds(processor_seconds=1, seconds=600, megabytes=8192))
    costly = b"a = [" + b"(1,)," * 4_000_000 + b"]\n"
    assert "takes too long to read" in read_elsewhere(requests, {"ddpm.py": costly}, 20.0)


@pytest.mark.slow
def test_a_grading_asks_the_reader(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = load_manifest("swiss_roll")
    manifest = dataclasses.replace(manifest, limits=dataclasses.replace(manifest.limits, seconds_per_call=2.0))
    files = {name: (manifest.solution / name).read_bytes() for name in manifest.files.todo}
    files["network.py"] += b"\n\ndef wait(self, x, t):\n    while True:\n        pass\n\n\nSimpleNet.forward = wait\n"
    monkeypatch.setattr(timeouts, "_parsed", lambda files: 1 / 0)
    options = Options(train=False, task="1-1", hints="none")
    verdict = Grading(
        manifest, Submission("x", files, digest_of(files)), options, sandbox, b"a secret of sixteen"
    ).run()
    assert any("did not finish within 2 seconds" in check.message for check in verdict.checks)
