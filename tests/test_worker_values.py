"""What odd values of the student's code become on the grader's side: data, an Opaque that names them, or one sentence."""

import math
from typing import Any

import numpy as np
import pytest

from autograder.grading.checks import CheckMark
from autograder.grading.rubric import Check
from autograder.grading.runner import run_check
from autograder.limits import Limits
from autograder.sandbox.failures import Died, Raised
from autograder.sandbox.lane import Lane
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.proxies import Handle, Opaque, Student, describe

# Each function of the submission is named for the odd value that it returns.
SUBMISSION = """
import sys
import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

ones = torch.ones(3)

# tensors of other classes
class Plain(torch.Tensor): pass
class Forger(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None): return "forged"
class Raiser(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None): raise RuntimeError("no")
class Wrapper(torch.Tensor):
    @staticmethod
    def __new__(cls): return torch.Tensor._make_wrapper_subclass(cls, (3,), dtype=torch.float32)
    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None): raise RuntimeError("no")
class Liar(torch.Tensor):
    shape = property(lambda self: torch.Size([7, 7]))
    dtype = property(lambda self: torch.int64)
    layout = property(lambda self: torch.sparse_coo)
    is_quantized = True
    def numel(self): return 10**12
    def dim(self): return 40
    def detach(self): return torch.zeros(3)
    def numpy(self): return np.zeros(3)

def subclass(): return ones.as_subclass(Plain)
def subclass_that_forges(): return ones.as_subclass(Forger)
def subclass_that_raises(): return ones.as_subclass(Raiser)
def subclass_that_lies(): return ones.as_subclass(Liar)
def wrapper_without_data(): return Wrapper()
def parameter(): return torch.nn.Parameter(ones.clone())
def buffer(): return torch.nn.Buffer(ones.clone())
def with_gradient(): return torch.ones(3, requires_grad=True) * 2
def inference_tensor():
    with torch.inference_mode(): return torch.ones(3)
def uninitialised(): return torch.nn.LazyLinear(4).weight
def fake():
    with FakeTensorMode(): return torch.empty(3)
def meta(): return torch.ones(3, device="meta")

# dtypes and layouts
def nan_and_infinities(): return torch.tensor([float("nan"), float("inf"), -float("inf"), 1.0])
def float16(): return torch.tensor([1.5, 65504.0, float("inf"), 2.0**-24], dtype=torch.float16)
def bfloat16(): return torch.tensor([1.5, -3.0e38, float("nan"), 2.0**-126], dtype=torch.bfloat16)
def float64(): return torch.tensor([1 / 3, 1e300], dtype=torch.float64)
def int64(): return torch.tensor([-2**63, 2**63 - 1])
def booleans(): return torch.tensor([True, False])
def bytes_as_booleans(): return torch.tensor([0, 1, 2, 255], dtype=torch.uint8).view(torch.bool)
def float8(): return ones.to(torch.float8_e4m3fn)
def uint16(): return torch.ones(3, dtype=torch.uint16)
def complex64(): return torch.ones(3, dtype=torch.complex64)
def imaginary_part_of_a_conjugate(): return torch.tensor([1 + 2j]).conj().imag
def quantised(): return torch.quantize_per_tensor(ones, 0.1, 0, torch.qint8)
def sparse(): return torch.eye(3).to_sparse()
def sparse_rows(): return torch.eye(3).to_sparse_csr()
def nested_tensor(): return torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
def transposed(): return torch.arange(6.0).reshape(2, 3).T
def flipped(): return torch.arange(4).flip(0)

# shapes
def scalar(): return torch.tensor(3.0)
def no_rows(): return torch.empty(0, 3)
def no_columns_but_a_huge_size(): return torch.empty(2**40, 0)
def expanded(): return torch.ones(1).expand(5)
def expanded_to_a_billion(): return torch.ones(1).expand(10**9)
def expanded_to_4e18(): return torch.ones(1, 1).expand(2**31, 2**31)
def forty_megabytes(): return torch.ones(10**7)
def eight_dimensions(): return torch.ones([1] * 8)
def nine_dimensions(): return torch.ones([1] * 9)

# numbers and texts
def largest_integer(): return 2**63 - 1
def integer_of_65_bits(): return 2**64
def negative_of_65_bits(): return -2**63 - 1
def googolplex_or_so(): return 10**5000
def nan(): return float("nan")
def minus_infinity(): return -float("inf")
def imaginary(): return 1j
def numpy_array(): return np.ones(3)
def numpy_number(): return np.float32(0.5)
def numpy_integer(): return np.int64(-3)
def numpy_truth(): return np.bool_(True)
def integer_subclass(): return type("MyInt", (int,), {})(3)
def text_subclass(): return type("MyText", (str,), {})("x")
def long_text(): return "x" * 10**6
def lone_surrogate(): return "\\ud800!"
def escape_sequences(): return "\\x1b[2J\\0"
def bytestring(): return b"x"

# containers
def nested(depth):
    value = 1
    for _ in range(depth): value = [value]
    return value
def thousand_levels(): return nested(1000)
def itself():
    value = []
    value.append(value)
    return value
def keys_that_are_no_texts(): return {1: 2}
def keys_that_collide(): return {"\\ud800": 1, "\\udfff": 2}
def mixed(): return {"a": (ones, [None, True]), "b": {"c": 1.5}}
def mixed_with_odd(): return [1, {2}, complex64()]
def list_subclass(): return type("MyList", (list,), {"__iter__": lambda self: 1 / 0})([1])
def dict_subclass(): return type("MyDict", (dict,), {"items": lambda self: 1 / 0})(a=1)
def named_tuple(): return torch.max(torch.eye(2), dim=0)
def size(): return torch.Size([2, 3])
def two_thousand_tensors(): return [ones] * 2000
def a_hundred_megabytes(): return [torch.ones(8 * 10**6)] * 3
def many_numbers(): return [0] * 6 * 10**5

# objects
class TorchFunction:
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None): return ones
class ArrayLike:
    def __array__(self, *args, **kwargs): return np.ones(3)
    __array_interface__ = {"shape": (3,), "typestr": "<f8", "data": (0, True), "version": 3}
class EqualToAll:
    def __eq__(self, other): return True
class Pickler:
    def __reduce__(self): return (exec, ("import os; os._exit(3)",))
class CallsItselfTensor:
    __class__ = torch.Tensor
class NoClass:
    @property
    def __class__(self): raise ValueError("I have no class")
class Secretive(type):
    def __getattribute__(cls, name): raise KeyError("nothing here")
class Hidden(metaclass=Secretive): pass

def torch_function(): return TorchFunction()
def array_like(): return ArrayLike()
def equal_to_all(): return EqualToAll()
def pickler(): return Pickler()
def calls_itself_tensor(): return CallsItselfTensor()
def no_class(): return NoClass()
def hidden_class(): return Hidden()
def generator(): return (i for i in range(3))
def module(): return torch
def function(): return nested
def network(): return torch.nn.Linear(2, 2)
def exception(): return ValueError("returned, not raised")
def unraisable_text():
    class Mute(Exception):
        def __str__(self): raise SystemExit
    raise Mute
def keyboard_interrupt(): raise KeyboardInterrupt
def system_exit(): sys.exit(0)
def endless_recursion(): return endless_recursion()

# inputs
lent = {}
def identity(x): return x
def keep(x): lent["x"] = x
def kept(): return lent["x"]
def overwrite(x):
    x.zero_()
    return x
def overwrite_all(*args, **kwargs):
    for x in [*args, *kwargs.values()]: x[0].fill_(-1) if isinstance(x, list) else x.fill_(-1)
def pass_on(grader, name): return grader(globals()[name]())
def call_and_change(grader, x):
    grader(x)
    x.add_(1)
    return grader(x)
def change_the_answer(grader):
    grader().add_(100)
    return grader()
"""

