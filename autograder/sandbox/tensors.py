"""Tensors as data of the wire format, and back."""

import torch

from autograder.sandbox import wire
from autograder.sandbox.wire import Array, Opaque

TORCH_DTYPES = {name: getattr(torch, name) for name in wire.ITEM_SIZE}
WIRE_DTYPES = {dtype: name for name, dtype in TORCH_DTYPES.items()}


def tensor_from_wire(array: Array) -> torch.Tensor:
    """A tensor of its own memory."""
    tensor = torch.frombuffer(bytearray(array.data or b"\0" * 8), dtype=TORCH_DTYPES[array.dtype])
    return tensor[: len(array.data) // wire.ITEM_SIZE[array.dtype]].reshape(array.shape)


def tensor_to_wire(tensor: torch.Tensor) -> Array | Opaque:
    """A plain copy of a tensor, or the name of what is odd about it."""
    try:
        with torch._C.DisableTorchFunctionSubclass(), torch.no_grad():
            plain = tensor.as_subclass(torch.Tensor) if type(tensor) is not torch.Tensor else tensor
            if plain.is_quantized:
                return Opaque("a quantised tensor")
            if plain.layout is not torch.strided:
                return Opaque(f"a tensor of layout {plain.layout}")
            if plain.device.type == "meta":
                return Opaque("a meta tensor, which has no values")
            if plain.dtype not in WIRE_DTYPES:
                return Opaque(f"a tensor of dtype {plain.dtype}")
            dtype = WIRE_DTYPES[plain.dtype]
            if plain.dim() > wire.MAX_RANK:
                return Opaque(f"a tensor with {plain.dim()} dimensions")
            if plain.numel() * wire.ITEM_SIZE[dtype] > wire.MAX_PAYLOAD // 2:
                return Opaque(f"a tensor of {plain.numel()} elements")
            plain = plain.detach().cpu().resolve_neg().contiguous()
            raw = plain.view(torch.int16) if dtype == "bfloat16" else plain
            return Array(dtype, tuple(plain.shape), raw.numpy().tobytes())
    except Exception as error:
        return Opaque(f"a tensor that cannot be read ({type(error).__name__})")
