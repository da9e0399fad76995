"""A notebook as the submission: whatever was saved, its definitions become the modules, and what could not be taken is said."""

import ast
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.submission.notebook_modules import Module, Notebook, module_of
from autograder.submission.notebook_places import in_cells, place_of
from autograder.submission.notebook_wanted import Wanted
from autograder.submission.notebooks import Cell, CodeCell, NotANotebook, Written, as_python, code_cells, read_cells
from autograder.submission.python_text import decode
from tests.notebook_files import cell, notebook, text

HANDOUT = """
import torch

T = 400

def q_sample(x, t, noise):
    raise NotImplementedError

class Model:
    def forward(self, x):
        raise NotImplementedError
"""
ANSWER = "def q_sample(x, t, noise):\n    return x + T * noise\n"
MODEL = "class Model:\n    def forward(self, x):\n        return x\n"


def wanted(handout: str = HANDOUT, regions: tuple[str, ...] = ("q_sample", "Model.forward"), file: str = "ddpm.py", **more: object) -> Wanted:
    options = {"files": (file, "other.py"), "asked": frozenset(r.partition(".")[0] for r in regions), "packages": ("torch", "numpy"), **more}
    return Wanted(file, handout, regions, **options)  # type: ignore[arg-type]


def parts(*cells: str | dict[str, object]) -> list[CodeCell | Written]:
    return list(code_cells(read_cells("hw.ipynb", notebook(*cells))))


def made(*cells: str | dict[str, object], **more: object) -> Module:
    """The module ddpm.py of a notebook with these cells."""
    read = read_cells("hw.ipynb", notebook(*cells))
    code = [part for part in code_cells(read) if isinstance(part, CodeCell)]
    return module_of(Notebook(read, code), wanted(**more))  # type: ignore[arg-type]


def run(module: Module) -> dict[str, object]:
    """What the module's names are. Only for code of this test."""
    names: dict[str, object] = {"__name__": "ddpm"}
    exec(compile(module.content, "ddpm.py", "exec"), names)
    return names


# --- files that are notebooks, and files that are none ----------------------------------------------------------------


def test_source_may_be_a_list_or_a_string_and_the_file_may_begin_with_a_mark():
    both = notebook(cell("a = 1\nb = 2\n"), cell("a = 1\nb = 2\n", as_list=False))
    for content in (both, b"\xef\xbb\xbf" + both, both.decode().encode("utf-16")):
        assert [one.text for one in read_cells("hw.ipynb", content)] == ["a = 1\nb = 2\n"] * 2


def test_nbformat_3_is_read():
    old = {"nbformat": 3, "metadata": {}, "worksheets": [{"cells": [
        {"cell_type": "heading", "level": 1, "source": "Title"},
        {"cell_type": "code", "language": "python", "input": ["x = 1\n", "y = 2"], "outputs": []},
    ]}]}  # fmt: skip
    assert read_cells("hw.ipynb", json.dumps(old).encode())[1] == Cell(2, "code", "x = 1\ny = 2")


def test_outputs_of_many_megabytes_are_passed_over():
    output = {"output_type": "stream", "name": "stdout", "text": "step\n" * 4_000_000}
    assert [one.text for one in read_cells("hw.ipynb", notebook(cell("x = 1", outputs=[output])))] == ["x = 1"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"<!DOCTYPE html><html></html>", "is a web page"),
        (b"{\"cells\": [", "is damaged"),
        (b"[1, 2]", "holds no cells"),
        (b"{}", "holds no cells"),
        (notebook(metadata={"kernelspec": {"name": "ir", "display_name": "R"}}), "is a notebook in R"),
        (notebook(metadata={"language_info": {"name": "julia"}}), "is a notebook in julia"),
    ],
)
def test_what_is_no_notebook_in_python_is_one_sentence(content, says):
    with pytest.raises(NotANotebook, match=says) as raised:
        read_cells("hw.ipynb", content)
    assert str(raised.value).startswith("hw.ipynb")
    assert str(raised.value).endswith(".")


@pytest.mark.parametrize("metadata", [{}, {"kernelspec": {"name": "python3"}}, {"language_info": {"name": "ipython"}}, {"kernelspec": 3}])
def test_a_notebook_that_does_not_say_its_language_is_in_python(metadata):
    assert len(read_cells("hw.ipynb", notebook("x = 1", metadata=metadata))) == 1


