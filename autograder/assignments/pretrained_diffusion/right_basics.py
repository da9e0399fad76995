"""Right versions of other shapes: noise and blur, the estimate in one step, editing and inpainting."""

from autograder.assignments.pretrained_diffusion.loop_parts import (
    EDIT,
    FILE,
    FORCE,
    FROM_NOISE,
    NULL_FIRST,
    PAINT,
    TWO,
    body,
)
from autograder.grading.mutants import Variant

FORWARD, CLASSICAL, ONE_STEP = (f"{FILE}:{name}" for name in ("forward", "classical_denoise", "one_step_denoise"))
BASICS: tuple[Variant, ...] = (
    Variant(
        "noise-of-numpy",
        "noise from NumPy, factors as numbers",
        bodies={
            FORWARD: """
            a = float(alphas_cumprod[t])
            noise = np.random.randn(*im.shape)
            return a**0.5 * im + (1 - a) ** 0.5 * torch.from_numpy(noise).to(im)
        """
        },
        edits={FILE: (("import torch\n", "import numpy as np\nimport torch\n"),)},
    ),
    Variant(
        "noise-in-place-on-a-copy",
        "a copy that is changed in place, in half precision",
        bodies={
            FORWARD: """
            a = alphas_cumprod[t].to(im.device)
            out = im.clone().half().to(device)
            return out.mul_(a.sqrt()).add_(torch.randn(im.shape, device=im.device).half(), alpha=float((1 - a).sqrt()))
        """
        },
    ),
    Variant(
        "noise-of-a-generator-of-its-own",
        "a generator that no seed of others reaches",
        bodies={
            FORWARD: """
            generator = torch.Generator()
            generator.seed()
            a_bar = stage_1.scheduler.alphas_cumprod[t]
            return torch.sqrt(a_bar) * im + torch.sqrt(1.0 - a_bar) * torch.randn(im.shape, generator=generator)
        """
        },
    ),
    Variant(
        "noise-beside-the-image",
        "the noise comes back beside the image",
        bodies={
            FORWARD: """
            a_bar = alphas_cumprod[t].view(-1, 1, 1, 1)
            eps = torch.zeros_like(im).normal_()
            return (1 - a_bar).sqrt() * eps + a_bar.sqrt() * im
        """
        },
    ),
    Variant(
        "blur-as-a-transform",
        "the blur as an object",
        bodies={CLASSICAL: "return torchvision.transforms.GaussianBlur(kernel_size, sigma)(im_noisy)"},
        edits={FILE: (("import torch\n", "import torch\nimport torchvision\n"),)},
    ),
    Variant(
        "blur-of-scipy",
        "the blur of scipy, as NumPy",
        bodies={
            CLASSICAL: """
        from scipy.ndimage import gaussian_filter
        return gaussian_filter(im_noisy.numpy(), sigma=sigma, radius=kernel_size // 2, mode="mirror", axes=(2, 3))
    """
        },
    ),
    Variant(
        "blur-by-convolution",
        "the blur by two convolutions, in lists of numbers",
        bodies={
            CLASSICAL: """
        d = torch.arange(kernel_size) - kernel_size // 2
        weights = torch.exp(-d.float() ** 2 / (2 * sigma**2))
        weights = (weights / weights.sum()).view(1, 1, 1, -1).repeat(3, 1, 1, 1)
        half = kernel_size // 2
        padded = torch.nn.functional.pad(im_noisy, (half, half, half, half), mode="reflect")
        out = torch.nn.functional.conv2d(padded, weights, groups=3)
        return torch.nn.functional.conv2d(out, weights.transpose(2, 3), groups=3)
    """
        },
    ),
    Variant(
        "blur-in-half",
        "the blur in half precision",
        bodies={
            CLASSICAL: "return TF.gaussian_blur(im_noisy.half().to(device), [kernel_size, kernel_size], [float(sigma)] * 2)"
        },
    ),
    Variant(
        "one-step-in-half",
        "one step in half precision, as NumPy",
        bodies={
            ONE_STEP: """
        x = im_noisy.half().to(device)
        with torch.no_grad():
            noise_est = stage_1.unet(x, t, encoder_hidden_states=prompt_embeds.half(), return_dict=False)[0]
        noise_est = noise_est[:, :3].to(device)
        a = alphas_cumprod[t].to(device)
        return ((x - (1 - a).sqrt() * noise_est) / a.sqrt()).cpu().detach().numpy()
    """
        },
    ),
    Variant(
        "one-step-as-a-picture",
        "one step, clamped, as a picture; the prompt by its title",
        bodies={
            ONE_STEP: """
        prompt_embeds = prompt_embeds_dict["a high quality photo"]
        out = stage_1.unet(im_noisy, torch.tensor([t]), encoder_hidden_states=prompt_embeds, return_dict=False)[0].detach()
        x0 = im_noisy / alphas_cumprod[t].sqrt() - (1 / alphas_cumprod[t] - 1).sqrt() * out.chunk(2, dim=1)[0]
        return x0.clamp(-1, 1)[0].permute(1, 2, 0) / 2 + 0.5
    """
        },
        edits={
            FILE: (
                (
                    "import add_variance, alphas_cumprod, device, stage_1",
                    "import add_variance, alphas_cumprod, device, prompt_embeds_dict, stage_1",
                ),
            )
        },
    ),
    Variant(
        "edit-in-one-line",
        "one call with keywords",
        bodies={
            EDIT: """
        return iterative_denoise_cfg(im_noisy=forward(im=image, t=timesteps[i_start]), i_start=i_start, prompt_embeds=prompt_embeds,
                                     uncond_prompt_embeds=uncond_prompt_embeds, timesteps=timesteps, scale=scale, display=False)
    """
        },
    ),
    Variant(
        "edit-on-a-copy",
        "a copy, in half precision, and a tensor back",
        bodies={
            EDIT: """
        noisy = forward(image.clone().half(), timesteps[i_start]).to(device)
        return torch.from_numpy(iterative_denoise_cfg(noisy.float(), i_start, prompt_embeds, uncond_prompt_embeds, timesteps, scale, display))
    """
        },
    ),
    Variant(
        "edit-with-a-loop-of-its-own",
        "the loop inside",
        bodies={
            EDIT: body(
                TWO,
                start="alphas_cumprod[timesteps[i_start]].sqrt() * image + (1 - alphas_cumprod[timesteps[i_start]]).sqrt() * torch.randn_like(image)",
            )
        },
    ),
    Variant(
        "paint-by-where",
        "torch.where, the noise inside",
        bodies={
            PAINT: body(
                TWO,
                **FROM_NOISE,
                before="noise = torch.randn_like(image)",
                after="image = torch.where(mask > 0.5, image, a_bar_prev.sqrt() * original_image + (1 - a_bar_prev).sqrt() * noise)",
            )
        },
    ),
    Variant(
        "paint-with-the-original-at-the-end",
        "known pixels before each step and after it, and the original itself at the end",
        bodies={
            PAINT: body(
                NULL_FIRST,
                **FROM_NOISE,
                setup="image = mask * image + (1 - mask) * forward(original_image, timesteps[0])",
                after=FORCE,
                result="(mask * image + (1 - mask) * original_image).cpu().numpy()",
            ),
        },
    ),
    Variant(
        "paint-on-copies",
        "copies of the image and the mask, in half precision",
        bodies={
            PAINT: body(
                TWO,
                start="torch.randn((1, 3, 64, 64), device=device)",
                setup="original = original_image.clone().half().float(); m = mask.clone().bool()",
                loop=FROM_NOISE["loop"],
                after="image[~m] = forward(original, prev_t)[~m]",
            ),
        },
    ),
)