ONES = np.ones(3, np.float32)
PLAIN = {  # what arrives as data
    "subclass": ONES,
    "subclass_that_forges": ONES,
    "subclass_that_raises": ONES,
    "subclass_that_lies": ONES,
    "parameter": ONES,
    "buffer": ONES,
    "with_gradient": 2 * ONES,
    "inference_tensor": ONES,
    "uninitialised": np.zeros(0, np.float32),
    "nan_and_infinities": np.array([np.nan, np.inf, -np.inf, 1], np.float32),
    "float16": np.array([1.5, 65504, np.inf, 2.0**-24], np.float16),
    "bfloat16": np.array([0x3FC00000, 0xFF620000, 0x7FC00000, 0x00800000], np.uint32).view(np.float32),
    "float64": np.array([1 / 3, 1e300]),
    "int64": np.array([-(2**63), 2**63 - 1]),
    "booleans": np.array([True, False]),
    "bytes_as_booleans": np.array([False, True, True, True]),
    "imaginary_part_of_a_conjugate": np.array([-2], np.float32),
    "transposed": np.array([[0, 3], [1, 4], [2, 5]], np.float32),
    "flipped": np.array([3, 2, 1, 0]),
    "scalar": np.array(3, np.float32),
    "no_rows": np.zeros((0, 3), np.float32),
    "expanded": np.ones(5, np.float32),
    "eight_dimensions": np.ones((1,) * 8, np.float32),
    "largest_integer": 2**63 - 1,
    "numpy_number": 0.5,
    "numpy_integer": -3,
    "numpy_truth": True,
    "nan": math.nan,
    "minus_infinity": -math.inf,
    "long_text": "x" * (64 << 10),
    "lone_surrogate": "?!",
    "escape_sequences": "\x1b[2J\0",  # renderings clean it
    "mixed": {"a": (ONES, [None, True]), "b": {"c": 1.5}},
}
OPAQUE = {  # what arrives as the name of something that is not data
    "wrapper_without_data": "tensor that cannot be read",
    "fake": "tensor that cannot be read",
    "meta": "meta tensor",
    "float8": "dtype torch.float8_e4m3fn",
    "uint16": "dtype torch.uint16",
    "complex64": "dtype torch.complex64",
    "quantised": "quantised tensor",
    "sparse": "layout torch.sparse_coo",
    "sparse_rows": "layout torch.sparse_csr",
    "nested_tensor": "tensor that cannot be read",
    "expanded_to_a_billion": "tensor of 1000000000 elements",
    "expanded_to_4e18": "tensor of 4611686018427387904 elements",
    "forty_megabytes": "tensor of 10000000 elements",
    "nine_dimensions": "9 dimensions",
    "integer_of_65_bits": "more than 64 bits",
    "negative_of_65_bits": "more than 64 bits",
    "googolplex_or_so": "more than 64 bits",
    "imaginary": "builtins.complex",
    "numpy_array": "numpy.ndarray",
    "integer_subclass": "MyInt",
    "text_subclass": "MyText",
    "bytestring": "builtins.bytes",
    "keys_that_are_no_texts": "builtins.dict",
    "list_subclass": "MyList",
    "dict_subclass": "MyDict",
    "named_tuple": "torch.return_types.max",
    "size": "torch.Size",
    "torch_function": "odd.TorchFunction",
    "array_like": "odd.ArrayLike",
    "equal_to_all": "odd.EqualToAll",
    "pickler": "odd.Pickler",
    "calls_itself_tensor": "tensor that cannot be read",
    "generator": "builtins.generator",
    "module": "builtins.module",
    "function": "builtins.function",
    "network": "linear.Linear",
    "exception": "builtins.ValueError",
}
RAISED = {  # what gives no value, and a sentence instead
    "no_columns_but_a_huge_size": "impossible shape",
    "keys_that_collide": "key twice",
    "two_thousand_tensors": "too many arrays",
    "a_hundred_megabytes": r"too large to send \(91 MB\)",
    "many_numbers": "too large to send",
    "no_class": "ValueError: I have no class",
    "hidden_class": "KeyError: 'nothing here'",
    "unraisable_text": "raised Mute",
    "keyboard_interrupt": "KeyboardInterrupt",
    "system_exit": "called sys.exit",
    "endless_recursion": "calls itself without end",
}


