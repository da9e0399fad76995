"""The wire format: values survive the round trip, and any bytes give a value or a WireError, in bounded memory."""

import contextlib
import json
import math
import random
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.sandbox import wire
from autograder.sandbox.proxies import from_wire, to_wire
from autograder.sandbox.wire import Array, Opaque, Ref, Remote, WireError, decode_frame, encode
from benchmarks.fuzz_wire import hostile_frames

RELAXED = settings(deadline=None, derandomize=True, max_examples=100, suppress_health_check=list(HealthCheck))
MEMORY_FACTOR = 64  # bytes of memory for each byte of a header, at most; a list of empty lists takes some 45
JSON_HEADROOM = 64  # bytes of JSON around a value
LONE = chr(0xD800)  # a surrogate, which UTF-8 cannot hold


def frame(header: bytes | str, payload: bytes = b"") -> bytes:
    header = header.encode() if isinstance(header, str) else header
    return wire.PREFIX.pack(wire.MAGIC, len(header), len(payload)) + header + payload


def refuses(data: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        decode_frame(data)


def equal(a: object, b: object) -> bool:
    """Equality of values with their types, in which NaN equals NaN and 0.0 is not -0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(equal(a[key], b[key]) for key in a)
    return a == b


# The value grammar

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
shapes = st.lists(st.integers(0, 3), max_size=wire.MAX_RANK).map(tuple)


@st.composite
def arrays(draw: st.DrawFn) -> Array:
    dtype, shape = draw(st.sampled_from(sorted(wire.ITEM_SIZE))), draw(shapes)
    seed = draw(st.integers(0, 2**32))
    data = np.random.default_rng(seed).bytes(math.prod(shape) * wire.ITEM_SIZE[dtype])
    return Array(dtype, shape, bytes(b & 1 for b in data) if dtype == "bool" else data)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    texts,
    arrays(),
    st.builds(Ref, st.integers(0, 2**63 - 1)),
    st.builds(Remote, st.integers(0, 2**63 - 1), st.sampled_from(["network", "function"])),
    st.builds(Opaque, texts),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(texts, inner, max_size=4),
    ),
    max_leaves=12,
)


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        value = [*value.values(), None] if value else []
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, (list, tuple)) else 0


# Round trip


@RELAXED
@given(values)
def test_every_value_survives_the_round_trip(value):
    if depth_of(value) > wire.MAX_DEPTH:
        with pytest.raises(WireError, match="nested too deeply"):
            encode(value)
    else:
        assert equal(decode_frame(encode(value)), value)


@pytest.mark.parametrize("dtype", sorted(wire.ITEM_SIZE))
@pytest.mark.parametrize("shape", [(), (0,), (1,), (5,), (2, 3), (4, 0, 2), (1,) * 8, (2,) * 8, (0,) * 8])
def test_arrays_of_every_dtype_and_shape_keep_their_bytes(dtype, shape):
    data = np.random.default_rng(len(shape)).bytes(math.prod(shape) * wire.ITEM_SIZE[dtype])
    data = bytes(b & 1 for b in data) if dtype == "bool" else data
    array = Array(dtype, shape, data)
    assert decode_frame(encode([array, array])) == [array, array]


@pytest.mark.parametrize("dtype", sorted(set(wire.ITEM_SIZE) - {"bfloat16"}))
def test_numpy_arrays_of_any_layout_arrive_as_equal_arrays(dtype):
    numbers = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 100, (4, 5, 6)).astype(dtype)
    for array in (
        numbers,
        numbers.T,
        numbers[::2, ::-1],
        np.asfortranarray(numbers),
        numbers[0, 0, 0:0],
        np.array(numbers[1, 1, 1]),
    ):
        got = from_wire(decode_frame(encode(to_wire(array))))
        assert got.dtype == array.dtype
        assert np.array_equal(got, array)
        assert got.shape == array.shape


def test_bfloat16_arrives_as_the_float32_with_the_same_upper_half():
    numbers = np.array([1.5, -2.0, 2.0**-126, np.inf, -0.0, 3.3895314e38], np.float32)
    halves = (numbers.view(np.uint32) >> 16).astype(np.uint16)
    got = from_wire(decode_frame(encode(Array("bfloat16", (6,), halves.tobytes()))))
    assert np.array_equal(got.view(np.uint32), halves.astype(np.uint32) << 16)


def test_a_byte_that_is_no_truth_value_is_read_as_true():
    got = from_wire(decode_frame(frame('{"array":["bool",[4]]}', b"\x00\x01\x02\xff")))
    assert got.view(np.uint8).tolist() == [0, 1, 1, 1]


def test_several_arrays_share_the_payload_in_order():
    parts = [Array("uint8", (n,), bytes([n]) * n) for n in (3, 0, 1, 7)]
    nested = {"a": parts[0], "b": (parts[1], [parts[2]]), "c": parts[3]}
    assert decode_frame(encode(nested)) == nested


@pytest.mark.parametrize("text", [LONE, f"a{LONE}b", f"{chr(0xDC00)}{LONE}", "x" * 100 + LONE])
def test_lone_surrogates_never_arrive(text):
    for value in (text, {text: 1}, Opaque(text)):
        got = decode_frame(encode(value))
        assert "?" in (
            got.description if isinstance(got, Opaque) else next(iter(got)) if isinstance(got, dict) else got
        )
    escaped = json.dumps(text)
    for header in (escaped, f'{{"dict":[{escaped},1]}}', f'{{"opaque":{escaped}}}'):
        str(decode_frame(frame(header))).encode("utf-8")


# What cannot be sent


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (2**63, "64 bits"),
        (-(2**63) - 1, "64 bits"),
        (10**5000, "64 bits"),
        ("x" * (wire.MAX_TEXT + 1), "text is too long"),
        ({1: 2}, "not a text"),
        ({LONE: 1, chr(0xDFFF): 2}, "a key twice"),
        (object(), "a object is not data"),
        (1j, "a complex is not data"),
        (b"x", "a bytes is not data"),
        (np.float32(1), "a float32 is not data"),
        ({1}, "a set is not data"),
        (type("MyInt", (int,), {})(3), "a MyInt is not data"),
        (type("MyStr", (str,), {})("x"), "a MyStr is not data"),
        ([Array("uint8", (1,), b"x")] * (wire.MAX_ARRAYS + 1), "too many arrays"),
        (Array("float32", (1,) * 9, bytes(4)), "more than 8 dimensions"),
        (Array("float32", (3,), bytes(4)), "does not fit its bytes"),
        (Array("complex64", (1,), bytes(8)), "unknown dtype"),
        (Array("float32", (-1, -1), bytes(4)), "impossible shape"),
        (Array("float32", (2**40, 0), b""), "impossible shape"),
        (Array("uint8", (wire.MAX_PAYLOAD + 1,), bytes(wire.MAX_PAYLOAD + 1)), "impossible shape"),
        ([Array("uint8", (40 << 20,), bytes(40 << 20))] * 2, "too large to send"),
        ([0] * wire.MAX_HEADER, "too large to send"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 50 else type(value).__name__,
)
def test_what_is_not_data_or_too_large_is_not_sent(value, reason):
    with pytest.raises(WireError, match=reason):
        encode(value)


def test_what_is_just_within_the_caps_is_sent():
    for value in (
        2**63 - 1,
        -(2**63),
        "x" * wire.MAX_TEXT,
        [Array("uint8", (1,), b"x")] * wire.MAX_ARRAYS,
        Array("uint8", (wire.MAX_PAYLOAD,), bytes(wire.MAX_PAYLOAD)),
        [0] * ((wire.MAX_HEADER - JSON_HEADROOM) // 2),
    ):
        assert decode_frame(encode(value)) == value


@pytest.mark.parametrize("wrap", [lambda v: [v], lambda v: (v,), lambda v: {"k": v}], ids=["list", "tuple", "dict"])
def test_both_sides_allow_the_same_depth(wrap):
    value = 0
    for _ in range(wire.MAX_DEPTH):
        value = wrap(value)
    assert decode_frame(encode(value)) == value
    with pytest.raises(WireError, match="too deeply"):
        encode(wrap(value))


# What is refused


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "too short"),
        (b"DGW1", "too short"),
        (frame("1")[:-1], "length is not what it says"),
        (frame("1") + b" ", "length is not what it says"),
        (b"PK\x03\x04" + frame("1")[4:], "does not begin"),
        (wire.PREFIX.pack(wire.MAGIC, wire.MAX_HEADER + 1, 0), "larger than allowed"),
        (wire.PREFIX.pack(wire.MAGIC, 1, wire.MAX_PAYLOAD + 1), "larger than allowed"),
        (wire.PREFIX.pack(wire.MAGIC, 2**32 - 1, 2**64 - 1), "larger than allowed"),
        (frame("1", b"x"), "no array claims"),
    ],
)
def test_a_malformed_frame_is_refused(data, reason):
    refuses(data, reason)


@pytest.mark.parametrize(
    "header",
    [
        "", " ", "x", "[1,]", "'a'", "[1", "1 2", '{"ref":1', '"\t"', "1_000", "0x10", "+1", "01", ".5",
        b"\xff", b"\xef\xbb\xbf1", b"1\x00", "\x00",
        "NaN", "Infinity", "-Infinity", "[NaN]", '{"float":NaN}',
        "[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"tuple":' * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000,
        "1" * 5000, "-" + "9" * 100_000, "[1" + "0" * 4300 + "]",
    ],
    ids=lambda header: repr(header[:14]) + f" {len(header)}",
)  # fmt: skip
def test_a_header_that_is_not_json_is_refused(header):
    refuses(frame(header), "is not JSON|exactly one key")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("1e999", "not finite"),
        ("-1e999", "not finite"),
        ("[0.0, 1e400]", "not finite"),
        ("9223372036854775808", "64 bits"),
        ("-9223372036854775809", "64 bits"),
        ("1" * 4000, "64 bits"),
        (json.dumps("x" * (wire.MAX_TEXT + 1)), "text is too long"),
        (json.dumps("😀" * (wire.MAX_TEXT + 1), ensure_ascii=False), "text is too long"),
        ("[" * 18 + "]" * 18, "too deeply"),
        ('{"tuple":[' * 17 + "1" + "]}" * 17, "too deeply"),
        ('{"dict":["a",' * 17 + "1" + "]}" * 17, "too deeply"),
        ("{}", "exactly one key"),
        ('{"ref":1,"opaque":"x"}', "exactly one key"),
        ('{"ref":1,"ref":2}', "exactly one key"),
        ('{"":1}', "unknown or malformed tag"),
        ('{"object":1}', "unknown or malformed tag"),
        ('{"__reduce__":["os.system",["true"]]}', "unknown or malformed tag"),
        ('{"tuple":1}', "malformed tag"),
        ('{"tuple":{"tuple":[]}}', "malformed tag"),
        ('{"dict":{"opaque":"x"}}', "malformed tag"),
        ('{"dict":[1]}', "dictionary is malformed"),
        ('{"dict":["a"]}', "dictionary is malformed"),
        ('{"dict":["a",1,"b"]}', "dictionary is malformed"),
        ('{"dict":[1,2]}', "dictionary is malformed"),
        ('{"dict":[["a",1]]}', "dictionary is malformed"),
        ('{"dict":["a",1,"a",2]}', "a key twice"),
        ('{"dict":["\\ud800",1,"\\udfff",2]}', "a key twice"),
        ('{"dict":["?",1,"\\udfff",2]}', "a key twice"),
        ('{"float":"1.5"}', "malformed tag"),
        ('{"float":"NaN"}', "malformed tag"),
        ('{"float":["nan"]}', "malformed tag"),
        ('{"float":1.5}', "malformed tag"),
        ('{"ref":-1}', "malformed tag"),
        ('{"ref":1.0}', "malformed tag"),
        ('{"ref":true}', "malformed tag"),
        ('{"ref":"1"}', "malformed tag"),
        ('{"ref":9223372036854775808}', "malformed tag"),
        ('{"remote":[1]}', "malformed tag"),
        ('{"remote":[1,"class"]}', "malformed tag"),
        ('{"remote":[true,"network"]}', "malformed tag"),
        ('{"remote":[-1,"network"]}', "malformed tag"),
        (f'{{"remote":[1{"0" * 100},"network"]}}', "malformed tag"),
        ('{"remote":[1,["network"]]}', "malformed tag"),
        ('{"opaque":1}', "malformed tag"),
        (json.dumps({"opaque": "x" * 1001}), "malformed tag"),
        ('{"array":"float32"}', "array is malformed"),
        ('{"array":["float32"]}', "array is malformed"),
        ('{"array":["float32",[],0]}', "array is malformed"),
        ('{"array":[["float32"],[]]}', "array is malformed"),
        ('{"array":["float32",1]}', "array is malformed"),
        ('{"array":["float128",[]]}', "unknown dtype"),
        ('{"array":["object",[1]]}', "unknown dtype"),
        ('{"array":["",[1]]}', "unknown dtype"),
        ('{"array":["float32",[1,1,1,1,1,1,1,1,1]]}', "more than 8 dimensions"),
        ('{"array":["float32",[-1]]}', "impossible shape"),
        ('{"array":["float32",[-1,-1]]}', "impossible shape"),
        ('{"array":["float32",[1.0]]}', "impossible shape"),
        ('{"array":["float32",[true]]}', "impossible shape"),
        ('{"array":["float32",["1"]]}', "impossible shape"),
        ('{"array":["float32",[null]]}', "impossible shape"),
        ('{"array":["float32",[1099511627776,0]]}', "impossible shape"),
        ('{"array":["uint8",[67108864,67108864,67108864,67108864,67108864,67108864,67108864,0]]}', "impossible shape"),
        ('{"array":["uint8",[18446744073709551616]]}', "impossible shape"),
        ('{"array":["uint8",[67108864]]}', "do not fit the payload"),
        ('{"array":["float32",[2]]}', "do not fit the payload"),
        ("[" + ",".join(['{"array":["uint8",[0]]}'] * 1025) + "]", "do not fit the payload"),
    ],
    ids=lambda text: text[:44],
)  # fmt: skip
def test_a_header_that_breaks_a_rule_is_refused_with_the_reason(header, reason):
    refuses(frame(header, b"1234" if "float32" in header else b""), reason)


def test_a_malformed_part_is_refused_wherever_it_stands():
    for outer in ("[1,%s]", '{"tuple":[%s]}', '{"dict":["a",%s]}', '[{"array":["uint8",[0]]},[[%s]]]'):
        for inner in ('{"ref":-1}', "1e999", '{"array":["int4",[0]]}', "{}", '{"object":1}'):
            with pytest.raises(WireError):
                decode_frame(frame(outer % inner))


# Any bytes at all


def test_no_bytes_bring_the_decoder_to_anything_but_a_value_or_a_wire_error():
    """20,000 random, mutated, truncated and recombined frames; what is accepted can be sent back and read again."""
    accepted = refused = 0
    for data in hostile_frames(20_000, random.Random(7)):
        try:
            value = decode_frame(data)
        except WireError:
            refused += 1
            continue
        accepted += 1
        assert equal(decode_frame(encode(value)), value)
        from_wire(value)
    assert accepted > 1000, "the fuzzer must reach what lies behind the parser"
    assert refused > 10_000


@RELAXED
@given(st.binary(max_size=64), st.binary(max_size=64))
def test_any_header_and_payload_give_a_value_or_a_wire_error(header, payload):
    with contextlib.suppress(WireError):
        decode_frame(frame(header, payload))


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["tuple", "dict", "float", "array", "ref", "remote", "opaque", "other"]), inner, max_size=2
        ),
    ),
    max_leaves=15,
)


@RELAXED
@given(json_values, st.binary(max_size=32))
def test_any_json_gives_a_value_or_a_wire_error(tree, payload):
    with contextlib.suppress(WireError):
        decode_frame(frame(json.dumps(tree), payload))


GREEDY = {
    "lists": ("[", "[],", "0]"),
    "objects": ("[", "{},", "0]"),
    "references": ("[", '{"ref":1},', "0]"),
    "tuples": ("[", '{"tuple":[]},', "0]"),
    "dictionaries": ("[", '{"dict":[]},', "0]"),
    "keys": ('{"dict":[', '"%d",1,', '"",1]}'),
    "arrays": ("[", '{"array":["uint8",[0]]},', "0]"),
    "numbers": ("[", "1.5,", "0]"),
    "texts": ("[", '"a",', "0]"),
    "escapes": ('"', "\\ud83d", '"'),
    "brackets": ("", "[", ""),
}


@pytest.mark.parametrize("kind", GREEDY)
def test_memory_is_bounded_by_the_length_of_the_header(kind):
    start, item, end = GREEDY[kind]
    count = wire.MAX_HEADER // 8 // len(item)
    header = start + "".join(item.replace("%d", str(i)) for i in range(count)) + end
    assert peak_memory(frame(header)) < MEMORY_FACTOR * len(header)


@pytest.mark.parametrize(
    "header",
    [
        '{"array":["float64",[1099511627776]]}',
        '{"array":["float64",[1099511627776,0]]}',
        '{"array":["float64",[67108864,67108864,67108864]]}',
        '{"array":["float64",[67108864]]}',
        '[{"array":["uint8",[67108863]]},{"array":["uint8",[67108863]]}]',
    ],
)
def test_a_claimed_size_takes_no_memory(header):
    assert peak_memory(frame(header, b"12345678")) < 1 << 20


def test_hostile_frames_take_little_memory():
    assert peak_memory(*hostile_frames(3000, random.Random(8))) < 256 << 10


def peak_memory(*inputs: bytes) -> int:
    tracemalloc.start()
    try:
        for data in inputs:
            with contextlib.suppress(WireError):
                decode_frame(data)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak
