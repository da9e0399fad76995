"""Python newer than the grader's is told from plain mistakes, by a Python that can read it and by one that cannot."""

import ast
import importlib
import sys
import tomllib
from pathlib import Path

import pytest

from autograder.newer_python import GRADER, MODULES, NAMES, Newer, newer_names, newer_syntax, since, why_not_parsed
from autograder.places import REPOSITORY

NEWER = {  # text → (line, since)
    "def f[T](x: T) -> T:\n    return x\n": (1, (3, 12)),
    "x = 1\n\nasync def f[T: (int, str), *Ts, **P](x):\n    return x\n": (3, (3, 12)),
    "class Box[T](list[T]):\n    pass\n": (1, (3, 12)),
    "class Box[\n    T,\n]:\n    pass\n": (1, (3, 12)),
    "class A:\n    @staticmethod\n    def f[T](x): return x\n": (3, (3, 12)),
    "def f[T = int](x): return x\n": (1, (3, 13)),
    "type Shape = tuple[int, ...]\n": (1, (3, 12)),
    "if True: type Pair[T] = tuple[T, T]\n": (1, (3, 12)),
    "names = ['a']\nprint(f\"{', '.join(f\"{n}\" for n in names)}\")\n": (2, (3, 12)),
    "d = {}\nx = f'{d['a']}'\n": (2, (3, 12)),
    "x = f\"{'\\n'.join([])}\"\n": (1, (3, 12)),
    "x = f'''{\n1  # one\n}'''\n": (1, (3, 12)),
    "x = f'{\n1\n}'\n": (1, (3, 12)),
    "x = f'{1:{'>'}{10}}'\n": (1, (3, 12)),
    "x = rf'{d['\\d']}'\n": (1, (3, 12)),
    "try:\n    pass\nexcept ValueError, TypeError:\n    pass\n": (3, (3, 14)),
    "try:\n    pass\nexcept* ValueError, a.B[1, 2]:\n    pass\n": (3, (3, 14)),
    "x = t'{1}'\n": (1, (3, 14)),
    "x = (tr'''{1}\n{2}''', 1)\n": (1, (3, 14)),
    "lazy import json\n": (1, (3, 15)),
    "lazy from json import loads\n": (1, (3, 15)),
}
BOTH = {  # newer, and mistaken further down: text → line of the newer construct
    "def f[T](x):\n    return x\n\ndef g(:\n    pass\n": 1,
}
NOT_NEWER = [  # mistakes in any Python
    "def f(x:\n    return x\n",
    "print(f\"{x\")\n",
    "print(f\"{x\")\ny = {}\n",
    "x = f'{1'\ny = 2\n",
    "x = f\"{a['b'}\"\n",
    "class C[T:\n    pass\n",
    "def f[T](x)\n    return x\n",
    "type Shape tuple\n",
    "x = 'abc\n",
    "try:\n    pass\nexcept ValueError, e:\n    print 'Python 2'\n",
    "print 'x'\n",
    "x = t 'y'\n",
    "for x in f[1]\n    pass\n",
    "!pip install torch\n",
]  # fmt: skip
PLAIN = [  # what every Python reads
    "x = f\"{', '.join(f'{n}' for n in names)}\"\n",
    "x = f'{x!r:>{width}}' f'{{}}' f'{x=}' f\"{x['a']:'>3}\"\n",
    "x = f'''{\nx}''' + f'\\n{x}' + rf'\\d{x}' + f'\\N{BULLET}'\n",
    "type = 3\ntype(x)\nx: type = int\ntype[0] = 1\n",
    "try:\n    pass\nexcept (A, B) as e:\n    pass\nexcept f(1, 2):\n    pass\n",
    "def f(x, y=[1]): return x[y]\nclass C(x[1]): pass\n",
    "# def f[T](x): pass\n'''\ntype X = int\ndef f[T](): pass\n'''\n",
    "x = {'a': 1}; t = 'x'; y = t\n",
    "match x:\n    case [a, b]:\n        pass\n",
]


@pytest.mark.parametrize("text", NEWER)
def test_newer_syntax_is_found_with_its_line_and_version(text: str) -> None:
    line, version = NEWER[text]
    found = newer_syntax(text, GRADER)
    assert (found[0].line, found[0].since) == (line, version)
    assert newer_syntax(text, version) == []
    sentence = found[0].sentence("ddpm.py", "3.11.7")
    assert f"ddpm.py, line {line}: " in sentence
    assert f"needs Python {version[0]}.{version[1]} or newer, and the grader has Python 3.11.7; " in sentence


