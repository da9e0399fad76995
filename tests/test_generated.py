"""Mutants made by operators: which there are, and what becomes of them."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import typer

from autograder.commands import proof
from autograder.grading.generated import calls, campaign, drawing, numbers, statements
from autograder.grading.generated.accepted import Accepted
from autograder.grading.generated.campaign import Campaign
from autograder.grading.generated.drawing import Mutant, draw
from autograder.grading.generated.equality import KEYED
from autograder.grading.generated.operators import OPERATORS, Operator, edits, tried
from autograder.grading.generated.source import Source
from autograder.grading.generated.transcripts import Entry, _told, equal, parting
from autograder.grading.generated.trial import Batch, Outcome, perform
from autograder.grading.mutants import right_texts
from autograder.manifest import Manifest, load_manifest
from autograder.report.generated import print_campaign, write_campaign
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.proxies import to_wire
from tests.courses import courses_in

TOY = Path(__file__).with_name("toy")


def source(*lines: str) -> Source:
    """A function of x and y with these lines as its region."""
    body = "".join(f"    {line}\n" for line in lines)
    before = "    ######## TODO 1: f ########\n    ### BEGIN SOLUTION\n"
    after = "    ### END SOLUTION\n    ### STUB: pass\n    ######## END TODO ########\n"
    return Source(f"import torch\n\n\ndef f(x, y):\n{before}{body}{after}", "one.py:f")


def texts(operator: Operator, *lines: str) -> set[str]:
    """The bodies that an operator makes of a body, one line after the other."""
    region = source(*lines)
    known = {region.program(()) or ""}
    made = [tried(region, (edit,), known) for edit in edits(region, (operator,))]
    return {" | ".join(line.strip() for line in region.with_edits(one).split("\n")[6:-4]) for one in made if one}


@pytest.mark.parametrize(
    ("operator", "body", "expected"),
    [
        (numbers.operators, "return x + y", {"return x - y", "return x * y"}),
        (numbers.operators, "x -= y", {"x += y", "x *= y"}),
        (numbers.operators, "return x <= y", {"return x < y", "return x >= y"}),
        (numbers.operators, "return x is not y and x", {"return x is y and x", "return x is not y or x"}),
        (numbers.operands, "return x / (y + 1)", {
            "return x", "return y + 1", "return (y + 1) / (x)", "return x / (y)", "return x / (1)"}),
        (numbers.constants, "return 3", {"return 4", "return 2", "return -3", "return 6", "return 1"}),
        (numbers.constants, "return x.sum(dim=1)", {f"return x.sum(dim={n})" for n in (0, 2, -1, -2)}),
        (numbers.constants, "return f(True, 'a', 'b')", {
            "return f(False, 'a', 'b')", "return f(True, 'b', 'b')", "return f(True, 'a', 'a')"}),
        (numbers.signs, "return not x", {"return x", "return -(not x)", "return 2 * (not x)", "return 1.05 * (not x)"}),
        (numbers.signs, "return x - 1", {
            "return -x - 1", "return 2 * x - 1", "return 1.05 * x - 1", "return -(x - 1)", "return 2 * (x - 1)", "return 1.05 * (x - 1)"}),
        (numbers.roots, "return x.sqrt() * y", {
            "return x * y", "return x.sqrt() * y ** 0.5", "return x.sqrt() * y ** 2"}),
        (numbers.roots, "return (x + 1) ** 0.5", {"return x + 1"}),
        (numbers.conditions, "return x if y else 1", {
            "return x if not (y) else 1", "return x if True else 1", "return x if False else 1"}),
        (calls.neighbours, "return torch.randn_like(x)", {
            "return torch.rand_like(x)", "return torch.zeros_like(x)", "return torch.ones_like(x)"}),
        (calls.neighbours, "return x.cumprod(0)", {"return x.cumsum(0)"}),
        (calls.dtypes, "return torch.int64", {f"return torch.{name}" for name in ("float32", "float64", "float16", "int32", "uint8")}),
        (calls.methods, "return torch.abs(x.clamp(min=0))", {"return x.clamp(min=0)", "return torch.abs(x)"}),
        (calls.arguments, "return f(x, 1, a=y)", {"return f(1, x, a=y)", "return f(1, a=y)", "return f(x, a=y)", "return f(x, 1)"}),
        (calls.names, "return x + y", {"return y + y", "return x + x"}),
        (calls.names, "return x.real + x.imag", {
            "return x.imag + x.imag", "return x.real + x.real", "return y.real + x.imag", "return x.real + y.imag"}),
        (calls.indices, "return x[y]", {"return x[y + 1]", "return x[y - 1]"}),
        (calls.indices, "return x[:y]", {"return x", "return x[:y + 1]", "return x[:y - 1]"}),
        (calls.indices, "return range(x)", {"return range(x + 1)", "return range(x - 1)"}),
        (calls.indices, "return [i for i in x]", {
            "return [i for i in list(x)[1:]]", "return [i for i in list(x)[:-1]]", "return [i for i in list(x)[::-1]]"}),
        (calls.branches, "return x if y else 1", {"return x", "return 1"}),
        (statements.dropped, "x = 1", {"pass"}),
        (statements.repeated, "x += 1", {"x += 1 | x += 1"}),
        (statements.returned_early, "x = 1", {"return 1"}),
        (statements.gradients, "x = f(y)", {"with torch.no_grad(): | x = f(y)"}),
    ],
)  # fmt: skip
def test_an_operator_makes_these(operator: Operator, body: str, expected: set[str]):
    assert texts(operator, body) == expected


def test_operators_of_several_statements():
    assert texts(statements.exchanged, "x = 1", "return x") == {"return x | x = 1"}
    assert texts(statements.returned_early, "for i in x:", "    y = i") == {"for i in x: | y = i | break", "for i in x: | return i"}
    assert texts(statements.gradients, "with torch.no_grad():", "    x = y") == {"with torch.enable_grad(): | x = y"}


def test_every_operator_has_a_case_above():
    cases = test_an_operator_makes_these.pytestmark[0].args[1]
    assert {case[0] for case in cases} | {statements.exchanged} == set(OPERATORS)


def test_nothing_is_made_twice_or_equal_or_without_compiling():
    region, known = source("return x + 1"), set()
    known.add(region.program(()))
    made = [edit for edit in edits(region) if tried(region, (edit,), known)]
    programs = [region.program([region.fitted(edit)]) for edit in made]
    assert len(set(programs)) == len(programs) == len(made)
    assert None not in programs
    assert region.program(()) not in programs


def test_a_seed_repeats_and_another_draws_others():
    manifest = load_manifest("swiss_roll")
    first, again, other = (draw(manifest, 40, seed) for seed in (1, 1, 2))
    assert first == again
    assert {m.id for m in first} != {m.id for m in other}
    assert len({m.text for m in first}) == len({m.id for m in first}) == 40
    assert sum(bool(m.variant) for m in first) == 8


def test_a_batch_holds_one_region_of_one_right_version():
    found = campaign.batches(draw(load_manifest("swiss_roll"), 120, 3))
    assert sum(len(batch.mutants) for batch in found) == 120
    assert all({(m.variant, m.region) for m in batch.mutants} == {(batch.variant, batch.region)} for batch in found)


@pytest.mark.parametrize(("kinds", "status"), [(["killed"] * 8, 0), (["killed"] * 7 + ["survivor"], 1)])
def test_the_command_says_the_seed_and_whether_the_goals_are_met(
    kinds: list[str], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    def judged(mutants: list[Mutant], seed: int, processes: int | None) -> Iterator[Campaign]:
        outcomes = [Outcome(m, kind) for m, kind in zip(mutants, kinds)]
        yield Campaign(mutants[0].assignment, seed, outcomes[:3])
        assert len(json.loads(file.read_text())["mutants"]) == 3  # a run that is stopped here leaves them
        yield Campaign(mutants[0].assignment, seed, outcomes)

    file = tmp_path / "generated-swiss_roll-77.json"
    monkeypatch.setattr(campaign, "run", judged)
    with pytest.raises(typer.Exit) as ended:
        proof.validate("swiss_roll", seeds=1, processes=1, generated=8, seed=77, out=tmp_path)
    assert ended.value.exit_code == status
    assert "seed 77: 8 mutants, 8 single and 0 pairs; 2 of them of right variants" in " ".join(capsys.readouterr().out.split())
    assert len(json.loads(file.read_text())["mutants"]) == 8


@pytest.mark.proof
def test_what_takes_fewer_forms_is_equal_where_it_answers(sandbox: Sandbox):
    """Without the line that makes t a tensor, whole numbers are refused, and what is left is right."""
    line, following = "        t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()\n", "        beta_t"
    outcome = kind_of(sandbox, made("ddpm.py:DiffusionModule.p_sample", line + following, following, "swiss_roll"))
    assert outcome.kind == "equal where answered", outcome


# An assignment whose check is lax


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manifest]:
    """The toy, whose second check no longer minds what comes."""
    root = tmp_path_factory.mktemp("courses")
    shutil.copytree(TOY, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    checks = root / "autograder/assignments/toy/test_steps.py"
    strict = checks.read_text()
    assert strict.count('1e-9, "The new x must follow') == 1
    checks.write_text(strict.replace('1e-9, "The new x must follow', '1e9, "The new x must follow'))
    with courses_in(root):
        yield load_manifest("toy")


def made(region: str, before: str, after: str, assignment: str = "toy") -> Mutant:
    """The solution with a change that no operator need make."""
    name = region.partition(":")[0]
    text = right_texts(assignment, "")[name]
    assert text.count(before) == 1
    changed = drawing.strip_markers(text.replace(before, after), name)
    diff = f"---\n+++\n@@\n-{before}\n+{after}"
    return Mutant(f"{before} → {after}", assignment, "", region, ("constant",), changed, diff)


def kind_of(sandbox: Sandbox, mutant: Mutant) -> Outcome:
    (outcome,) = perform(sandbox, Batch(mutant.assignment, "", mutant.region, (mutant,)))
    return outcome


def test_what_is_wrong_is_killed_in_its_own_task(toy: Manifest, sandbox: Sandbox):
    outcome = kind_of(sandbox, made("plain/step.py:step", "x + SIZE", "x - SIZE"))
    assert (outcome.kind, outcome.lost) == ("killed", ("1",))


def test_what_computes_the_same_is_shown_equal(toy: Manifest, sandbox: Sandbox):
    outcome = kind_of(sandbox, made("plain/step.py:step", "x + SIZE", "0 * x + x + SIZE"))
    assert outcome.kind == "equal", outcome


def test_an_endless_loop_is_bounded(toy: Manifest, sandbox: Sandbox):
    started = time.monotonic()
    outcome = kind_of(sandbox, made("plain/step.py:step", "return x + SIZE", "while True: pass\n    return x + SIZE"))
    assert outcome.kind == "killed"
    assert time.monotonic() - started < 15


def test_a_survivor_is_reported_with_its_diff_and_may_be_accepted(
    toy: Manifest, sandbox: Sandbox, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    mutant = made("guided/step.py:step", "w * (network", "w * w * (network")
    outcome = kind_of(sandbox, mutant)
    assert outcome.kind == "survivor"
    found = Campaign("toy", 7, [outcome], 1.0)
    assert found.kill_rate == 0
    print_campaign(found)
    printed = capsys.readouterr().out
    assert "w * w * (network" in printed
    assert "Only 0.00% of the mutants are killed" in printed
    told = json.loads(write_campaign(found, tmp_path / "out").read_text())
    assert told["mutants"][0]["diff"] == mutant.diff
    assert Accepted("guided/step.py:step", ("w * (network",), ("w * w * (network",), "why").covers(mutant)


def test_rates_leave_out_what_is_equal_or_accepted():
    one = Mutant("one", "toy", "", "r", ("name",), "", "")
    kinds = ["killed"] * 97 + ["also elsewhere"] * 3 + ["equal", "equal in law", "accepted"]
    found = Campaign("toy", 1, [Outcome(one, kind) for kind in kinds])
    assert (found.judged, found.kill_rate, found.right_task_rate) == (100, 1.0, 0.97)
    assert len(found.falls_short) == 1


def test_transcripts_are_equal_but_for_rounding():
    one = np.array([1.0, 1e-3, 0.0], dtype=np.float32)
    assert equal(to_wire(one), to_wire(one * np.float32(1 + 1e-6)))
    assert equal(to_wire(one), to_wire(one.astype(np.float64)))
    assert not equal(to_wire(one), to_wire(one * np.float32(1 + 1e-4)))
    assert not equal(to_wire(one), to_wire(one.astype(np.int64)))
    assert not equal(1, True)


def test_where_transcripts_part():
    right = [Entry("call a", [[1.0]], 1.0), Entry("call b", [], 2.0)]
    assert parting(right, right) == ""
    assert "another answer" in parting(right, [right[0], Entry("call b", [], 3.0)])
    assert "asks something else" in parting(right, [Entry("call a", [[2.0]], 1.0), right[1]])
    assert "1 requests in place of 2" in parting(right, right[:1])
    twice = [Entry("call a", [[1.0], [2.0], [1.0], [2.0]], 1.0)]
    assert parting([Entry("call a", [[1.0], [2.0]], 1.0)], twice) == ""  # told the same again, it answers the same
    assert "asks 2 times" in parting(right, [Entry("call a", [[1.0], [2.0]], 1.0), right[1]])
    without = [Entry("call a", [], "ValueError: no", failed=True), right[1]]
    assert "has no answer" in parting(right, without)
    read = [[Entry("get None target=Ref,path='__code__.co_consts',", [], constants)] for constants in ((None, 1), (None, 1, True))]
    assert parting(*read) == ""
    masks = [[Entry("call a", given=[_told(to_wire(np.array(mask)))])] for mask in ([True, False], [1.0, 0.0], [1.0, 1.0])]
    assert parting(masks[0], masks[1]) == ""
    assert "is another one" in parting(masks[0], masks[2])


def test_the_diff_of_a_long_file_has_the_changed_line_alone():
    """Also where a line comes so often that difflib does not look at it."""
    lines = [line for k in range(150) for line in (f"x{k} = {k}", "# END")]
    changed = [*lines[:298], "x149 = 7", "# END"]
    assert drawing._diff(lines, changed, "one.py")[2:] == ["@@ -298,3 +298,3 @@", " # END", "-x149 = 149", "+x149 = 7", " # END"]


def drawn(folder: Path, *bodies: str) -> list[list[float]]:
    """What functions with random numbers by place return, as pairs of numbers, each after the same seed."""
    (folder / KEYED.name).write_bytes(KEYED.read_bytes())
    functions = "".join(f"def f{k}():\n    {body}\n" for k, body in enumerate(bodies))
    (folder / "student.py").write_text(f"import {KEYED.stem}, torch\nimport numpy as np\n{functions}")
    calls = "".join(f"torch.manual_seed(3); found.append([float(n) for n in student.f{k}()]);" for k in range(len(bodies)))
    told = subprocess.run(
        [sys.executable, "-c", f"import student, torch; found = []; {calls} print(found)"], cwd=folder, check=True, capture_output=True, text=True
    )
    found: list[list[float]] = json.loads(told.stdout)
    return found


def test_random_numbers_by_place(tmp_path: Path):
    """They depend on what is drawn, and not on the order of the draws; a generator that asks the system for a seed gets one in the same way."""
    seeded = "g = torch.Generator(); g.seed(); return torch.randn((), generator=g), np.random.default_rng().normal()"
    first, other_order, same_twice, own, own_again, own_numpy, given = drawn(
        tmp_path,
        "return torch.randn(()), torch.rand(())",
        "two = torch.rand(()); return torch.randn_like(two), two",
        "return torch.randn(()), torch.randn(())",
        seeded,
        seeded,
        "return np.random.default_rng().normal(), np.random.default_rng().normal()",
        "return np.random.default_rng(5).normal(), 0",
    )
    assert first == other_order
    assert same_twice[0] == first[0]
    assert same_twice[0] != same_twice[1]
    assert own == own_again
    assert own_numpy[0] != own_numpy[1]
    assert given[0] == np.random.default_rng(5).normal()


DRAWN_TWICE = """
import os, sys, torch
for number in sorted(os.listdir("."), key=lambda name: (len(name), name)):
    if number.isdigit():
        if not os.fork():  # each way changes torch itself
            sys.path.insert(0, os.path.abspath(number))
            import student
            torch.manual_seed(3)
            print([[float(n) for n in student.f0()] for _ in range(2)], flush=True)
            os._exit(0)
        os.wait()
