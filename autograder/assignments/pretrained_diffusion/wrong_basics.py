"""Known wrong versions of the forward process, of classical denoising, and of the estimate in one step."""

from autograder.grading.mutants import in_region

_forward = in_region("1-1", "sampling.py:forward")
_SUM = "alpha_bar.sqrt() * im + (1 - alpha_bar).sqrt() * eps"
_EPS = "eps = torch.randn_like(im)"

FORWARD = (
    _forward(
        "forgot-the-square-roots",
        explanation="Your x_t seems to be ᾱ_t x_0 + (1 − ᾱ_t) ε: the square roots are missing (DDPM, Eq. 4).",
        edits=((_SUM, "alpha_bar * im + (1 - alpha_bar) * eps"),),
    ),
    _forward(
        "alpha-bar-of-the-t-before",
        explanation="Your x_t seems to take ᾱ at t − 1 in place of ᾱ_t. The table begins with t = 0.",
        edits=(("alphas_cumprod[t]", "alphas_cumprod[t - 1]"),),
    ),
    _forward(
        "root-at-x0-missing",
        explanation="The image seems to be multiplied by ᾱ_t, without the square root.",
        edits=((_SUM, _SUM.replace("alpha_bar.sqrt() *", "alpha_bar *")),),
    ),
    _forward(
        "root-at-the-noise-missing",
        explanation="The noise seems to be multiplied by 1 − ᾱ_t, without the square root.",
        edits=(("(1 - alpha_bar).sqrt()", "(1 - alpha_bar)"),),
    ),
    _forward(
        "one-minus-the-root",
        explanation="The noise seems to be multiplied by 1 − √ᾱ_t. Compare with √(1 − ᾱ_t).",
        edits=(("(1 - alpha_bar).sqrt()", "(1 - alpha_bar.sqrt())"),),
    ),
    _forward(
        "factors-swapped",
        explanation="The factors of the image and of the noise seem to be swapped, so that more noise comes with a smaller t.",
        edits=((_SUM, "(1 - alpha_bar).sqrt() * im + alpha_bar.sqrt() * eps"),),
    ),
    _forward(
        "noise-at-full-strength",
        explanation="The noise seems to have the factor 1 at every t. Compare with DDPM, Eq. 4.",
        edits=((_SUM, "alpha_bar.sqrt() * im + eps"),),
    ),
    _forward(
        "image-at-full-strength",
        explanation="The image seems to have the factor 1 at every t. Compare with DDPM, Eq. 4.",
        edits=((_SUM, "im + (1 - alpha_bar).sqrt() * eps"),),
    ),
    _forward(
        "noise-uniform",
        explanation="The noise seems to be uniform random numbers. Compare torch.rand and torch.randn.",
        edits=((_EPS, _EPS.replace("randn", "rand")),),
    ),
    _forward(
        "forward-adds-no-noise",
        explanation="No noise seems to be added to the image.",
        edits=((_EPS, "eps = torch.zeros_like(im)"),),
    ),
    _forward(
        "one-noise-for-all-channels",
        explanation="The three channels of an image seem to get the same noise.",
        edits=((_EPS, "eps = torch.randn_like(im[:, :1]).expand_as(im)"),),
    ),
    _forward(
        "one-noise-for-all-images",
        explanation="All images of a batch seem to get the same noise.",
        edits=((_EPS, "eps = torch.randn_like(im[:1]).expand_as(im)"),),
    ),
    _forward(
        "seeded-inside",
        explanation="Every call seems to add the same noise. Is a seed set inside of the function?",
        edits=((_EPS, f"torch.manual_seed(180)\n{_EPS}"),),
    ),
    _forward(
        "alpha-of-one-step",
        explanation="Your factors seem to come from α_t, of one step, in the place of ᾱ_t, the product up to t.",
        edits=(("alpha_bar = alphas_cumprod[t]", "alpha_bar = stage_1.scheduler.alphas[t]"),),
    ),
    _forward(
        "alpha-bar-of-another-t",
        explanation="Your ᾱ seems to be that of another t than the one that the function is given.",
        edits=(("alphas_cumprod[t]", "alphas_cumprod[999 - t]"),),
    ),
    _forward(
        "noised-clamped",
        explanation="Your x_t seems to be clamped. A noisy image is not bound to −1 … 1.",
        edits=((_SUM, f"({_SUM}).clamp(-1, 1)"),),
    ),
    _forward(
        "forward-changes-its-image",
        explanation="Your function seems to write into the image that it is given, which the caller still needs.",
        edits=((_SUM, "im.mul_(alpha_bar.sqrt()).add_((1 - alpha_bar).sqrt() * eps)"),),
    ),
)

_blur = in_region("1-2", "sampling.py:classical_denoise")
_CALL = "TF.gaussian_blur(im_noisy, kernel_size=kernel_size, sigma=sigma)"

