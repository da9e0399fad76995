"""Devices written into code are found with their line, and replaced so that the rest runs on a CPU."""

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.manifest import load_manifest
from autograder.submission.devices import Finding, hard_coded_devices, on_cpu, without_hard_coded_devices

WRITTEN_IN = {  # code → what it becomes
    'x.to("cuda")': 'x.to("cpu")',
    "x.to('cuda:0')": 'x.to("cpu")',
    'x.to("mps", torch.float32)': 'x.to("cpu", torch.float32)',
    'x.to(device="cuda:1")': 'x.to(device="cpu")',
    "x.to(0)": 'x.to("cpu")',
    "x.cuda()": "x.cpu()",
    "x.cuda(0)": "x.cpu()",
    'x.cuda("cuda:1", non_blocking=True)': "x.cpu()",
    "x.cuda(self.rank)": "x.cpu()",
    "f(x.cuda().y, z.cuda())": "f(x.cpu().y, z.cpu())",
    'torch.device("cuda:1")': 'torch.device("cpu")',
    'torch.device("cuda", 1)': 'torch.device("cpu")',
    "x = f'''{'\x1b'}''' == y(z)\nx.cuda()": "x = f'''{'\x1b'}''' == y(z)\nx.cpu()",
    "torch.device(0)": 'torch.device("cpu")',
    'torch.zeros(3, device="mps")': 'torch.zeros(3, device="cpu")',
    "torch.zeros(3, device=0)": 'torch.zeros(3, device="cpu")',
    'torch.load(p, map_location="cuda:0")': 'torch.load(p, map_location="cpu")',
    'torch.load(p, "cuda")': 'torch.load(p, "cpu")',
    'torch.Generator("cuda").manual_seed(0)': 'torch.Generator("cpu").manual_seed(0)',
    'torch.set_default_device("cuda")': 'torch.set_default_device("cpu")',
    'torch.set_default_tensor_type("torch.cuda.FloatTensor")': 'torch.set_default_tensor_type("torch.FloatTensor")',
    "torch.cuda.FloatTensor(3)": "torch.FloatTensor(3)",
    "torch.cuda.set_device(0)": "(None)",
    "torch.cuda.synchronize()": "(None)",
    'DEVICE = "cuda"': 'DEVICE = "cpu"',
    'self.device = torch.device("cuda:0")': 'self.device = torch.device("cpu")',
    'device, steps = "cuda", 1000': 'device, steps = "cpu", 1000',
    'def f(x, device="cuda:0"): pass': 'def f(x, device="cpu"): pass',
    'def f(x, *, device: str = "mps") -> None: pass': 'def f(x, *, device: str = "cpu") -> None: pass',
    'f = lambda x, d="cuda": x': 'f = lambda x, d="cpu": x',
    'kwargs = {"device": "cuda", "cuda": 1}': 'kwargs = {"device": "cpu", "cuda": 1}',
    'x.to(f"cuda:{rank}")': 'x.to("cpu")',
    'x.to("cu" "da")': 'x.to("cpu")',
    'x.to(r"""cuda""")': 'x.to("cpu")',
    'ä = "ü"; x = "é".join(y).to("cuda", ñ)': 'ä = "ü"; x = "é".join(y).to("cpu", ñ)',
    'x = a if big else b.to("cuda")': 'x = a if big else b.to("cpu")',
    'x = [b.to("cuda") for b in y]': 'x = [b.to("cpu") for b in y]',
    "if fast:\n    x = x.cuda()": "if fast:\n    x = x.cpu()",
    "while not_available(x):\n    x = x.cuda()": "while not_available(x):\n    x = x.cpu()",
    'assert torch.cuda.is_available()\nx.to("cuda")': 'assert torch.cuda.is_available()\nx.to("cpu")',
    "x = (y\n  .cuda(\n    0,  # first\n  )\n  .z)": "x = (y\n  .cpu(\n\n)\n  .z)",
    'x.to("cu"\n     "da")': 'x.to("cpu"\\\n)',
    'x = "cu" \\\n  "da"\ny = 1': 'x = "cpu"\\\n\ny = 1',
    "torch.cuda \\\n .FloatTensor(3)": "torch.FloatTensor\\\n(3)",
    'x = 1\r\ny.to("cuda")\r\n': 'x = 1\r\ny.to("cpu")\r\n',
    "x = 1\ry.cuda()\r": "x = 1\ry.cpu()\r",
    "\ufeffx.cuda()": "\ufeffx.cpu()",
    "x = 1\n\f\nx.cuda()": "x = 1\n\f\nx.cpu()",
    "with torch.no_grad():\n\tx.cuda()": "with torch.no_grad():\n\tx.cpu()",
    "x.to(  # the first one\n    0)": 'x.to(  # the first one\n    "cpu")',
    'x.to("cu"  # the first\n     "da")': 'x.to("cpu"\\\n)',
    'async def f():\n    await x.to("cuda")': 'async def f():\n    await x.to("cpu")',
    'match y:\n    case "cuda":\n        x.cuda()': 'match y:\n    case "cuda":\n        x.cpu()',
}

