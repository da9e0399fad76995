"""Changes of right versions that no check of behaviour should see; see docs/generated-mutants.md."""

from autograder.grading.generated.accepted import Accepted

AS_A_TENSOR = "A function may return its picture as a tensor."
LAST_NOISE = "Noise in the last step is in the course's notebook, and right without it too."
PRECISION = "In which precision the network is asked, and an image is copied, is left open."
LOOPS = ("iterative_denoise", "iterative_denoise_cfg", "inpaint", "make_flip_illusion", "make_hybrids")
ADDED = "image = add_variance(variance, t, image) if {} else image"

ANSWER = "{} = stage_1.unet(image.half(), t, encoder_hidden_states={}.half(), return_dict=False)[0].float()"
IN_HALF = {
    "iterative_denoise": f"{ANSWER.format('out', 'prompt_embeds')}; eps, variance = out[:, :3], out[:, 3:]",
    "iterative_denoise_cfg": f"{ANSWER.format('c', 'prompt_embeds')}; {ANSWER.format('u', 'uncond_prompt_embeds')}; "
    "variance = c[:, 3:]; eps = u[:, :3] + scale * (c[:, :3] - u[:, :3])",
}

ACCEPTED = (
    *(Accepted(f"sampling.py:{loop}", ("return image.cpu().numpy()",), ("return image.cpu()",), AS_A_TENSOR) for loop in LOOPS),
    Accepted("sampling.py:iterative_denoise", (ADDED.format("prev_t > 0"),), (), LAST_NOISE),
    Accepted("sampling.py:iterative_denoise_cfg", (ADDED.format("i < len(timesteps) - 2"),), (), LAST_NOISE),
    *(Accepted(f"sampling.py:{loop}", (line,), (), PRECISION) for loop, line in IN_HALF.items()),
    Accepted("sampling.py:inpaint", ("original = original_image.clone().half().float(); m = mask.clone().bool()",), (), PRECISION),
)