"""


def test_every_call_counts_its_draws_anew(tmp_path: Path):
    """So a second call, without a seed in between, begins with what counts as its first draw."""
    drawn(tmp_path, "return torch.randn(()), torch.randn(())")
    found: dict[str, list[list[float]]] = {}
    ways = ("as drawn", "first turned", "others turned", "normal later", "others repeated", "normal exchanged", "uniform exchanged")
    told = [*((way, "") for way in ways), ("normal later", "f0"), ("normal later", "f1")]
    for number, (way, here) in enumerate(told):
        text = KEYED.read_text().replace('WAY, HERE = "as drawn", ""', f'WAY, HERE = "{way}", "{here}"')
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / KEYED.name).write_text(text)
        shutil.copy(tmp_path / "student.py", tmp_path / str(number))
    shown = subprocess.run([sys.executable, "-c", DRAWN_TWICE], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    for (way, here), line in zip(told, shown.splitlines(), strict=True):
        found[f"{way} in {here}" if here else way] = json.loads(line)
    assert found["as drawn"][0] != found["as drawn"][1]
    assert found["first turned"] == [[-one, two] for one, two in found["as drawn"]]
    assert found["others turned"] == [[one, -two] for one, two in found["as drawn"]]
    assert [one for one, _ in found["normal later"]] == [two for _, two in found["as drawn"]]
    assert [one for one, _ in found["others repeated"]] == [one for one, _ in found["as drawn"]]
    assert [two for _, two in found["others repeated"]] == [two for _, two in found["normal later"]]
    assert found["normal exchanged"] == [[two, one] for one, two in found["as drawn"]]
    assert found["uniform exchanged"] == found["as drawn"] == found["normal later in f1"]
    assert found["normal later in f0"] == found["normal later"] != found["as drawn"]
