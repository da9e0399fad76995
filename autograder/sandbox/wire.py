"""The wire format between grader and worker: data only, exact types, hard caps.

A frame is

    magic "DGW1" | header length, u32 | payload length, u64 | header, JSON in UTF-8 | payload, the raw bytes of the arrays

The header holds one value. Plain JSON stands for None, bool, int, finite float, str and list; everything else is an object with one key:

    {"tuple": [...]}  {"dict": [key, value, ...]}  {"float": "nan" | "inf" | "-inf"}
    {"array": [dtype, [size, ...]]}   the arrays' bytes follow each other in the payload in the order of their appearance
    {"ref": n}                        an object that lives in the worker
    {"remote": [n, kind]}             a callable that lives in the grader
    {"opaque": "text"}                a value that is not data; the text describes it

Both sides use this module; neither torch nor numpy is needed to read a frame. Nothing here executes, imports or instantiates anything
on behalf of the other side, and a frame that breaks a rule raises WireError before memory for it is taken.
"""

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MAGIC = b"DGW1"
PREFIX = struct.Struct(">4sIQ")

MAX_HEADER = 1 << 20  # bytes of JSON
MAX_PAYLOAD = 64 << 20  # bytes of arrays in one frame
MAX_ARRAYS = 1024
MAX_RANK = 8
MAX_DEPTH = 16
MAX_TEXT = 64 << 10  # characters of one string
MAX_INT = 1 << 63

ITEM_SIZE = {
    "bool": 1, "uint8": 1, "int8": 1, "int16": 2, "int32": 4, "int64": 8,
    "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8,
}  # fmt: skip
TRUTH = bytes([0] + [1] * 255)  # a byte of a bool array that is neither 0 nor 1 is read as 1


class WireError(Exception):
    """A frame, or a value to be sent, breaks a rule of the format."""


@dataclass(frozen=True)
class Array:
    """A dense array as bytes, C order, little endian."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


@dataclass(frozen=True)
class Ref:
    """A handle on an object in the worker."""

    id: int


@dataclass(frozen=True)
class Remote:
    """A callable that the grader answers; `kind` is "network" (an nn.Module in the worker) or "function"."""

    id: int
    kind: str


@dataclass(frozen=True)
class Opaque:
    """Stands for a value that is not data, such as a sparse tensor or a generator."""

    description: str


def encode(value: Any) -> bytes:
    """A whole frame for `value`. Raises WireError when the value cannot be sent."""
    arrays: list[bytes] = []
    header = _ENCODER.encode(_to_json(value, arrays, 0)).encode("ascii")
    payload_length = sum(map(len, arrays))
    if len(header) > MAX_HEADER or payload_length > MAX_PAYLOAD:
        raise WireError(f"the value is too large to send ({(len(header) + payload_length) >> 20} MB)")
    return b"".join([PREFIX.pack(MAGIC, len(header), payload_length), header, *arrays])


def read_prefix(prefix: bytes) -> tuple[int, int]:
    """(header length, payload length) from the first PREFIX.size bytes. Raises WireError when they break a cap."""
    magic, header_length, payload_length = PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise WireError("a frame does not begin as it must")
    if header_length > MAX_HEADER or payload_length > MAX_PAYLOAD:
        raise WireError("a frame is larger than allowed")
    return header_length, payload_length


def decode(header: bytes, payload: bytes) -> Any:
    """The value of a frame's header and payload. Raises WireError for anything that is not exactly of the format."""
    try:
        tree = _DECODER.decode(header.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise WireError("a header is not JSON") from error
    reader = _PayloadReader(payload)
    value = _from_json(tree, reader, 0)
    if reader.position != len(payload):
        raise WireError("a payload has bytes that no array claims")
    return value


def decode_frame(frame: bytes) -> Any:
    """Decode a frame that is wholly in memory."""
    if len(frame) < PREFIX.size:
        raise WireError("a frame is too short")
    header_length, payload_length = read_prefix(frame[: PREFIX.size])
    if len(frame) != PREFIX.size + header_length + payload_length:
        raise WireError("a frame's length is not what it says")
    return decode(frame[PREFIX.size : PREFIX.size + header_length], frame[PREFIX.size + header_length :])


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _one_key(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) != 1:
        raise WireError("an object does not have exactly one key")
    return dict(pairs)


_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
_DECODER = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_one_key)


