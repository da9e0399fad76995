"""Right loops of many shapes: how a step is written, in which order and form the network is asked, what comes back."""

from autograder.assignments.pretrained_diffusion.loop_parts import (
    BY_EPS,
    FILE,
    FLIP,
    FORCE,
    FROM_NOISE,
    GUIDED,
    HYBRID,
    NULL_FIRST,
    OBJECT,
    PAINT,
    PASSES,
    PICTURE,
    PLAIN,
    POSTERIOR,
    SPLIT,
    THREE,
    TOGETHER,
    TURN_OVER,
    TWO,
    UP,
    asks,
    body,
    four,
)
from autograder.grading.mutants import Variant

LOOPS: tuple[Variant, ...] = (
    Variant(
        "by-way-of-eps",
        "the mean by way of ε, without x̂_0, in all loops",
        bodies={
            PLAIN: body(SPLIT, step=BY_EPS),
            GUIDED: body(NULL_FIRST, step=BY_EPS),
            PAINT: body(NULL_FIRST, step=BY_EPS, after=FORCE, **FROM_NOISE),
            FLIP: body(four(TURN_OVER) + UP, "image", BY_EPS),
            HYBRID: body(THREE + PASSES, "image", BY_EPS),
        },
    ),
    Variant(
        "half-precision",
        "half precision in all loops, as on a GPU",
        bodies={
            PLAIN: body(SPLIT, start="im_noisy.clone().half().to(device)"),
            GUIDED: body(TWO, start="im_noisy.half().to(device)"),
            PAINT: body(
                TWO,
                start="torch.randn_like(original_image).half().to(device)",
                loop=FROM_NOISE["loop"],
                after="image = (mask * image + (1 - mask) * forward(original_image, prev_t)).half()",
            ),
            FLIP: body(four(TURN_OVER) + UP, "image.half()"),
            HYBRID: body(THREE + PASSES, "image.half()"),
        },
    ),
    Variant(
        "half-for-the-network",
        "only the network gets half precision, prompts too",
        bodies={
            PLAIN: body(
                f"out = {asks('image.half()', 'prompt_embeds.half()')}.float(); eps, variance = out[:, :3], out[:, 3:]"
            ),
            GUIDED: body(
                f"c = {asks('image.half()', 'prompt_embeds.half()')}.float(); "
                f"u = {asks('image.half()', 'uncond_prompt_embeds.half()')}.float(); "
                "variance = c[:, 3:]; eps = u[:, :3] + scale * (c[:, :3] - u[:, :3])"
            ),
        },
    ),
    Variant(
        "table-of-the-scheduler",
        "ᾱ from stage_1.scheduler",
        bodies={
            PLAIN: body(SPLIT, table="stage_1.scheduler.alphas_cumprod"),
            GUIDED: body(TWO, table="stage_1.scheduler.alphas_cumprod"),
        },
    ),
    Variant(
        "noise-added-to-zeros",
        "add_variance gets zeros, and its result is added",
        bodies={
            PLAIN: body(SPLIT, add="image = image + add_variance(variance, t, torch.zeros_like(image))"),
            GUIDED: body(TWO, add="image = image + add_variance(variance, t, torch.zeros_like(image))"),
            FLIP: body(
                four(TURN_OVER) + UP, "image", add="image = image + add_variance(variance, t, torch.zeros_like(image))"
            ),
        },
    ),
    Variant(
        "t-is-a-tensor",
        "t as a tensor without dimensions",
        bodies={
            PLAIN: body(SPLIT, t="torch.tensor(timesteps[i])"),
            GUIDED: body(TWO, t="torch.as_tensor(timesteps[i], device=device)"),
        },
    ),
    Variant(
        "t-is-a-row",
        "t as a tensor of shape (1,)",
        bodies={
            PLAIN: body(SPLIT, t="torch.tensor([timesteps[i]])"),
            GUIDED: body(TWO, t="torch.tensor([timesteps[i]]).to(device)"),
        },
    ),
    Variant(
        "estimate-clamped",
        "x̂_0 is clamped to −1 … 1 in all loops",
        bodies={
            PLAIN: body(
                SPLIT, step=POSTERIOR.replace("/ torch.sqrt(a_bar)\n", "/ torch.sqrt(a_bar); x0 = x0.clamp(-1, 1)\n")
            ),
            GUIDED: body(
                TWO,
                step=POSTERIOR.replace("/ torch.sqrt(a_bar)\n", "/ torch.sqrt(a_bar); x0 = torch.clip(x0, -1, 1)\n"),
            ),
            PAINT: body(
                TWO,
                step=POSTERIOR.replace("/ torch.sqrt(a_bar)\n", "/ torch.sqrt(a_bar); x0 = x0.clamp(-1, 1)\n"),
                after=FORCE,
                **FROM_NOISE,
            ),
            FLIP: body(
                four(TURN_OVER) + UP,
                "image",
                POSTERIOR.replace("/ torch.sqrt(a_bar)\n", "/ torch.sqrt(a_bar); x0 = x0.clamp(-1, 1)\n"),
            ),
            HYBRID: body(
                THREE + PASSES,
                "image",
                POSTERIOR.replace("/ torch.sqrt(a_bar)\n", "/ torch.sqrt(a_bar); x0 = x0.clamp(-1, 1)\n"),
            ),
        },
    ),
    Variant(
        "returns-frames",
        "the result beside a list of frames",
        bodies={PLAIN: body(SPLIT, result="image.cpu().numpy(), frames"), GUIDED: body(TWO, result="[*frames, image]")},
    ),
    Variant(
        "returns-tensors",
        "tensors come back",
        bodies={
            PLAIN: body(SPLIT, result="image"),
            GUIDED: body(TWO, result="image[0]"),
            PAINT: body(TWO, result="image", after=FORCE, **FROM_NOISE),
            FLIP: body(four(TURN_OVER) + UP, "image", result="image"),
        },
    ),
    Variant(
        "returns-pictures",
        "pictures, (H, W, 3) in 0 … 1, clipped",
        bodies={
            PLAIN: body(SPLIT, result=PICTURE),
            GUIDED: body(TWO, result=PICTURE),
            PAINT: body(TWO, result=PICTURE, after=FORCE, **FROM_NOISE),
            FLIP: body(four(TURN_OVER) + UP, "image", result=PICTURE),
            HYBRID: body(THREE + PASSES, "image", result=PICTURE),
        },
    ),
    Variant(
        "both-prompts-in-one-batch",
        "one question about a batch of two",
        bodies={GUIDED: body(TOGETHER), PAINT: body(TOGETHER, after=FORCE, **FROM_NOISE)},
    ),
    Variant("answers-as-objects", "the network's answer as an object", bodies={GUIDED: body(OBJECT)}),
    Variant(
        "no-noise-in-the-last-step",
        "the step to t′ = 0 adds no noise",
        bodies={
            PLAIN: body(SPLIT, add="image = add_variance(variance, t, image) if prev_t > 0 else image"),
            GUIDED: body(TWO, add="image = add_variance(variance, t, image) if i < len(timesteps) - 2 else image"),
        },
    ),
    Variant(
        "loop-over-pairs",
        "a loop over pairs of times, in double precision inside",
        bodies={
            PLAIN: """
                x = im_noisy
                for t, s in zip(timesteps[i_start:-1], timesteps[i_start + 1 :]):
                    eps, var = stage_1.unet(x, t, encoder_hidden_states=prompt_embeds, return_dict=False)[0].double().split(3, 1)
                    now, then = float(alphas_cumprod[t]), float(alphas_cumprod[s])
                    a = now / then
                    clean = (x.double() - (1 - now) ** 0.5 * eps) / now**0.5
                    mean = then**0.5 * (1 - a) / (1 - now) * clean + a**0.5 * (1 - then) / (1 - now) * x.double()
                    x = add_variance(var.float(), t, mean.float())
                return x.numpy()
            """,
        },
    ),
    Variant(
        "helpers-and-recursion",
        "helpers beside the functions, and a loop that calls itself",
        bodies={
            PLAIN: """
                if i_start >= len(timesteps) - 1:
                    return im_noisy.cpu().numpy()
                t, s = timesteps[i_start], timesteps[i_start + 1]
                eps, var = asked(im_noisy, t, prompt_embeds)
                return iterative_denoise(add_variance(var, t, posterior(im_noisy, eps, t, s)), i_start + 1, prompt_embeds, timesteps, display)
            """,
            GUIDED: """
                x = im_noisy.clone()
                i = i_start
                while i + 1 < len(timesteps):
                    (u, _), (c, var) = asked(x, timesteps[i], uncond_prompt_embeds), asked(x, timesteps[i], prompt_embeds)
                    mean = posterior(x, torch.lerp(u, c, float(scale)), timesteps[i], timesteps[i + 1])
                    x = add_variance(predicted_variance=var, t=timesteps[i], image=mean)
                    i += 1
                return x.cpu().numpy()
            """,
        },
        edits={
            FILE: (
                (
                    "def forward(im, t):",
                    """def asked(x, t, prompt):
    out = stage_1.unet(x, t, encoder_hidden_states=prompt, return_dict=False)[0]
    return out[:, :3], out[:, 3:]


def posterior(x, eps, t, s):
    a, b = alphas_cumprod[t], alphas_cumprod[s]
    x0 = (x - (1 - a) ** 0.5 * eps) / a**0.5
    return b**0.5 * (1 - a / b) / (1 - a) * x0 + (a / b) ** 0.5 * (1 - b) / (1 - a) * x


def forward(im, t):""",
                ),
            )
        },
    ),
    Variant(
        "written-for-a-gpu",
        "cuda in the code, float16 beside it, gradients cut off by detach",
        bodies={
            PLAIN: body(SPLIT, start="im_noisy.cuda()", result="image.detach().cpu().numpy()"),
            GUIDED: body(
                TWO, start='im_noisy.to("cuda")', before="prompt_embeds = prompt_embeds.cuda().half().float()"
            ),
        },
    ),
    Variant(
        "shows-on-the-way",
        "pictures and a progress bar on the way",
        bodies={
            PLAIN: body(
                SPLIT,
                loop="for i in tqdm(range(i_start, len(timesteps) - 1), disable=not display):",
                after="plt.imshow(image[0, 0]) if display and i % 5 == 0 else None",
            )
        },
        edits={
            FILE: (
                (
                    "import torch\n",
                    "import torch\nfrom tqdm.auto import tqdm\n\nif False:\n    import matplotlib.pyplot as plt\n",
                ),
            )
        },
    ),
)
