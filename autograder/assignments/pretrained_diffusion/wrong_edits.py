"""Known wrong versions of editing and inpainting."""

from autograder.assignments.pretrained_diffusion.loop_parts import TWO, body
from autograder.assignments.pretrained_diffusion.wrong_steps import guidance_mistakes, step_mistakes
from autograder.grading.mutants import in_region

_edit = in_region("1-7", "sampling.py:sdedit")
_NOISED = "im_noisy = forward(image, timesteps[i_start])"
_DENOISED = "iterative_denoise_cfg(im_noisy, i_start, prompt_embeds, uncond_prompt_embeds, timesteps, scale, display)"

SDEDIT = (
    _edit(
        "edit-not-noised",
        explanation="The image seems to be denoised as it is: it has to be noised first, to the t at which the denoising begins.",
        edits=((_NOISED, "im_noisy = image"),),
    ),
    _edit(
        "edit-noised-to-the-first",
        explanation="The image seems to be noised to the first of the timesteps, whatever i_start is.",
        edits=(("timesteps[i_start]", "timesteps[0]"),),
    ),
    _edit(
        "edit-noised-to-the-place",
        explanation="The image seems to be noised to t = i_start, which is a place in timesteps, and not the t that stands there.",
        edits=(("timesteps[i_start]", "i_start"),),
    ),
    _edit(
        "edit-noised-one-off",
        explanation="The image seems to be noised to the t before that at which the denoising begins.",
        edits=(("timesteps[i_start]", "timesteps[i_start - 1]"),),
    ),
    _edit(
        "edit-noised-too-little",
        explanation="The image seems to be noised to the t after that at which the denoising begins.",
        edits=(("timesteps[i_start]", "timesteps[i_start + 1]"),),
    ),
    _edit(
        "edit-from-noise",
        explanation="What is denoised seems to be pure noise, which knows nothing of the image.",
        edits=((_NOISED, "im_noisy = torch.randn_like(image)"),),
    ),
    _edit(
        "edit-denoised-from-the-first",
        explanation="The denoising seems to begin at the first of the timesteps, whatever i_start is.",
        edits=((_DENOISED, _DENOISED.replace("i_start", "0")),),
    ),
    _edit(
        "edit-prompts-swapped",
        explanation="The prompt and the null prompt seem to be swapped where the guided loop is called.",
        edits=(
            (
                _DENOISED,
                _DENOISED.replace("prompt_embeds, uncond_prompt_embeds", "uncond_prompt_embeds, prompt_embeds"),
            ),
        ),
    ),
    _edit(
        "edit-scale-not-handed-on",
        explanation="The scale seems not to reach the guided loop, which then takes its default.",
        edits=((", scale, display)", ", display=display)"),),
    ),
    _edit(
        "edit-unguided",
        explanation="The denoising seems to be without guidance. Which of your two loops does the editing take?",
        edits=((_DENOISED, "iterative_denoise(im_noisy, i_start, prompt_embeds, timesteps, display)"),),
    ),
    _edit(
        "edit-returns-the-noised",
        explanation="Your function seems to return the noised image, not what the guided loop makes of it.",
        edits=((f"return {_DENOISED}", f"{_DENOISED}\nreturn im_noisy.cpu().numpy()"),),
    ),
    _edit(
        "edit-loop-without-noise",
        explanation="The loop inside of your sdedit seems to add no noise in its steps. That of task 1-6 does, by add_variance.",
        body=body(TWO, start="forward(image, timesteps[i_start])", add=""),
    ),
    _edit(
        "edit-changes-its-image",
        explanation="Your function seems to write into the image that it is given, which the caller still needs.",
        edits=((_NOISED, "im_noisy = image.copy_(forward(image, timesteps[i_start]))"),),
    ),
)

_paint = in_region("1-7-2", "sampling.py:inpaint")
_FORCED = "image = mask * image + (1 - mask) * forward(original_image, t_next)"
_START = "image = torch.randn_like(original_image).to(device)"
_FOR = "for i in range(len(timesteps) - 1):"
_TABLES = "alpha_bar, alpha_bar_next = alphas_cumprod[t], alphas_cumprod[t_next]"
_X0_HAT = "x0_hat = (image - (1 - alpha_bar).sqrt() * eps) / alpha_bar.sqrt()"
_STEPS = (
    "alpha-is-alpha-bar",
    "beta-of-alpha-bar",
    "weights-swapped",
    "estimate-for-step",
    "noise-never-added",
    "image-added-twice",
    "noise-for-variance",
    "root-at-eps-missing",
    "alpha-bar-of-t-at-x-t",
    "loop-stops-early",
    "loop-goes-too-far",
)