@pytest.mark.parametrize("text", [*NEWER, *BOTH])
def test_it_is_named_by_a_python_that_cannot_read_it(text: str) -> None:
    running = sys.version_info[:2]
    line = BOTH.get(text) or NEWER[text][0]
    if text in NEWER and NEWER[text][1] <= running:
        ast.parse(text)
        return
    if text in BOTH and running >= (3, 12):
        return
    with pytest.raises(SyntaxError) as error:
        ast.parse(text)
    found = why_not_parsed(text, error.value, running)
    assert found is not None
    assert found.line == line


@pytest.mark.parametrize("text", NOT_NEWER)
def test_a_mistake_is_no_newer_python(text: str) -> None:
    with pytest.raises(SyntaxError) as error:
        ast.parse(text)
    assert why_not_parsed(text, error.value, GRADER) is None


@pytest.mark.parametrize("text", PLAIN)
def test_plain_python_holds_nothing_newer(text: str) -> None:
    ast.parse(text)
    assert newer_syntax(text, GRADER) == []


def test_the_whole_project_and_the_standard_library_hold_nothing_newer() -> None:
    """Every file that this Python parses holds no syntax that is newer than it."""
    paths = [*REPOSITORY.glob("autograder/**/*.py"), *REPOSITORY.glob("solutions/**/*.py")]
    paths += sorted(Path(ast.__file__).parent.glob("*.py"))
    for path in paths:
        found = newer_syntax(path.read_text(encoding="utf-8", errors="replace"), sys.version_info[:2])
        assert not found, (path.name, found[:1])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("from typing import override, TypedDict\n", ["typing.override"]),
        ("import itertools as it\nx = it.batched([], 2)\n", ["itertools.batched"]),
        ("import annotationlib\n", ["the module annotationlib"]),
        ("from concurrent import interpreters\n", ["concurrent.interpreters"]),
        ("from compression import zstd\n", ["the module compression"]),
        ("def f():\n    import math\n    return math.fma(1, 2, 3)\n", ["math.fma"]),
        ("try:\n    from typing import override\nexcept ImportError:\n    override = None\n", []),
        ("import sys\nif sys.version_info >= (3, 12):\n    from typing import override\n", []),
        ("from .typing import override\nimport math\nmath.sqrt(2)\nx.batched\n", []),
    ],
)  # fmt: skip
def test_newer_names_of_the_standard_library(text: str, what: list[str]) -> None:
    assert [find.what for find in newer_names(ast.parse(text), GRADER)] == what


def test_the_table_of_names_is_right_about_this_python() -> None:
    running = sys.version_info[:2]
    for module, names in NAMES.items():
        for name, version in names.items():
            assert hasattr(importlib.import_module(module), name) == (running >= version), (module, name)
            assert since(module, name) == version
    for name, version in MODULES.items():
        if running < version:
            with pytest.raises(ImportError):
                importlib.import_module(name)
    assert since("typing", "Protocol") == (0, 0)


def test_the_oldest_python_is_said_in_one_way() -> None:
    from autograder.bundle.make import PYTHON

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    oldest = ".".join(map(str, GRADER))
    assert project["project"]["requires-python"] == f">={oldest}"
    assert oldest == PYTHON


@pytest.mark.parametrize(
    "text", ["f'{" * 20_000, "f'{f\"{" * 5_000, "def f[" * 20_000, "type X[" * 20_000, "except a," * 20_000, "\\N{" * 9_999, "(" * 99_999]
)
def test_reading_ends_whatever_the_text_is(text: str) -> None:
    newer_syntax(text, GRADER)
    newer_syntax(text.replace("f[", "f[T]():0\n").replace("a,", "a,b:0\n"), GRADER)


def test_a_find_keeps_the_lines_below_it() -> None:
    text = "x = f'{\n1\n}'\ny = t'''\n'''\nz = (\n"
    assert [find.line for find in newer_syntax(text, GRADER)] == [1, 4]
    assert isinstance(newer_syntax(text, GRADER)[0], Newer)