ASKED = [
    'd = "cuda" if torch.cuda.is_available() else "cpu"',
    'd = torch.device("cuda:0" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu")',
    'd = "cpu" if not torch.cuda.is_available() else "cuda"',
    'd = torch.cuda.is_available() and "cuda" or "cpu"',
    'd = ["cpu", "cuda"][torch.cuda.is_available()]',
    'd = {True: "cpu"}\nif torch.cuda.is_available():\n    d = "cuda"\nelse:\n    d = "mps"',
    "if torch.cuda.is_available():\n    for b in y:\n        b = b.cuda()",
    'if torch.cuda.device_count() > 1 and big:\n    x = x.to("cuda:1")',
    'use = torch.cuda.is_available()\nd = "cuda" if use else "cpu"',
    "self.use = torch.cuda.is_available() and not cpu\nif self.use:\n    x = x.cuda()",
    "gpu: bool = torch.cuda.is_available()\nother = not gpu\nif not other:\n    x.cuda()",
    "if (gpu := torch.cuda.is_available()):\n    pass\nif gpu:\n    x.cuda()",
    "def f(x, gpu=torch.cuda.is_available()):\n    return x.cuda() if gpu else x",
    "def gpu():\n    return torch.cuda.is_available()\n\n\nx = y.cuda() if gpu() else y",
    "class A:\n    def gpu(self):\n        return torch.cuda.is_available()\n\n    def f(self, x):\n        return x.cuda() if self.gpu() else x",
    'd = torch.device("cuda" if torch.cuda.is_available() else "cpu")\nif d.type == "cuda":\n    x = x.cuda()',
    'def device():\n    if not torch.cuda.is_available():\n        return "cpu"\n    return "cuda"',
    'if hasattr(torch.backends, "mps") and torch.backends.mps.is_available():\n    d = "mps"',
    'd = "cuda" if torch.accelerator.is_available() else "cpu"',
    # no device is meant
    '"""cuda"""',
    'if x.device.type == "cuda":\n    pass',
    'if x.device == torch.device("cuda"):\n    pass',
    'if "cuda" in str(x.device) or name.startswith("cuda"):\n    pass',
    'print("cuda"); print(f"cuda:{i}")',
    'raise ValueError("cuda")',
    'with torch.autocast("cuda"):\n    pass',
    'with torch.autocast(device_type="cuda"):\n    pass',
    'for name in ("cuda", "mps", "cpu"):\n    pass',
    'parser.add_argument("--device", choices=["cpu", "cuda"])',
    'x = table["cuda"]',
    "torch.cuda.manual_seed_all(0); torch.cuda.empty_cache()",
    'x.to("cpu"); x.cpu(); torch.zeros(3, device=x.device); x.to(torch.float32)',
    "cuda = 1; mps(cuda)",
    "# x.cuda()",
    'name = "barracuda"; path = "cuda/kernels"',
    'def f(x: "cuda") -> "mps": pass',
]


