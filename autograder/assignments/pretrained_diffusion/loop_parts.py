"""The parts of which right versions of the loops are made, in the words in which notebooks have them."""

FILE = "sampling.py"
PLAIN, GUIDED, EDIT, PAINT, FLIP, HYBRID = (
    f"{FILE}:{name}"
    for name in (
        "iterative_denoise",
        "iterative_denoise_cfg",
        "sdedit",
        "inpaint",
        "make_flip_illusion",
        "make_hybrids",
    )
)
POSTERIOR = """
            x0 = (image - torch.sqrt(1 - a_bar) * eps) / torch.sqrt(a_bar)
            image = (torch.sqrt(a_bar_prev) * beta / (1 - a_bar)) * x0 + (torch.sqrt(alpha) * (1 - a_bar_prev) / (1 - a_bar)) * image"""
BY_EPS = """
            image = (image - beta / torch.sqrt(1 - a_bar) * eps) / torch.sqrt(alpha)"""
ASK = "stage_1.unet(image, t, encoder_hidden_states=prompt_embeds, return_dict=False)[0]"


def body(
    ask: str, start: str = "im_noisy", step: str = POSTERIOR, add: str = "image = add_variance(variance, t, image)", after: str = "",
    result: str = "image.cpu().detach().numpy()", loop: str = "for i in range(i_start, len(timesteps) - 1):", table: str = "alphas_cumprod",
    t: str = "timesteps[i]", before: str = "", setup: str = "",
) -> str:  # fmt: skip
    """A loop as notebooks have it. `ask` binds eps and variance; `setup`: before the loop; `before`, `after`: in each step."""
    return f"""
    image = {start}
    frames = []
    {setup}
    with torch.no_grad():
        {loop}
            t = {t}
            prev_t = timesteps[i + 1]
            a_bar, a_bar_prev = {table}[t], {table}[prev_t]
            alpha = a_bar / a_bar_prev
            beta = 1 - alpha
            {before}
            {ask}{step}
            {add}
            {after}
            frames.append(image)
    return {result}
"""


SPLIT = f"out = {ASK}; eps, variance = torch.split(out, image.shape[1], dim=1)"


def asks(x: str, prompt: str) -> str:
    return f"stage_1.unet({x}, t, encoder_hidden_states={prompt}, return_dict=False)[0]"


_C, _U = asks("image", "prompt_embeds"), asks("image", "uncond_prompt_embeds")
TWO = f"c = {_C}; u = {_U}; variance = c[:, 3:]; eps = u[:, :3] + scale * (c[:, :3] - u[:, :3])"
NULL_FIRST = (
    f"u, _ = torch.split({_U}, 3, dim=1); c, variance = torch.split({_C}, 3, dim=1); eps = (1 - scale) * u + scale * c"
)
TOGETHER = (
    "embeds = torch.cat([uncond_prompt_embeds, prompt_embeds]); "
    "both = stage_1.unet(torch.cat([image, image]), t, encoder_hidden_states=embeds, return_dict=False)[0]; "
    "u, c = both.chunk(2); variance = c[:, 3:]; eps = u[:, :3] + scale * (c[:, :3] - u[:, :3])"
)
OBJECT = (
    "u = stage_1.unet(image, t, uncond_prompt_embeds).sample[:, :3]; "
    "c = stage_1.unet(sample=image, timestep=t, encoder_hidden_states=prompt_embeds)[0]; "
    "variance = c[:, 3:6]; c = c[:, 0:3]; eps = u + scale * (c - u)"
)
FORCE = "image = mask * image + (1 - mask) * forward(original_image, prev_t)"
FROM_NOISE = {"start": "torch.randn(1, 3, 64, 64).to(device)", "loop": "for i in range(len(timesteps) - 1):"}
PICTURE = "((image[0].permute(1, 2, 0) / 2 + 0.5).clamp(0, 1).cpu().numpy())"


def four(frame: str) -> str:
    """The answers of an anagram; `frame`: how x is turned, and back."""
    turned = frame.format("image")
    return (
        f"c1 = {asks('image', 'prompt_embeds_1')}; u1 = {asks('image', 'uncond_prompt_embeds')}; turned = {turned}; "
        f"c2 = {asks('turned', 'prompt_embeds_2')}; u2 = {asks('turned', 'uncond_prompt_embeds')}; "
        "e1 = u1[:, :3] + scale * (c1[:, :3] - u1[:, :3]); e2 = u2[:, :3] + scale * (c2[:, :3] - u2[:, :3]); "
        f"e2 = {frame.format('e2')}; eps = 0.5 * (e1 + e2); "
    )


TURN_OVER = "torch.flip({}, [2])"
UP, TURNED_BACK = "variance = c1[:, 3:]", "variance = torch.flip(c2[:, 3:], [-2])"
BLUR = "TF.gaussian_blur({}, kernel_size=33, sigma=2)"
THREE = (
    f"c1 = {asks('image', 'prompt_embeds_1')}; c2 = {asks('image', 'prompt_embeds_2')}; u = {asks('image', 'uncond_prompt_embeds')}; "
    "e1 = u[:, :3] + scale * (c1[:, :3] - u[:, :3]); e2 = u[:, :3] + scale * (c2[:, :3] - u[:, :3]); "
)
PASSES = f"eps = {BLUR.format('e1')} + (e2 - {BLUR.format('e2')}); variance = c1[:, 3:]"
