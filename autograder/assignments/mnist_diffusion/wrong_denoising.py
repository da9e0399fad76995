"""Known wrong versions of denoising.py. Those that judges/formulas/denoising.py has a formula for are recognised by it, and are its proof."""

from autograder.grading.formulas import named
from autograder.grading.mutants import in_region
from autograder.judges.formulas.denoising import ADD_NOISE, DENOISING_LOSS

NOISE, LOSS = named("noise", ADD_NOISE), named("denoiser", DENOISING_LOSS)
_noise = in_region("1-2", "denoising.py:add_noise", NOISE)
_loss = in_region("1-2", "denoising.py:denoising_loss", LOSS)
_Z = "return x + sigma * torch.randn_like(x)"

DENOISING = (
    _noise("noise-uniform", edits=(("torch.randn_like(x)", "torch.rand_like(x)"),)),
    _noise("noise-variance-for-strength", edits=(("sigma *", "sigma**2 *"),)),
    _noise("noise-root-of-strength", edits=(("sigma *", "sigma**0.5 *"),)),
    _noise("noise-strength-forgotten", edits=(("sigma * ", ""),)),
    _noise("noise-image-faded", edits=(("return x +", "return (1 - sigma) * x +"),)),
    _noise("noise-image-faded-as-in-ddpm", edits=(("return x +", "return (1 - sigma**2) ** 0.5 * x +"),)),
    _noise("noise-image-times-strength", edits=((_Z, "return sigma * (x + torch.randn_like(x))"),)),
    _noise("noise-clamped", edits=((_Z, "return (x + sigma * torch.randn_like(x)).clamp(0, 1)"),)),
    _noise("noise-left-out", edits=((_Z, "return x"),), is_no_work=True),
    _noise("noise-image-left-out", edits=(("return x +", "return"),), is_no_work=True),
    _noise("noise-one-for-all-images", edits=(("torch.randn_like(x)", "torch.randn_like(x[:1])"),)),
    _noise("noise-same-at-every-call", edits=((_Z, f"torch.manual_seed(0)\n{_Z}"),)),
    _noise(
        "noise-added-in-place",
        "add_noise seems to change the x that it is given. Its caller still needs the clean images: look for +=, or for functions whose name "
        "ends with an underscore.",
        edits=((_Z, "x += sigma * torch.randn_like(x)\nreturn x"),),
    ),
    _noise(
        "noise-return-forgotten",
        "add_noise seems to return nothing. Look at its last line.",
        edits=((_Z, _Z.removeprefix("return ")),),
        is_no_work=True,
    ),
    _loss(
        "denoiser-left-out",
        "unet seems to be given the clean x, from which there is no noise to take away. Look at its argument.",
        edits=(("unet(z)", "unet(x)"),),
    ),
    _loss("denoiser-same-at-every-call", edits=(("z =", "torch.manual_seed(0)\nz ="),)),
    _loss("denoiser-clamped", edits=(("add_noise(x, sigma)", "add_noise(x, sigma).clamp(0, 1)"),)),
    _loss("denoiser-against-z", edits=(("unet(z), x", "unet(z), z"),)),
    _loss("denoiser-against-scaled-noise", edits=(("unet(z), x", "unet(z), z - x"),)),
    _loss("denoiser-against-noise", edits=(("unet(z), x", "unet(z), (z - x) / sigma"),)),
    _loss("denoiser-sum-for-mean", edits=(("unet(z), x", 'unet(z), x, reduction="sum"'),)),
    _loss("denoiser-sum-over-coordinates", edits=(("unet(z), x)", 'unet(z), x, reduction="sum") / len(x)'),)),
    _loss("denoiser-loss-for-each-row", edits=(("unet(z), x)", 'unet(z), x, reduction="none").flatten(1).mean(1)'),)),
    _loss("denoiser-absolute-error", edits=(("mse_loss", "l1_loss"),)),
    _loss("denoiser-huber-loss", edits=(("mse_loss", "smooth_l1_loss"),)),
    _loss("denoiser-loss-halved", edits=(("return F", "return 0.5 * F"),)),
    _loss("denoiser-root-of-mean-squared-error", edits=(("unet(z), x)", "unet(z), x).sqrt()"),)),
    _loss(
        "denoiser-gradient-cut",
        "No gradient seems to come back through the network's answer. Look for detach, item or no_grad.",
        edits=(("unet(z)", "unet(z).detach()"),),
    ),
    _loss(
        "denoiser-loss-as-a-number",
        "The loss seems to be a plain number of Python, from which no gradient leads back. Look for item or float.",
        edits=(("unet(z), x)", "unet(z), x).item()"),),
    ),
    _loss(
        "denoiser-return-forgotten",
        "denoising_loss seems to return nothing. Look at its last line.",
        edits=(("return F", "F"),),
    ),
)