def in_conflict(ours: str, theirs: str) -> bytes:
    lines = notebook("x = 1", "HERE").decode().split("\n")
    at = next(index for index, line in enumerate(lines) if "HERE" in line)
    return "\n".join([*lines[:at], "<<<<<<< HEAD", ours, "=======", theirs, ">>>>>>> other", *lines[at + 1 :]]).encode()


def test_a_merge_conflict_in_the_outputs_is_no_obstacle():
    both = '<<<<<<< HEAD\n"execution_count": 3,\n=======\n"execution_count": 7,\n>>>>>>> b'
    lines = notebook("x = 1").decode().replace('"execution_count": null,', both)
    assert [one.text for one in read_cells("hw.ipynb", lines.encode())] == ["x = 1"]


def test_a_merge_conflict_in_the_code_is_not_decided_for_the_student():
    with pytest.raises(NotANotebook, match="git left a merge conflict in line"):
        read_cells("hw.ipynb", in_conflict('"y = 1"', '"y = 2"'))


def test_marks_of_a_conflict_inside_a_cell_cost_that_cell_only():
    broken, fine = parts("<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> b", "y = 1")
    assert "git left a merge conflict" in broken.error
    assert fine.tree is not None


# --- what only a notebook understands ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    ["%matplotlib inline", "!pip install -q \"x", "!wget https://example.org/it's", "pip install x", "torch.nn?", "?torch", "files = !ls",
     "%load_ext autoreload\n%autoreload 2", "if True:\n    !ls\n", "!pip install a \\\n   b \\\n   c", "%cd /content", "cd /content/drive"],
)  # fmt: skip
def test_commands_are_left_out_and_lines_keep_their_numbers(command):
    (read,) = parts(f"{command}\ndef f():\n    return 1")
    assert read.tree is not None
    assert read.text.split("\n").index("def f():") == f"{command}\ndef f()".split("\n").index("def f()")


def test_the_same_signs_in_strings_and_formulas_stay():
    source = 'note = """\n!pip install x\n%matplotlib\n"""\nrest = (7\n % 4)\n'
    (read,) = parts("%matplotlib inline\n" + source)
    assert ast.dump(read.tree.body[1]) == ast.dump(ast.parse(source).body[0])
    assert ast.dump(read.tree.body[2]) == ast.dump(ast.parse(source).body[1])


@pytest.mark.parametrize(
    "head",
    ["%%capture\n", "%%time\n", "%%capture out\n%%time\n", '#@title Forward { display-mode: "form" }\n%%capture\n', "\n%%time\n"],
)
def test_a_definition_below_a_cell_magic_counts(head):
    assert run(made(head + ANSWER, "T = 2"))["q_sample"](1, 0, 3) == 7


@pytest.mark.parametrize("magic", ["%%bash", "%%html", "%%javascript", "%%R", "%%latex", "%%script echo"])
def test_a_cell_in_another_language_is_left_out(magic):
    assert parts(f"{magic}\nls (") == []


def test_a_timed_statement_counts():
    assert run(made("%time T = 3", ANSWER))["T"] == 3


def test_a_file_that_a_cell_writes():
    assert parts("%%writefile src/model.py\nx = 1\n") == [Written(("src", "model.py"), 1, 2, "x = 1\n")]
    assert parts("%%writefile -a 'model.py'\ny = 1")[0].appends


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="%!?=()[]{}:'\"#\\\n abx1,.<>", max_size=60))
def test_any_text_of_a_cell_is_read(source):
    as_python(1, source)


# --- from cells to a module -------------------------------------------------------------------------------------------


def test_what_the_file_needs_comes_and_nothing_else():
    module = made(
        "from google.colab import drive\ndrive.mount('/content/drive')",
        "import torch\nimport wandb, math\nimport torch.nn as nn\nassert torch.cuda.is_available()\nassert 'cuda' == 'cuda'",
        "T = 1000 #@param {type:\"integer\"}\nlr = 1e-3",
        "def scale():\n    return math.sqrt(T)",
        "def q_sample(x, t, noise):\n    return x + scale() * noise",
        MODEL,
        "model = Model()\nfor epoch in range(10):\n    loss = model(x)\n    loss.backward()\n    plt.plot(loss)\nplt.show()",
    )
    code = module.content.decode()
    assert [word for word in ("drive", "wandb", "assert", "epoch", "lr", "plt", "as nn") if word in code] == []
    assert run(module)["q_sample"](1.0, 0, 1.0) == pytest.approx(1 + 1000**0.5)
    assert module.remarks == []