def _to_json(value: Any, arrays: list[bytes], depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise WireError("the value is nested too deeply")
    kind = type(value)
    if kind is str:
        if len(value) > MAX_TEXT:
            raise WireError("a text is too long")
        return _text(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        if not -MAX_INT <= value < MAX_INT:
            raise WireError("an integer is larger than 64 bits")
        return value
    if kind is float:
        return value if math.isfinite(value) else {"float": str(value)}
    if kind is list:
        return [_to_json(item, arrays, depth + 1) for item in value]
    if kind is tuple:
        return {"tuple": [_to_json(item, arrays, depth + 1) for item in value]}
    if kind is dict:
        if not all(map(_is_text, value)):
            raise WireError("a dictionary has a key that is not a text")
        if not all(map(str.isascii, value)) and len({_text(key) for key in value}) < len(value):
            raise WireError("a dictionary has a key twice")
        flat: list[Any] = []
        for key, item in value.items():
            flat += _to_json(key, arrays, depth + 1), _to_json(item, arrays, depth + 1)
        return {"dict": flat}
    if kind is Array:
        if len(arrays) >= MAX_ARRAYS:
            raise WireError("there are too many arrays")
        if len(value.data) != _array_length(value.dtype, value.shape):
            raise WireError("an array's shape does not fit its bytes")
        arrays.append(value.data)
        return {"array": [value.dtype, list(value.shape)]}
    if kind is Ref:
        return {"ref": value.id}
    if kind is Remote:
        return {"remote": [value.id, value.kind]}
    if kind is Opaque:
        return {"opaque": _text(value.description[:1000])}
    raise WireError(f"a {kind.__name__} is not data")


def _is_text(value: Any) -> bool:
    return type(value) is str


def _text(value: str) -> str:
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")  # lone surrogates become "?"


def _array_length(dtype: str, shape: Sequence[int]) -> int:
    """How many bytes an array has. Raises WireError for what is no array; next to a size of 0 the others are bounded as if it were 1."""
    if dtype not in ITEM_SIZE:
        raise WireError("an array has an unknown dtype")
    if len(shape) > MAX_RANK:
        raise WireError(f"an array has more than {MAX_RANK} dimensions")
    if (
        any(type(size) is not int or size < 0 for size in shape)
        or math.prod(max(size, 1) for size in shape) * ITEM_SIZE[dtype] > MAX_PAYLOAD
    ):
        raise WireError("an array has an impossible shape")
    return math.prod(shape) * ITEM_SIZE[dtype]


class _PayloadReader:
    def __init__(self, payload: bytes):
        self.view = memoryview(payload)
        self.position = 0
        self.count = 0

    def take(self, length: int) -> bytes:
        self.count += 1
        if self.count > MAX_ARRAYS or length > len(self.view) - self.position:
            raise WireError("the arrays do not fit the payload")
        start, self.position = self.position, self.position + length
        return bytes(self.view[start : self.position])


def _from_json(node: Any, reader: _PayloadReader, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise WireError("a value is nested too deeply")
    kind = type(node)
    if kind is str:
        if len(node) > MAX_TEXT:
            raise WireError("a text is too long")
        return _text(node)
    if kind is int:
        if not -MAX_INT <= node < MAX_INT:
            raise WireError("an integer is larger than 64 bits")
        return node
    if node is None or kind is bool:
        return node
    if kind is float:
        if not math.isfinite(node):  # "1e999"
            raise WireError("a number is not finite")
        return node
    if kind is list:
        return [_from_json(item, reader, depth + 1) for item in node]
    [(tag, body)] = node.items()
    if tag == "tuple" and type(body) is list:
        return tuple(_from_json(item, reader, depth + 1) for item in body)
    if tag == "dict" and type(body) is list:
        keys = body[::2]
        if len(body) % 2 or not all(map(_is_text, keys)):
            raise WireError("a dictionary is malformed")
        items = [_from_json(item, reader, depth + 1) for item in body]
        result = dict(zip(items[::2], items[1::2]))
        if len(result) < len(keys):
            raise WireError("a dictionary has a key twice")
        return result
    if tag == "float" and body in ("nan", "inf", "-inf"):
        return float(body)
    if tag == "array":
        return _array_from_json(body, reader)
    if tag == "ref" and type(body) is int and 0 <= body < MAX_INT:
        return Ref(body)
    if (
        tag == "remote"
        and type(body) is list
        and len(body) == 2
        and type(body[0]) is int
        and 0 <= body[0] < MAX_INT
        and body[1] in ("network", "function")
    ):
        return Remote(body[0], body[1])
    if tag == "opaque" and type(body) is str and len(body) <= 1000:
        return Opaque(_text(body))
    raise WireError("an object has an unknown or malformed tag")


def _array_from_json(body: Any, reader: _PayloadReader) -> Array:
    if type(body) is not list or len(body) != 2 or type(body[0]) is not str or type(body[1]) is not list:
        raise WireError("an array is malformed")
    dtype, shape = body
    data = reader.take(_array_length(dtype, shape))
    return Array(dtype, tuple(shape), data.translate(TRUTH) if dtype == "bool" else data)