INPAINT = (
    *step_mistakes(_paint, "paint-", "original_image", only=_STEPS),
    *guidance_mistakes(_paint, "paint-", only=("from-the-prompt", "left-out", "sum", "written-in")),
    _paint(
        "mask-inverted",
        explanation="The mask seems to be taken the other way round: it is 1 where new content is to be made.",
        edits=((_FORCED, "image = (1 - mask) * image + mask * forward(original_image, t_next)"),),
    ),
    _paint(
        "known-pixels-at-t",
        explanation="The known pixels seem to be noised to t, where the rest of x_t′ is as noisy as t′ asks for.",
        edits=((_FORCED, _FORCED.replace("t_next", "t")),),
    ),
    _paint(
        "known-pixels-clean",
        explanation="The known pixels seem to be set without any noise, beside new ones that are noisy.",
        edits=(("forward(original_image, t_next)", "original_image"),),
    ),
    _paint(
        "known-pixels-at-the-first-t",
        explanation="The known pixels seem to be noised to the first of the timesteps after every step.",
        edits=(("forward(original_image, t_next)", "forward(original_image, timesteps[0])"),),
    ),
    _paint(
        "known-pixels-told-the-place",
        explanation="The known pixels seem to be noised to t = i + 1, which is a place in timesteps, and not the t that stands there.",
        edits=(("forward(original_image, t_next)", "forward(original_image, i + 1)"),),
    ),
    _paint(
        "known-pixels-never-set",
        explanation="The known pixels seem never to be set: the original does not come into your loop.",
        edits=((_FORCED, "pass"),),
    ),
    _paint(
        "known-pixels-before-the-step",
        explanation="The known pixels seem to be set before a step and not after it, so that the result does not hold them.",
        edits=((_FORCED, "pass"), (_TABLES, f"{_TABLES}\n    {_FORCED.replace('t_next', 't')}")),
    ),
    _paint(
        "known-pixels-not-at-the-end",
        explanation="The known pixels seem not to be set after the last step, so that the result does not hold them.",
        edits=((_FORCED, f"if i < len(timesteps) - 2:\n        {_FORCED}"),),
    ),
    _paint(
        "known-pixels-of-the-new-image",
        explanation="What is noised for the known pixels seems to be your own x, not the original.",
        edits=(("forward(original_image, t_next)", "forward(image, t_next)"),),
    ),
    _paint(
        "known-pixels-added",
        explanation="The known pixels seem to be added to your x_t′, which is not taken away where the mask is 0.",
        edits=((_FORCED, _FORCED.replace("mask * image", "image")),),
    ),
    _paint(
        "known-pixels-for-all",
        explanation="All pixels seem to be set to the noised original, the new ones too.",
        edits=((_FORCED, "image = forward(original_image, t_next)"),),
    ),
    _paint(
        "known-pixels-in-the-estimate",
        explanation="The known pixels seem to be set in x̂_0. What has to hold them is x_t′, noised to t′.",
        edits=((_FORCED, "pass"), (_X0_HAT, f"{_X0_HAT}\n    x0_hat = mask * x0_hat + (1 - mask) * original_image")),
    ),
    _paint(
        "paint-starts-from-the-original",
        explanation="The loop seems to start from the noised original. It starts from pure noise.",
        edits=((_START, "image = forward(original_image, timesteps[0])"),),
    ),
    _paint(
        "paint-starts-from-zeros",
        explanation="The loop seems to start from zeros. It starts from pure noise.",
        edits=((_START, "image = torch.zeros_like(original_image)"),),
    ),
    _paint(
        "paint-starts-uniform",
        explanation="The loop seems to start from uniform random numbers. Compare torch.rand and torch.randn.",
        edits=((_START, _START.replace("randn", "rand")),),
    ),
    _paint(
        "paint-changes-the-original",
        explanation="Your function seems to write into the original that it is given, which the caller still needs.",
        edits=((_FORCED, "image = mask * image + (1 - mask) * original_image.copy_(forward(original_image, t_next))"),),
    ),
    _paint(
        "paint-changes-the-mask",
        explanation="Your function seems to write into the mask that it is given, which the caller still needs.",
        edits=((_START, f"{_START}\nmask.sub_(0.5).mul_(2)\nmask = (mask > 0).to(mask.dtype)"),),
    ),
    _paint(
        "paint-variance-of-the-null-prompt",
        explanation="Your add_variance seems to be given the variance of the null prompt. It takes that of the prompt.",
        edits=(("eps_u, _ = output_u", "eps_u, predicted_variance = output_u"),),
    ),
    _paint(
        "paint-guidance-on-the-variance",
        explanation="Guidance seems to be applied to the variance as well. Only the noise estimates are guided.",
        edits=(
            (
                "add_variance(predicted_variance,",
                "add_variance(output_u[:, 3:] + scale * (predicted_variance - output_u[:, 3:]),",
            ),
        ),
    ),
    _paint(
        "paint-noise-before-the-mask",
        explanation="The noise of add_variance seems to come after the known pixels are set, which are noisy enough by then.",
        edits=((_FORCED, f"{_FORCED}\n    image = add_variance(predicted_variance, t, image)"),),
    ),
)