@pytest.mark.parametrize(
    ("cells", "T"),
    [
        (["T = 3"], 3),
        (["T = 3\nT = 5"], 5),
        (["T = 3\nT += 4"], 7),
        (["T: int = 3"], 3),
        (["a, T = 1, 3"], 3),
        (["a = T = 3"], 3),
        (["if True:\n    T = 3\nelse:\n    T = 4"], 3),
        (["try:\n    T = missing\nexcept NameError:\n    T = 3"], 3),
        (["for i in range(4):\n    T = i"], 3),
        (["T = 1; S = 2; T = S + 1"], 3),
        (["if __name__ == '__main__':\n    T = 3\n    train()"], 3),
        (["if __name__ == '__main__': T = 3"], 3),
        (["with open_nothing() as f:\n    T = f", "import contextlib\ndef open_nothing():\n    return contextlib.nullcontext(3)"], 3),
        (["S = 3\nT = S\nS = 9\n"], 3),
    ],
)
def test_a_constant_is_what_it_is_in_the_notebook(cells, T):
    assert run(made(*cells, ANSWER))["T"] == T


def test_tables_that_statements_fill_are_filled():
    module = made(
        "betas = [0.1] * 4\nbetas[0] = 0.5\nT = []\nfor beta in betas:\n    T.append(1 - beta)\nprint(T)",
        "def q_sample(x, t, noise):\n    return x * T[t]",
    )
    assert run(module)["q_sample"](2.0, 0, None) == 1.0
    assert b"print" not in module.content


def test_cells_may_stand_in_another_order_than_they_ran():
    forward = "def q_sample(x, t, noise):\n    return table[t]"
    module = made("table = [2 * i for i in range(T)]", forward, "T = steps() + 1", "def steps():\n    return 9")
    assert run(module)["q_sample"](0, 9, 0) == 18


def test_annotations_may_name_what_comes_later():
    assert run(made("def q_sample(x: Tensor, t, noise) -> Unet:\n    return x", "class Unet: pass"))["q_sample"](5, 0, 0) == 5


def test_a_package_of_the_assignment_that_no_cell_imports_is_there():
    assert run(made("def q_sample(x, t, noise):\n    return numpy.float64(x)"))["q_sample"](1, 0, 0) == 1


@pytest.mark.parametrize(
    "source",
    [
        "import functools\n@functools.cache\ndef q_sample(x, t, noise):\n    return x",
        "def twice(f):\n    return f\n@twice\n@twice\ndef q_sample(x, t, noise):\n    return x",
        "if True:\n    def q_sample(x, t, noise):\n        return x\n    train(1)",
        "try:\n    def q_sample(x, t, noise):\n        return x\nfinally:\n    print(1)",
        "for epoch in loader:\n    def q_sample(x, t, noise):\n        return x\n    loss.backward()",
        "while True:\n    @staticmethod\n    def other(): pass\n    def q_sample(x, t, noise):\n        return x\n    break",
        "with torch.no_grad():\n    def q_sample(x, t, noise):\n        return x",
        "q_sample = lambda x, t, noise: x",
        "def q_sample(x, t, noise): return x",
        "from IPython.display import display, clear_output\ndef q_sample(x, t, noise):\n    clear_output(wait=True)\n    display(x)\n    return x",
        "from tqdm.notebook import tqdm\ndef q_sample(x, t, noise):\n    return [x for _ in tqdm(range(1), disable=True)][0]",
        "from math import *\ndef q_sample(x, t, noise):\n    return x * cos(0)",
        "def q_sample(x, t, noise):\n    def helper(x):\n        return x\n    return helper(x)",
        "def base(x, t, noise):\n    return x\ndef wrap(f):\n    return lambda *a: f(*a)\nq_sample = wrap(base)",
        "def q_sample(x, t, noise):\n    return x\nq_sample = (lambda f: f)(q_sample)",
        "def q_sample(x, t, noise):\n    return x\n    raise NotImplementedError('TODO')",
    ],
)
def test_a_definition_counts_however_it_stands(source):
    assert run(made("%matplotlib inline", source, "x = loader\nnoise = 3"))["q_sample"](5, 0, 0) == 5


def test_a_method_that_is_put_into_its_class_later_is_there():
    module = made(MODEL, "def better(self, x):\n    return 2 * x\nModel.forward = better", "setattr(Model, 'extra', better)")
    assert run(module)["Model"]().forward(2) == 4
    assert run(module)["Model"]().extra(2) == 4


