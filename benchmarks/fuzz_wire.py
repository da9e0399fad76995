"""Fuzz the decoder of the wire format: random, mutated, truncated and recombined frames give a value or a WireError.

python -m benchmarks.fuzz_wire [COUNT]
"""

import json
import random
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator

from autograder.sandbox import wire
from autograder.sandbox.wire import Array, Opaque, Ref, Remote

MEMORY_BOUND = 256  # KB; the inputs are shorter than 2 KB
SEEDS = [
    None, True, -1, 2**63 - 1, 0.5, -0.0, 1e308, float("nan"), float("-inf"), "", "text", "ᾱ_t 😀", [], (), {},
    [1, [2, [3, [4]]]], (1, ("a", None)), Ref(3), Remote(2, "network"), Opaque("a sparse tensor"),
    {"kind": "result", "value": {"a": [1.5, "x"]}},
    {"kind": "raised", "type": "ValueError", "message": "bad", "where": ["ddpm.py", 12, "p_sample", "raise Error"]},
    {"kind": "callback", "remote": 1, "args": [Array("float32", (2, 2), bytes(16)), Array("int64", (1,), bytes(8))]},
    *[Array(dtype, (3,), bytes(3 * size)) for dtype, size in wire.ITEM_SIZE.items()],
    Array("float64", (0, 5), b""), Array("uint8", (1,) * 8, b"x"), Array("bool", (2,), b"\x00\x01"),
    [Array("uint8", (n,), bytes(n)) for n in range(5)],
]  # fmt: skip
SPLICES = [
    b"NaN", b"-Infinity", b"1e999", b"-0", b"9223372036854775808", b"1" * 400, b"null", b"true", b"[]", b"{}", b'""',
    b'"\\ud800"', b'"\\u0000"', b'{"ref":0}', b'{"ref":1,"ref":2}', b'{"float":"nan"}', b'{"tuple":[]}',
    b'{"dict":["a",1,"a",2]}', b'{"remote":[1,"network"]}', b'{"opaque":""}', b'{"array":["float32",[0]]}',
    b'{"array":["uint8",[1099511627776,0]]}', b'{"array":["float64",[67108864,67108864]]}', b"[" * 40, b"]" * 40,
    b'{"tuple":[' * 20, b",", b":", b"-", b".", b"e", b"\\", b"\xff", b"\x00", b" ", b"\xef\xbb\xbf",
]  # fmt: skip


def frame(header: bytes, payload: bytes = b"") -> bytes:
    return wire.PREFIX.pack(wire.MAGIC, len(header), len(payload)) + header + payload


def hostile_frames(count: int, rng: random.Random) -> Iterator[bytes]:
    """`count` inputs. Most have a prefix that fits them, so that they get past it."""
    frames = [wire.encode(seed) for seed in SEEDS]
    size = wire.PREFIX.size
    parts = []
    for data in frames:
        length = wire.read_prefix(data[:size])[0]
        parts.append((data[size : size + length], data[size + length :]))
    for _ in range(count):
        header, payload = rng.choice(parts)
        how = rng.random()
        if how < 0.04:
            yield rng.randbytes(rng.randrange(80))
        elif how < 0.14:
            yield _mutated(rng.choice(frames), rng)
        elif how < 0.19:
            data = rng.choice(frames)
            yield data[: rng.randrange(len(data) + 1)]
        elif how < 0.22:
            yield wire.PREFIX.pack(wire.MAGIC, rng.getrandbits(32), rng.getrandbits(64)) + header
        elif how < 0.27:
            yield frame(rng.randbytes(rng.randrange(40)), payload)
        elif how < 0.50:
            yield frame(_mutated(header, rng), payload)
        elif how < 0.65:
            other, more = rng.choice(parts)
            start, end = sorted(rng.randrange(len(header) + 1) for _ in range(2))
            yield frame(header[:start] + other + header[end:], rng.choice((payload, payload + more, more + payload)))
        elif how < 0.90:
            yield frame(_recombined(header, rng), payload)
        else:
            yield frame(header, _mutated(payload, rng))


def _mutated(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        position = rng.randrange(len(changed) + 1)
        how = rng.randrange(5)
        if how == 0:
            changed[position:position] = rng.choice(SPLICES)
        elif how == 1:
            changed[position : position + rng.randrange(1, 6)] = b""
        elif how == 2:
            changed[position : position + 1] = rng.choice(SPLICES)
        elif position < len(changed):
            changed[position] = rng.randrange(256) if how == 3 else changed[position] ^ 1 << rng.randrange(8)
    return bytes(changed)


def _recombined(header: bytes, rng: random.Random) -> bytes:
    """The same JSON with one of its parts replaced: valid JSON, hardly ever valid in the format."""
    tree = [json.loads(header)]
    places = []
    stack = [tree]
    while stack:
        node = stack.pop()
        for key in node if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], (dict, list)):
                stack.append(node[key])
    node, key = rng.choice(places)
    odd = (
        None,
        True,
        -1,
        0,
        2**63,
        1.5,
        "",
        "nan",
        "network",
        [],
        {},
        [1],
        {"ref": 1},
        {"tuple": [{}]},
        "float32",
        ["uint8", [0]],
        [[]],
        "\ud800",
    )
    if isinstance(node, dict) and rng.random() < 0.3:
        node[rng.choice(("tuple", "dict", "float", "array", "ref", "remote", "opaque", "x"))] = node.pop(key)
    else:
        node[key] = rng.choice(odd)
    return json.dumps(tree[0]).encode()


def run(count: int = 1_000_000) -> list[tuple[str, str, str]]:
    """Rows of (what, figure, bound). Raises AssertionError with the input at the first other exception."""
    ends: Counter[str] = Counter()
    spent = 0.0
    for data in hostile_frames(count, random.Random(0)):
        started = time.perf_counter()
        try:
            wire.decode_frame(data)
            ends["value"] += 1
        except wire.WireError:
            ends["refused"] += 1
        except BaseException as error:
            raise AssertionError(f"{type(error).__name__} for the frame {data!r}") from error
        finally:
            spent += time.perf_counter() - started
    peak = _peak_kilobytes(min(count, 20_000))
    return [
        (
            "wire: hostile inputs decoded",
            f"{count:,}; {ends['value']:,} values, {ends['refused']:,} refused",
            "no other exception",
        ),
        ("wire: inputs a second", f"{count / spent:,.0f}", ""),
        ("wire: peak memory of the decoder", f"{peak} KB", f"{MEMORY_BOUND} KB"),
    ]


def _peak_kilobytes(count: int) -> int:
    inputs = list(hostile_frames(count, random.Random(1)))
    tracemalloc.start()
    for data in inputs:
        try:
            wire.decode_frame(data)
        except wire.WireError:
            continue
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak >> 10


if __name__ == "__main__":
    for what, figure, bound in run(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000):
        print(f"{what}: {figure}" + (f" (bound: {bound})" if bound else ""))
