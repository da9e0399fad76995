"""Changes of right versions that no check of behaviour should see; see docs/generated-mutants.md."""

from autograder.grading.generated.accepted import Accepted

AS_A_TENSOR = "A function may return its picture as a tensor."
LAST_NOISE = "Noise in the last step is in the course's notebook, and right without it too."
PRECISION = "In which precision the network is asked, and an image is copied, is left open."
ORDER = "A network may be asked about its prompts in any order."
IN_VAIN = "Numbers that were drawn in vain change nothing."
UNCLIPPED = "A picture may be returned unclipped."
LOOPS = ("iterative_denoise", "iterative_denoise_cfg", "inpaint", "make_flip_illusion", "make_hybrids")
ADDED = "image = add_variance(variance, t, image) if {} else image"

RETURNED = ("return image.cpu().numpy()", "return image.cpu().detach().numpy()")
CALLS = tuple(
    "output_{} = stage_1.unet(image, t, encoder_hidden_states={}prompt_embeds{}, return_dict=False)[0]".format(*call)
    for call in (("c", "", ""), ("u", "uncond_", ""), ("1", "", "_1"), ("2", "", "_2"))
)
COPY = "out = im.clone().half().to(device)"
SUM = "return out.mul_(a.sqrt()).add_(torch.randn(im.shape, device=im.device).half(), alpha=float((1 - a).sqrt()))"
PICTURE = "return ((image[0].permute(1, 2, 0) / 2 + 0.5).clamp({}).cpu().numpy())"
ANSWER = "{} = stage_1.unet(image.half(), t, encoder_hidden_states={}.half(), return_dict=False)[0].float()"
IN_HALF = {
    "iterative_denoise": f"{ANSWER.format('out', 'prompt_embeds')}; eps, variance = out[:, :3], out[:, 3:]",
    "iterative_denoise_cfg": f"{ANSWER.format('c', 'prompt_embeds')}; {ANSWER.format('u', 'uncond_prompt_embeds')}; "
    "variance = c[:, 3:]; eps = u[:, :3] + scale * (c[:, :3] - u[:, :3])",
}
_SPLIT = "{} = torch.split(stage_1.unet(image, t, encoder_hidden_states={}prompt_embeds, return_dict=False)[0], 3, dim=1)"
_WITHOUT, _WITH, _GUIDED = _SPLIT.format("u, _", "uncond_"), _SPLIT.format("c, variance", ""), "eps = (1 - scale) * u + scale * c"
BOTH_SPLIT = (f"{_WITHOUT}; {_WITH}; {_GUIDED}", f"{_WITH}; {_WITHOUT}; {_GUIDED}")
STARTS = {
    "iterative_denoise": "image = im_noisy.clone().half().to(device)", "iterative_denoise_cfg": "image = im_noisy.half().to(device)",
    "inpaint": "image = torch.randn_like(original_image).half().to(device)", "make_flip_illusion": "image = image.half()",
    "make_hybrids": "image = image.half()",
}  # fmt: skip

ACCEPTED = (
    *(Accepted(f"sampling.py:{loop}", (line,), (line.removesuffix(".numpy()"),), AS_A_TENSOR) for loop in LOOPS for line in RETURNED),
    *(Accepted(f"sampling.py:{loop}", (line,), (line,), ORDER) for line in CALLS for loop in LOOPS),
    *(Accepted(f"sampling.py:{loop}", BOTH_SPLIT[:1], BOTH_SPLIT[1:], ORDER) for loop in ("iterative_denoise_cfg", "inpaint")),
    Accepted("sampling.py:inpaint", (), ("image = torch.randn_like(original_image).to(device)",), IN_VAIN),
    Accepted("sampling.py:forward", (), ("noise = np.random.randn(*im.shape)",), IN_VAIN),
    *(Accepted("sampling.py:forward", (line,), (line.replace(".half()", ".float()"),), PRECISION) for line in (COPY, SUM)),
    Accepted("sampling.py:iterative_denoise_cfg", (PICTURE.format("0, 1"),), (PICTURE.format("0"),), UNCLIPPED),
    Accepted("sampling.py:iterative_denoise", (ADDED.format("prev_t > 0"),), (), LAST_NOISE),
    Accepted("sampling.py:iterative_denoise_cfg", (ADDED.format("i < len(timesteps) - 2"),), (), LAST_NOISE),
    *(Accepted(f"sampling.py:{loop}", (line,), (), PRECISION) for loop, line in (*IN_HALF.items(), *STARTS.items())),
    Accepted("sampling.py:inpaint", ("original = original_image.clone().half().float(); m = mask.clone().bool()",), (), PRECISION),
)
