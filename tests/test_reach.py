"""Points for a device are taken off only where the code can run in grading; it is replaced everywhere."""

import pytest

from autograder.grading.prepare import prepare_files
from autograder.manifest import load_manifest
from autograder.submission.devices import devices_that_run
from autograder.submission.intake import Submission
from autograder.submission.reach import lines_that_run

MANIFEST = load_manifest("swiss_roll")
MAIN = "if __name__ == '__main__':\n"
LOAD = "    def load(self):\n        device = 1\n        return device\n"
MODULE = "import torch\n\n\nclass DiffusionModule(torch.nn.Module):\n    def q_sample(self, x0, t):\n        return {}\n"

RUNS = {
    "in a region": {"ddpm.py": MODULE.format("x0.cuda()")},
    "at the top of a file": {"ddpm.py": MODULE.format("x0") + "\nx = torch.zeros(3).cuda()\n"},
    "in a function that a region calls": {"ddpm.py": MODULE.format("place(x0)") + "\ndef place(x):\n    return x.cuda()\n"},
    "at second hand": {"ddpm.py": MODULE.format("a(x0)") + "def a(x):\n    return b(x)\ndef b(x):\n    return x.to('cuda')\n"},
    "in a method that a region calls": {"ddpm.py": MODULE.format("self.place(x0)") + "    def place(self, x):\n        return x.cuda()\n"},
    "in a method that Python calls": {"ddpm.py": MODULE.format("x0") + "    def __init__(self):\n        self.x = torch.ones(1).cuda()\n"},
    "in a module that is imported": {"ddpm.py": "from helper import f\n" + MODULE.format("f(x0)"), "helper.py": "def f(x):\n    return x.cuda()\n"},
    "by the module's name": {"ddpm.py": "import helper as h\n" + MODULE.format("h.f(x0)"), "helper.py": "def f(x):\n    return x.cuda()\n"},
    "in a package": {"ddpm.py": "from .p.q import f\n" + MODULE.format("f(x0)"), "p/q.py": "def f(x):\n    return x.cuda()\n", "p/__init__.py": ""},
    "at the top of a module": {"ddpm.py": "import helper\n" + MODULE.format("x0"), "helper.py": "import torch\nx = torch.ones(1).cuda()\n"},
    "in the other branch of the guard": {"ddpm.py": "import torch\nif __name__ == '__main__':\n    pass\nelse:\n    x = torch.ones(1).cuda()\n"},
    "unless it is the program": {"ddpm.py": "import torch\nif __name__ != '__main__':\n    x = torch.ones(1).cuda()\n"},
    "in a variable that a region uses": {"ddpm.py": "device = 'cuda:0'\n" + MODULE.format("x0.to(device)")},
    "in a default": {"ddpm.py": MODULE.format("place(x0)") + "def place(x, device='cuda'):\n    return x.to(device)\n"},
    "in a default that is made at once": {"ddpm.py": MODULE.format("x0") + "def unused(x=torch.ones(1).cuda()):\n    return x\n"},
    "in try": {"ddpm.py": "try:\n    import torch\n    x = torch.ones(1).cuda()\nexcept ImportError:\n    pass\n"},
}  # fmt: skip
RUNS_NOT = {
    "under the main guard": {"ddpm.py": MODULE.format("x0") + MAIN + "    device = 'cuda:0'\n    print(torch.ones(1).to(device))\n"},
    "turned round": {"ddpm.py": MODULE.format("x0") + "\nif '__main__' == __name__ and True:\n    torch.ones(1).cuda()\n"},
    "called under the main guard": {"ddpm.py": MODULE.format("x0") + "def main():\n    torch.ones(1).cuda()\n" + MAIN + "    main()\n"},
    "in else of its opposite": {"ddpm.py": "import torch\nif not __name__ == '__main__':\n    pass\nelse:\n    torch.ones(1).cuda()\n"},
    "in a file that nothing imports": {"ddpm.py": MODULE.format("x0"), "scratch.py": "import torch\nx = torch.ones(1).cuda()\n"},
    "imported by what nothing imports": {"ddpm.py": MODULE.format("x0"), "a.py": "import b\n", "b.py": "import torch\ntorch.ones(1).cuda()\n"},
    "imported under the main guard": {"ddpm.py": "if __name__ == '__main__':\n    import b\n", "b.py": "import torch\ntorch.ones(1).cuda()\n"},
    "in a function that nothing calls": {"ddpm.py": MODULE.format("x0") + "def train(device='cuda'):\n    return torch.ones(1).to('mps')\n"},
    "in a method that nothing calls": {"ddpm.py": MODULE.format("x0") + "    def demo(self):\n        return torch.ones(1).cuda()\n"},
    "in a class that nothing names": {"ddpm.py": MODULE.format("x0") + "class Trainer:\n    def __init__(self):\n        self.device = 'cuda'\n"},
    "in a variable, and one of the same name": {"ddpm.py": "device = 'cuda'\n" + MODULE.format("x0") + LOAD},
    "in a variable that only the program uses": {"ddpm.py": "device = 'cuda'\n" + MODULE.format("x0") + MAIN + "    print(device)\n"},
    "as a device that nothing uses": {"ddpm.py": "import torch\nDEVICE = torch.device('cuda:0')\n" + MODULE.format("x0")},
    "in a file that is no Python": {"ddpm.py": "x = y.cuda(\n"},
}  # fmt: skip


def files_of(case: dict[str, str]) -> dict[str, bytes]:
    return {name: text.encode() for name, text in case.items()}


@pytest.mark.parametrize("case", RUNS)
def test_a_device_in_code_that_runs_is_found(case: str) -> None:
    assert len(devices_that_run(files_of(RUNS[case]), MANIFEST)) == 1


@pytest.mark.parametrize("case", RUNS_NOT)
def test_a_device_in_code_that_never_runs_costs_nothing(case: str) -> None:
    files = files_of(RUNS_NOT[case])
    assert devices_that_run(files, MANIFEST) == []
    prepared, notices = prepare_files(MANIFEST, Submission("x", files, "", syntax_errors={}))
    assert not any(notice.deduction for notice in notices)
    if case != "in a file that is no Python":
        assert not any(b"cuda" in prepared[name] for name in files)  # replaced all the same


def test_devices_are_replaced_in_every_encoding() -> None:
    text = "# -*- coding: cp949 -*-\n# 확산\n" + MODULE.format("x0.cuda()")
    prepared, notices = prepare_files(MANIFEST, Submission("x", {"ddpm.py": text.encode("cp949")}, ""))
    assert b"x0.cpu()" in prepared["ddpm.py"]
    assert [notice.deduction for notice in notices if notice.kind == "hard_coded_device"] == [2.0]


def test_long_chains_of_functions_end() -> None:
    chain = "\n".join(f"def f{i}():\n    return f{i + 1}()" for i in range(20_000)) + "\nf0()\n"
    assert len(lines_that_run({"ddpm.py": chain.encode()}, MANIFEST)["ddpm.py"]) > 50