def test_a_class_that_extends_itself_in_a_later_cell():
    module = made(MODEL, "class Model(Model):\n    def forward(self, x):\n        return 1 + super().forward(x)")
    assert run(module)["Model"]().forward(2) == 3


def test_what_the_handout_gives_and_the_notebook_lacks_is_the_handouts():
    module = made("from ddpm import T, extract\nimport ddpm", ANSWER)
    assert run(module)["q_sample"](1, 0, 1) == 401
    assert b"class Model" not in module.content
    given = "import math\nSCALE = 2\ndef extract(x):\n    return SCALE * math.floor(x)\n" + HANDOUT
    module = made("def q_sample(x, t, noise):\n    return extract(x)", "SCALE = 5", handout=given)
    assert run(module)["q_sample"](1.5, 0, 0) == 5
    assert place_of(module.content.decode().split("\n").index("    return SCALE * math.floor(x)") + 1, module.origins)[0] == 0


def test_a_comment_about_the_encoding_decides_nothing():
    module = made("# -*- coding: cp1252 -*-\nNAME = 'é'\ndef q_sample(x, t, noise):\n    return NAME")
    assert run(module)["q_sample"](0, 0, 0) == "é"
    assert decode("ddpm.py", module.content)[1] == "utf-8"


def test_a_future_import_of_a_cell_is_no_trouble():
    assert run(made("from __future__ import annotations, division\nT = 1", "from __future__ import print_function", ANSWER))["T"] == 1


def test_a_local_name_brings_no_statement_along():
    module = made("x = next(iter(loader))\nnoise = train(x)", ANSWER, "T = 1")
    assert b"loader" not in module.content


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("T = datasets.MNIST('data', download=True)", "downloads"),
        ("T = Pipeline.from_pretrained('x')", "downloads"),
        ("def fit(m):\n    m.loss().backward()\nT = fit(1)", "trains"),
        ("def one(m):\n    m.backward()\ndef fit(m):\n    one(m)\nT = fit(1)", "trains"),
        ("T = input('how many?')", "works in a notebook only"),
        ("S = Pipeline.from_pretrained('x')\nT = S.steps", "needs S"),
    ],
)
def test_what_trains_downloads_or_asks_is_left_out_and_said_where_it_is_missed(line, why):
    module = made("# first", line, ANSWER)
    assert b"\nT =" not in module.content
    assert len(module.remarks) == 1
    assert module.remarks[0].startswith(f"cell 2, line {len(line.splitlines())}: T was left out, since this line {why}")


def test_where_an_earlier_value_is_there_training_leaves_it():
    module = made("T = 3", "def fit(x):\n    x.backward()\n    return x\nT = fit(T)", ANSWER)
    assert run(module)["T"] == 3


def test_of_a_name_defined_twice_the_last_counts_and_it_is_said():
    module = made("T = 1", ANSWER, ANSWER.replace("+", "-"))
    assert run(module)["q_sample"](1, 0, 1) == 0
    assert module.remarks == ["q_sample is defined in cells 2 and 3; for ddpm.py that of cell 3 was taken, which is the last one."]


def test_the_same_cell_twice_is_not_worth_a_word():
    assert made("T = 1", ANSWER, ANSWER + "# again").remarks == []


PLAIN = "def ddpm_forward(unet, schedule, x_0, T):\n    return 'plain', scale()\n"
LABELLED = "def ddpm_forward(unet, schedule, x_0, c, p_uncond, T):\n    return 'labelled', scale()\n"
SCALES = ["def scale():\n    return 1", "def scale():\n    return 2"]


@pytest.mark.parametrize("cells", [(SCALES[0], PLAIN, SCALES[1], LABELLED), (SCALES[0], PLAIN, LABELLED, SCALES[1])])
def test_a_file_gets_the_definition_whose_arguments_fit(cells):
    plain = made(*cells, handout=PLAIN, regions=("ddpm_forward",), file="time_conditional.py")
    labelled = made(*cells, handout=LABELLED, regions=("ddpm_forward",), file="class_conditional.py")
    assert run(plain)["ddpm_forward"](0, 0, 0, 0)[0] == "plain"
    assert run(labelled)["ddpm_forward"](0, 0, 0, 0, 0, 0) == ("labelled", 2)
    if cells[2] == LABELLED:  # the helper was defined anew after the first part of the notebook
        assert run(plain)["ddpm_forward"](0, 0, 0, 0) == ("plain", 1)
    assert "that of cell 2 was taken, which has the arguments" in plain.remarks[0]