CLASSICAL = (
    _blur(
        "sigma-ignored",
        explanation="Your blur seems to ignore sigma, and to take one that torchvision makes of the kernel's size.",
        edits=((", sigma=sigma", ""),),
    ),
    _blur(
        "kernel-ignored",
        explanation="Your blur seems to have the same kernel whatever kernel_size is.",
        edits=(("kernel_size=kernel_size", "kernel_size=5"),),
    ),
    _blur(
        "blurred-twice",
        explanation="Your blur seems to be applied twice.",
        edits=((_CALL, f"TF.gaussian_blur({_CALL}, kernel_size=kernel_size, sigma=sigma)"),),
    ),
    _blur(
        "noise-for-image",
        explanation="Your result seems to be what the blur takes away, and not what it leaves.",
        edits=((_CALL, f"im_noisy - {_CALL}"),),
    ),
    _blur(
        "variance-for-sigma",
        explanation="Your blur seems to take σ² for σ.",
        edits=(("sigma=sigma", "sigma=sigma**2"),),
    ),
    _blur(
        "mean-of-the-kernel",
        explanation="Your blur seems to be a plain mean over the kernel, which does not fall off with the distance.",
        edits=(
            (
                _CALL,
                "torch.nn.functional.avg_pool2d(TF.pad(im_noisy, kernel_size // 2, padding_mode='reflect'), kernel_size, 1)",
            ),
        ),
    ),
    _blur(
        "dark-borders",
        explanation="Your blur seems to take what is outside of the image for 0, which darkens the borders.",
        edits=((_CALL, "TF.gaussian_blur(TF.pad(im_noisy, 8), kernel_size, sigma)[..., 8:-8, 8:-8]"),),
    ),
)

_one = in_region("1-3", "sampling.py:one_step_denoise")
_ASK = "stage_1.unet(im_noisy, t, encoder_hidden_states=prompt_embeds, return_dict=False)[0][:, :3]"
_X0 = "(im_noisy - (1 - alpha_bar).sqrt() * eps) / alpha_bar.sqrt()"

ONE_STEP = (
    _one(
        "one-eps-added",
        explanation="Your x̂_0 seems to add the noise where x_t = √ᾱ_t x̂_0 + √(1 − ᾱ_t) ε has to be solved for x̂_0.",
        edits=((_X0, _X0.replace("im_noisy -", "im_noisy +")),),
    ),
    _one(
        "one-not-divided",
        explanation="Your x̂_0 seems to lack the division by √ᾱ_t.",
        edits=((_X0, _X0.replace(" / alpha_bar.sqrt()", "")),),
    ),
    _one(
        "one-root-below-missing",
        explanation="Your x̂_0 seems to be divided by ᾱ_t, without the square root.",
        edits=((_X0, _X0.replace("/ alpha_bar.sqrt()", "/ alpha_bar")),),
    ),
    _one(
        "one-root-at-eps-missing",
        explanation="Your x̂_0 seems to take away (1 − ᾱ_t) ε_θ, without the square root.",
        edits=(("(1 - alpha_bar).sqrt()", "(1 - alpha_bar)"),),
    ),
    _one(
        "one-noise-subtracted",
        explanation="Your x̂_0 seems to be x_t − ε_θ, at every t. Compare with DDPM, Eq. 15.",
        is_no_work=True,
        edits=((_X0, "im_noisy - eps"),),
    ),
    _one(
        "one-divided-in-the-wrong-place",
        explanation="In your x̂_0 only the noise seems to be divided by √ᾱ_t. Which of the two terms does the fraction hold?",
        edits=((_X0, "im_noisy - (1 - alpha_bar).sqrt() * eps / alpha_bar.sqrt()"),),
    ),
    _one(
        "one-alpha",
        explanation="Your x̂_0 seems to be made with α_t, of one step, in the place of ᾱ_t.",
        edits=(("alpha_bar = alphas_cumprod[t]", "alpha_bar = stage_1.scheduler.alphas[t]"),),
    ),
    _one(
        "one-returns-the-noise",
        explanation="Your function seems to return the noise estimate, not the image.",
        is_no_work=True,
        edits=((_X0, "eps"),),
    ),
    _one(
        "one-variance-for-noise",
        explanation="Your noise estimate seems to be the predicted variance. Which three channels of the answer come first?",
        edits=(("[:, :3]", "[:, 3:]"),),
    ),
    _one(
        "one-told-another-t",
        explanation="Your network seems to be told another t than that of the image.",
        edits=((_ASK, _ASK.replace("im_noisy, t,", "im_noisy, 999,")),),
    ),
    _one(
        "one-noised-again",
        explanation="The image that your network is given seems to be noised once more. It is x_t already.",
        edits=(("eps = stage", "im_noisy = forward(im_noisy, t)\neps = stage"),),
    ),
    _one(
        "one-prompt-not-used",
        explanation="Your network seems to be given no prompt of the caller's. What does your code do with prompt_embeds?",
        edits=((_ASK, _ASK.replace("=prompt_embeds", "=torch.zeros_like(prompt_embeds)")),),
    ),
    _one(
        "one-changes-its-image",
        explanation="Your function seems to write into the image that it is given, which the caller still needs.",
        edits=((_X0, "im_noisy.sub_((1 - alpha_bar).sqrt() * eps) / alpha_bar.sqrt()"),),
    ),
    _one(
        "one-picture-twice",
        explanation="Your x̂_0 seems to be scaled to 0 … 1 in the form of a batch, which is in −1 … 1.",
        edits=((_X0, f"({_X0} + 1) / 2"),),
    ),
)
