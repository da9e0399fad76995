"""DeepFloyd IF, stages 1 and 2, as the course uses it (given; nothing to do here).

    python deepfloyd.py download                     gets the weights, some 10 GB
    python deepfloyd.py embed "a prompt" "another"   makes prompt_embeds.safetensors, by T5, a language model that takes 20 GB of memory

It needs `pip install diffusers transformers accelerate sentencepiece`, a GPU, and that you accept the licence on the page of DeepFloyd/IF-I-L-v1.0
on huggingface.co and log in with `huggingface-cli login`. Once the weights are there, nothing here uses the network. Of the prompts, a file of
embeddings will do, such as the course's prompt_embeds_dict.pth.
"""

import argparse
import sys
from pathlib import Path

import torch
from torch import Tensor

STAGE_1, STAGE_2 = "DeepFloyd/IF-I-L-v1.0", "DeepFloyd/IF-II-L-v1.0"
EMBEDS = ("prompt_embeds.safetensors", "prompt_embeds_dict.pth")  # either, in the folder of model.py


def load_deepfloyd(folder: Path, device: torch.device, stage_1: str | Path = STAGE_1, stage_2: str | Path = STAGE_2):
    """Both stages without a language model, and prompt → (1, 77, 4096), from the file in `folder`. `stage_1`, `stage_2`: names, or folders.

    On a GPU in half precision, and what is not at work is kept in the memory of the CPU. Raises ValueError with what is missing.
    """
    diffusers, dtype = _diffusers(), torch.float16 if device.type == "cuda" else torch.float32
    stages = [
        _load(kind, name, device, torch_dtype=dtype, text_encoder=None, tokenizer=None)
        for kind, name in ((diffusers.IFPipeline, stage_1), (diffusers.IFSuperResolutionPipeline, stage_2))
    ]
    embeds = load_prompt_embeds(folder)
    return (*stages, {prompt: value.to(device, dtype) for prompt, value in embeds.items()})


def _diffusers():
    try:
        import diffusers
    except ImportError:
        raise ValueError(
            "DeepFloyd needs diffusers: pip install diffusers transformers accelerate sentencepiece"
        ) from None
    return diffusers


def _load(kind, name: str | Path, device: torch.device, **settings):
    unused = {"safety_checker": None, "feature_extractor": None, "watermarker": None, "requires_safety_checker": False}
    variant = {} if Path(name).is_dir() else {"variant": "fp16"}
    try:
        stage = kind.from_pretrained(str(name), local_files_only=True, **variant, **unused, **settings)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{name} is not on this machine as a whole; get it: python deepfloyd.py download ({first_line(error)})"
        ) from None
    if device.type == "cuda":
        stage.enable_model_cpu_offload()
    return stage


def first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def load_prompt_embeds(folder: Path) -> dict[str, Tensor]:
    """prompt → (1, 77, 4096), read as data. Raises ValueError where there is no file, or something else in it."""
    file = next((folder / name for name in EMBEDS if (folder / name).exists()), None)
    if file is None:
        raise ValueError(
            f'DeepFloyd needs embeddings of prompts: put {EMBEDS[1]} beside model.py, or make them: python deepfloyd.py embed "" "a prompt"'
        )
    try:
        if file.suffix == ".pth":
            found = torch.load(file, map_location="cpu", weights_only=True)
        else:
            from safetensors.torch import load_file

            found = load_file(file)
        usable = all(isinstance(prompt, str) and value.ndim == 3 for prompt, value in found.items())
    except Exception as error:
        raise ValueError(f"{file.name} cannot be read as embeddings of prompts ({type(error).__name__}).") from None
    if not usable or "" not in found:
        raise ValueError(
            f'{file.name} must hold a tensor (1, 77, 4096) for each prompt, the null prompt "" among them.'
        )
    return found


def upsampled(stage_2, image: Tensor, prompt_embeds: Tensor) -> Tensor:
    """(B, 3, 64, 64) → (B, 3, 256, 256), both in [−1, 1]."""
    embeds = prompt_embeds.to(stage_2.unet.dtype)
    pictures = stage_2(image=image.to(embeds.dtype), prompt_embeds=embeds, negative_prompt_embeds=torch.zeros_like(embeds), num_inference_steps=30,
                       output_type="pt").images  # fmt: skip
    return pictures.to(image)


# The commands


def download() -> None:
    """Raises ValueError where a licence is not accepted, or there is no network."""
    for name in (STAGE_1, STAGE_2):
        try:
            _diffusers().DiffusionPipeline.download(name, variant="fp16")
        except OSError as error:
            raise ValueError(
                f"{name} cannot be downloaded: accept its licence on huggingface.co/{name} and log in: huggingface-cli login ({first_line(error)})"
            ) from None


def embed(prompts: list[str], folder: Path, name: str | Path = STAGE_1) -> None:
    """Adds those of the prompts to prompt_embeds.safetensors, with the null prompt. Raises ValueError where T5 is not on this machine."""
    from safetensors.torch import save_file

    stage = _load(_diffusers().IFPipeline, name, torch.device("cpu"), unet=None)
    known = load_prompt_embeds(folder) if any((folder / file).exists() for file in EMBEDS) else {}
    for prompt in ["", *prompts]:
        known[prompt] = stage.encode_prompt(prompt, do_classifier_free_guidance=False)[0].cpu().contiguous()
    save_file(known, folder / EMBEDS[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("download")
    commands.add_parser("embed").add_argument("prompts", nargs="+")
    args = parser.parse_args()
    try:
        if args.command == "download":
            download()
        else:
            embed(args.prompts, Path(__file__).resolve().parent)
    except ValueError as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