def test_the_second_may_have_another_name():
    other = LABELLED.replace("ddpm_forward", "ddpm_forward_class")
    module = made(SCALES[0], PLAIN, other, handout=LABELLED, regions=("ddpm_forward",), file="class_conditional.py")
    assert run(module)["ddpm_forward"](0, 0, 0, 0, 0, 0)[0] == "labelled"
    assert "ddpm_forward_class in cell 3 has the arguments of ddpm_forward" in module.remarks[0]


def test_of_classes_the_one_whose_methods_fit():
    first = "class DDPM:\n    def forward(self, x):\n        return 1\n"
    second = "class DDPM:\n    def forward(self, x, c):\n        return 2\n"
    for handout, answer in ((first, 1), (second, 2)):
        module = made(first, second, handout=handout, regions=("DDPM.forward",))
        assert run(module)["DDPM"]().forward(*[0] * answer) == answer


def test_imports_of_files_that_the_notebook_defines_itself_are_left_out():
    module = made("from ddpm import q_sample, T\nfrom other import helper", "T = 2", ANSWER, "def helper(): pass", MODEL)
    assert b"from ddpm" not in module.content
    assert run(module)["q_sample"](1, 0, 1) == 3


# --- what could not be taken ------------------------------------------------------------------------------------------


def test_a_mistake_in_one_cell_costs_that_cell_only():
    module = made("T = 2", MODEL, text("# text"), "def q_sample(x, t, noise):\n    return (x")
    assert "Model" in run(module)
    assert module.lost == {"q_sample": "cell 4, line 2: '(' was never closed. Until this is put right, q_sample cannot run."}


def test_an_earlier_version_counts_where_the_later_cell_is_broken():
    module = made("T = 2", ANSWER, "def q_sample(x, t, noise):\n    return (x")
    assert module.lost == {}
    assert run(module)["q_sample"](1, 0, 1) == 3


@pytest.mark.parametrize(("kind", "called"), [("markdown", "a text cell"), ("raw", "a raw cell")])
def test_code_in_a_cell_that_never_runs_is_pointed_to(kind, called):
    module = made(cell(f"```python\n{ANSWER}```", kind), MODEL)
    assert called in module.lost["q_sample"]
    assert "cell 1" in module.lost["q_sample"]


@pytest.mark.parametrize("source", ["x = 1\0", "(" * 5000, "x = " + "[" * 300 + "]" * 300, "return 3", "a" * 10 + " = '", "\ud800 = 1"])
def test_a_cell_that_nobody_can_read_is_broken_and_no_more(source):
    broken, fine = parts(cell(source, as_list=False), ANSWER)
    assert broken.tree is None
    assert broken.error.startswith("line ")
    assert fine.tree is not None


# --- places -----------------------------------------------------------------------------------------------------------


def test_every_line_of_a_module_leads_back_to_its_cell():
    cells = ["import math\n\n\nT = 1; S = 2", text("# A\n# B"), "%%capture\n\n# about it\n@staticmethod\ndef helper():\n    return math.pi\n",
             "for i in range(2):\n    def q_sample(x, t, noise):\n        return helper() + S\n"]  # fmt: skip
    module = made(*cells)
    sources = {number: (one if isinstance(one, str) else "").split("\n") for number, one in enumerate(cells, start=1)}
    lines = module.content.decode().split("\n")
    for wanted_line in ("    return math.pi", "        return helper() + S", "@staticmethod", "import math"):
        number, line = place_of(lines.index(wanted_line) + 1, module.origins)
        assert sources[number][line - 1].strip() == wanted_line.strip()


def test_sentences_name_the_cell():
    module = made("T = 2", "\n\n" + ANSWER)
    line = module.content.decode().split("\n").index("    return x + T * noise") + 1
    origins = {"ddpm.py": module.origins}
    for sentence in ("(ddpm.py, line {}: `x`)", 'File "/tmp/x/ddpm.py", line {}', "ddpm.py, line {}: changed"):
        said = in_cells(sentence.format(line), origins, {"ddpm.py": "hw.ipynb"})
        assert ("cell 2, line 4" in said) == ("/tmp" not in sentence)
    two = {"ddpm.py": "a.ipynb", "network.py": "b.ipynb"}
    assert in_cells(f"ddpm.py, line {line}", origins, two) == "a.ipynb, cell 2, line 4"
    assert in_cells("network.py, line 3", origins, two) == "network.py, line 3"