@pytest.fixture(scope="module")
def student(sandbox):
    with sandbox.lane() as lane:
        yield Student(lane, {"odd.py": SUBMISSION.encode()}, Limits())


@pytest.fixture(scope="module")
def odd(student) -> Handle:
    return student.module("odd")


@pytest.fixture(autouse=True)
def the_worker_lives_on(odd):
    yield
    assert odd.worker.alive
    assert odd.call("identity", "still here") == "still here"


def same(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray):
        return (
            isinstance(b, np.ndarray)
            and a.dtype == b.dtype
            and a.shape == b.shape
            and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        )
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and (a == b or (a != a and b != b))


@pytest.mark.parametrize("name", PLAIN)
def test_data_arrives_as_plain_data(odd, name):
    assert same(PLAIN[name], odd.call(name))


@pytest.mark.parametrize("name", OPAQUE)
def test_what_is_not_data_arrives_as_its_name(odd, name):
    value = odd.call(name)
    assert type(value) is Opaque
    assert OPAQUE[name] in describe(value)
    assert describe(value).startswith(("a ", "an "))


@pytest.mark.parametrize("name", RAISED)
def test_what_gives_no_value_gives_a_sentence(odd, name):
    with pytest.raises(Raised, match=RAISED[name]) as caught:
        odd.call(name)
    assert str(caught.value).startswith("Your code ")
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("name", [*PLAIN, *OPAQUE])
def test_the_grader_s_own_functions_get_the_same(odd, student, name):
    """An odd value given to a function that the grader answers arrives like an odd value that is returned."""
    got = []
    odd.call("pass_on", student.function(got.append), name)
    assert len(got) == 1
    if name in PLAIN:
        assert same(PLAIN[name], got[0])
    elif name == "numpy_array":  # a network may be given one
        assert same(np.ones(3), got[0])
    else:
        assert OPAQUE[name] in got[0].description


