"""torch without its compilers: what they are asked to compile stays as it is, runs eagerly, and gives the same numbers.

A first compilation takes many seconds and needs a C++ compiler, which says nothing about the work; running eagerly costs nothing.

Of oneDNN, on which torch runs on the CPU, no more than the instructions of AVX512_CORE_BF16 are used: on processors with AVX512-FP16, a blur of half
precision whose kernel is 15 wide or wider never ends (torch 2.15.0, oneDNN 3.13.3, its float16 kernel for depthwise convolutions). Single precision
uses none of those that are left out.
"""

from typing import Any

# To be set before torch is imported: torch.jit.script and trace give back what they get, and so does torch._dynamo.optimize.
ENVIRONMENT = {"PYTORCH_JIT": "0", "TORCHDYNAMO_DISABLE": "1", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}


def switch_off_compilers() -> None:
    """Make torch.compile, with it torch.compiler.compile and Module.compile, and what finishes a scripted module give back what they get.

    Module.compile keeps `torch.compile(self._call_impl)` as the module's call, so it needs no change of its own.
    """
    import torch

    torch.compile = _compile
    for name in ("freeze", "optimize_for_inference"):
        setattr(torch.jit, name, _unchanged)


def _compile(model: Any = None, **options: Any) -> Any:
    """As torch.compile is called: with a function or a module, or with options only, as a decorator."""
    if model is None:
        return _compile
    import torch

    if isinstance(model, torch.nn.Module):
        object.__setattr__(model, "_orig_mod", model)  # what a compiled module calls the original; not registered as a part
    return model


def _unchanged(module: Any, *args: Any, **options: Any) -> Any:
    return module