@pytest.mark.parametrize("code", WRITTEN_IN)
def test_a_device_written_into_the_code_is_found_and_replaced(code):
    assert hard_coded_devices(code), code
    replaced = without_hard_coded_devices(code)
    assert replaced == WRITTEN_IN[code]
    assert hard_coded_devices(replaced) == []
    assert replaced.count("\n") + replaced.count("\r") == code.count("\n") + code.count("\r")
    ast.parse(replaced.removeprefix("\ufeff"))


@pytest.mark.parametrize("code", ASKED)
def test_code_that_asks_or_means_no_device_is_left_alone(code):
    assert hard_coded_devices(code) == []
    assert without_hard_coded_devices(code) == code


def test_findings_name_each_line_once_and_as_it_stands():
    code = 'import torch\n\n\nx = a.cuda()\ny = b.to("cuda"), c.to("cuda")\nz = "' + "z" * 300 + '", d.cuda()\n'
    findings = hard_coded_devices(code)
    assert findings[:2] == [Finding(4, "x = a.cuda()"), Finding(5, 'y = b.to("cuda"), c.to("cuda")')]
    assert findings[2].line == 6
    assert len(findings[2].text) <= 160
    assert hard_coded_devices('x = "\x1b[31m\u202e".y(z.cuda())')[0].text.isprintable()


def test_a_device_inside_the_braces_of_an_f_string_is_listed_only():
    code = "y = 1\nx = f\"{model.to('cuda')}\"\n"
    assert [finding.line for finding in hard_coded_devices(code)] == [2]
    assert without_hard_coded_devices(code) == code


@pytest.mark.parametrize("code", ["def f(:\n", "x.cuda(", "x\0y.cuda()", "(" * 1000, "x.cuda()" + "+1" * 20_000, ""])
def test_what_is_not_python_is_left_alone(code):
    assert hard_coded_devices(code) == []
    assert without_hard_coded_devices(code) == code


def test_the_solutions_are_free_of_devices():
    manifest = load_manifest("swiss_roll")
    for name in (*manifest.files.todo, *manifest.files.given):
        assert hard_coded_devices((manifest.solution / name).read_text(encoding="utf-8")) == []


def test_what_was_replaced_runs_on_a_cpu():
    torch = pytest.importorskip("torch")
    code = """
import torch
torch.cuda.set_device(0)
device = "cuda:0"
layer = torch.nn.Linear(2, 2).cuda()
x = torch.ones(3, 2, device=device).to(torch.device("cuda", 1))
result = layer(x.cuda(non_blocking=True)).to(f"cuda:{0}")
"""
    scope: dict[str, object] = {}
    exec(without_hard_coded_devices(code), scope)
    assert isinstance(scope["result"], torch.Tensor)
    assert scope["result"].device.type == "cpu"


def test_files_keep_their_encoding():
    files = {
        "utf8.py": "x = 'ü'.to('cuda')\n".encode(),
        "mark.py": b"\xef\xbb\xbfx.cuda()\n",
        "latin.py": "# coding: latin-1\nx = 'ü'.to('cuda')\n".encode("latin-1"),
        "broken.py": b"x.cuda(\n",
        "binary.py": b"\0x.cuda()\n",
        "fine.py": b"x = 1\r\n",
    }
    assert on_cpu(files) == files | {
        "utf8.py": "x = 'ü'.to(\"cpu\")\n".encode(),
        "mark.py": b"\xef\xbb\xbfx.cpu()\n",
        "latin.py": "# coding: latin-1\nx = 'ü'.to(\"cpu\")\n".encode("latin-1"),
    }


CODES = [code for code in [*WRITTEN_IN, *ASKED] if "\r" not in code and "\ufeff" not in code]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(CODES), max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_replacing_keeps_lines_and_leaves_nothing_to_replace(codes, newline):
    code = "\n".join(codes).replace("\n", newline)
    replaced = without_hard_coded_devices(code)
    assert replaced.count("\n") == code.count("\n")
    assert hard_coded_devices(replaced) == []
    ast.parse(replaced)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80) | st.text(alphabet="x.cuda()\"' \n\\f{}:=0", max_size=40))
def test_any_text_is_taken(text):
    replaced = without_hard_coded_devices(text)
    assert len(replaced.split("\n")) >= len(text.split("\n"))
    hard_coded_devices(text)