def test_a_list_with_odd_items_keeps_the_others(odd):
    one, a_set, array = odd.call("mixed_with_odd")
    assert one == 1
    assert type(a_set) is Opaque
    assert type(array) is Opaque


@pytest.mark.parametrize("depth", [1, 5, 14])
def test_nested_lists_arrive_whole(odd, depth):
    value = odd.call("nested", depth)
    for _ in range(depth):
        [value] = value
    assert value == 1


@pytest.mark.parametrize("name", ["thousand_levels", "itself"])
def test_lists_that_are_nested_too_deeply_end_in_an_opaque(odd, name):
    value, depth = odd.call(name), 0
    while type(value) is list:
        [value] = value
        depth += 1
    assert depth <= 16
    assert "builtins.list" in value.description


# Aliases and edits in place: grader and worker share no memory


def test_an_input_that_is_returned_is_equal_but_not_shared(odd):
    x = np.random.default_rng(0).standard_normal((5, 2))
    got = odd.call("identity", x)
    assert np.array_equal(got, x)
    assert not np.shares_memory(got, x)


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_edits_in_place_do_not_reach_the_grader(odd, dtype):
    x, y, z = (np.ones((4, 3), dtype) for _ in range(3))
    odd.call("overwrite_all", x, [y], last=z)
    assert x.all()
    assert y.all()
    assert z.all()
    assert (x == 1).all()
    assert not odd.call("overwrite", x).any()
    assert (x == 1).all()


def test_what_the_grader_changes_later_does_not_reach_a_kept_input(odd):
    x = np.ones(3, np.float32)
    odd.call("keep", x)
    x[:] = 7
    assert np.array_equal(odd.call("kept"), ONES)


def test_edits_in_place_do_not_reach_what_a_callback_has_seen_or_answers_from(odd, student):
    seen, answer = [], np.zeros(3, np.float32)
    odd.call("call_and_change", student.function(seen.append), ONES)
    assert np.array_equal(seen[0], ONES)
    assert np.array_equal(seen[1], 2 * ONES)
    assert np.array_equal(odd.call("change_the_answer", student.function(lambda: answer)), np.zeros(3))
    assert not answer.any()


def test_what_arrives_cannot_be_written_to_by_the_grader_either(odd):
    assert not odd.call("identity", np.ones(3)).flags.writeable


def test_an_answer_that_breaks_the_format_ends_that_worker_only(sandbox):
    """The student's code can answer for the worker: a forged reference is data, or else it ends in a sentence."""
    source = b"from autograder.sandbox.wire import Ref\ndef forge(n): return Ref(n)\ndef huge(): return Ref(10**30)\n"
    with sandbox.lane() as lane:
        student = Student(lane, {"forger.py": source}, Limits())
        assert describe(student.module("forger").call("forge", 5))
        with pytest.raises(Died, match="not an answer"):
            student.module("forger").call("huge")
        assert describe(student.module("forger").call("forge", 5))


RANDOM = b"""import random
import numpy as np
import torch
at_import = torch.rand(2)
def numbers():
    return torch.tensor([float(at_import.sum()), float(torch.rand(1)), float(np.random.rand()), random.random()])
"""


def test_randomness_of_the_student_s_own_is_the_same_at_every_regrade_and_new_in_every_call(sandbox):
    """Whatever ran before in the process, and in whichever sandbox."""

    def check_numbers(student, note):
        module = student.module("chance")
        note("first", module.call("numbers"), 0)
        note("second", module.call("numbers"), 0)

    check = Check("1.numbers", "Numbers.", CheckMark("1", 1.0, "f", 0.0, ""), check_numbers, (2,))
    found = []
    with Sandbox(use=["process"]) as other:
        for before, used in ((0, other), (3, sandbox)):
            with used.lane() as lane:
                student = Student(lane, {"chance.py": RANDOM}, Limits())
                for _ in range(before):
                    student.fresh()
                    run_check(check, student, b"another secret than below", "digest")
                student.fresh()
                judgement = run_check(check, student, b"a secret of sixteen", "digest")
                student.fresh()
            assert judgement.status == "passed", judgement.message
            found.append([values.tolist() for values, _ in judgement.note.values.values()])
    assert found[0] == found[1]
    assert found[0][0][1:] != found[0][1][1:]


MADE_LATER = b"""
class Thing:
    def __init__(self, number):
        if number < 0:
            raise ValueError("below zero")
        self.number = number
    def add(self, other): return self.number + other.number
"""


def test_what_goes_with_the_next_request_is_made_in_order_and_raises_there(sandbox):
    with sandbox.lane() as lane:
        student = Student(lane, {"things.py": MADE_LATER}, Limits())
        things = student.module("things")
        one, two = things.later("Thing", 1), things.later("Thing", 2)
        two.set("number", 20)
        assert one.call("add", two) == 21
        good, bad, skipped = things.later("Thing", 5), things.later("Thing", -1), things.later("Thing", 7)
        with pytest.raises(Raised, match="below zero"):
            one.call("add", one)
        assert good.get("number") == 5
        four, waiting_for_bad = things.later("Thing", 4), bad.later("add", one)
        uses = [lambda: bad.get("number"), lambda: skipped.call("add", one), lambda: one.call("add", bad)]
        for use in [*uses, lambda: waiting_for_bad.get("")]:
            with pytest.raises(Raised, match="below zero"):  # and not that there is no such object
                use()
        assert one.call("add", two) == 21
        assert four.get("number") == 4


def test_a_second_student_in_one_lane_is_an_error_in_words_and_the_first_goes_on(sandbox):
    """It used to end the first, whose next answer then failed as if the student's code had."""
    with sandbox.lane() as lane, sandbox.lane() as other:
        first, second = (Student(lane, {"things.py": MADE_LATER}, Limits()) for _ in range(2))
        thing = first.module("things").new("Thing", 3)
        with pytest.raises(RuntimeError, match=r"one worker at a time.*Student\.fresh.*Sandbox\.lane"):
            second.module("things")
        assert thing.get("number") == 3
        beside = Student(other, {"things.py": MADE_LATER}, Limits())
        assert (beside.module("things").new("Thing", 4).get("number"), thing.get("number")) == (4, 3)
        first.fresh()
        assert second.module("things").new("Thing", 5).get("number") == 5
        second.worker.close()  # as after a time-out: what has ended is in nobody's way
        assert first.module("things").new("Thing", 6).get("number") == 6


def test_a_check_that_makes_a_second_student_in_the_lane_is_at_fault_itself(sandbox):
    def careless(student: Student) -> None:
        student.module("things")
        Student(student.lane, {"things.py": MADE_LATER}, Limits()).module("things")

    check = Check("1.careless", "Careless.", CheckMark("1", 1.0, "f", 0.0, ""), careless, (2,))
    with sandbox.lane() as lane:
        judgement = run_check(check, Student(lane, {"things.py": MADE_LATER}, Limits()), b"a secret of sixteen", "digest")
    assert judgement.status == "grader_error"
    assert "one worker at a time" in judgement.message


def test_what_a_check_never_uses_is_not_made_in_the_next_one(sandbox):
    with sandbox.lane() as lane:
        student = Student(lane, {"things.py": MADE_LATER}, Limits())
        student.module("things").later("Thing", -1)
        student.begin(1)
        assert student.module("things").new("Thing", 3).get("number") == 3


def test_a_module_is_imported_anew_after_the_process_or_the_files_have_changed(sandbox):
    with sandbox.lane() as lane:
        student = Student(lane, {"things.py": MADE_LATER}, Limits())
        for _ in range(2):
            assert student.module("things").new("Thing", 3).get("number") == 3
            student.fresh()
        assert student.module("things").new("Thing", 3).get("number") == 3
        student.replace({"things.py": MADE_LATER.replace(b"= number", b"= 2 * number")})
        assert student.module("things").new("Thing", 3).get("number") == 6


def test_a_call_that_does_not_fit_names_no_class_of_the_graders(lane: Lane) -> None:
    class Recorder:
        def step(self, x: Any, t: Any) -> Any:
            return x

    student = Student(lane, {"code.py": b"def run(step):\n    return step(1)\n"}, Limits())
    with pytest.raises(Raised, match=r"RuntimeError: the call does not fit: step\(\) missing 1 required positional argument: 't'"):
        student.module("code").call("run", student.function(Recorder().step))
