"""Known wrong versions of the loop and its step, which stand in five functions in the same words, and of guidance, which stands in four."""

from collections.abc import Callable
from typing import Any

from autograder.grading.mutants import Misconception, in_region

Make = Callable[..., Misconception]

_TIMES = "t, t_next = timesteps[i], timesteps[i + 1]"
_TABLES = "alpha_bar, alpha_bar_next = alphas_cumprod[t], alphas_cumprod[t_next]"
_ALPHA, _BETA = "alpha = alpha_bar / alpha_bar_next", "beta = 1 - alpha\n"
_X0_HAT = "x0_hat = (image - (1 - alpha_bar).sqrt() * eps) / alpha_bar.sqrt()"
_OF_X0 = "of_x0 = alpha_bar_next.sqrt() * beta / (1 - alpha_bar)"
_OF_XT = "of_xt = alpha.sqrt() * (1 - alpha_bar_next) / (1 - alpha_bar)"
_STEP = "image = add_variance(predicted_variance, t, of_x0 * x0_hat + of_xt * image)"
_RETURN = "return image.cpu().numpy()"

_STEP_MISTAKES: dict[str, tuple[str, Any]] = {
    "alpha-is-alpha-bar": (
        "Your α seems to be ᾱ_t itself. Over a stride α is what leads from ᾱ_t′ to ᾱ_t.",
        (_ALPHA, "alpha = alpha_bar"),
    ),
    "alpha-upside-down": (
        "Your α seems to be larger than 1: the fraction of ᾱ_t and ᾱ_t′ seems to stand upside down.",
        (_ALPHA, "alpha = alpha_bar_next / alpha_bar"),
    ),
    "beta-of-alpha-bar": (
        "Your β seems to be 1 − ᾱ_t. It is 1 − α, with the α of the stride.",
        (_BETA, "beta = 1 - alpha_bar\n"),
    ),
    "eps-added": (
        "Your x̂_0 seems to add the noise where x_t = √ᾱ_t x̂_0 + √(1 − ᾱ_t) ε has to be solved for x̂_0.",
        ("image - (1", "image + (1"),
    ),
    "estimate-not-divided": (
        "Your x̂_0 seems to lack the division by √ᾱ_t.",
        (_X0_HAT, _X0_HAT.replace(" / alpha_bar.sqrt()", "")),
    ),
    "root-below-the-estimate-missing": (
        "Your x̂_0 seems to be divided by ᾱ_t, without the square root.",
        (_X0_HAT, _X0_HAT.replace("/ alpha_bar.sqrt()", "/ alpha_bar")),
    ),
    "root-at-eps-missing": (
        "Your x̂_0 seems to take away (1 − ᾱ_t) ε_θ, without the square root.",
        ("(1 - alpha_bar).sqrt() * eps", "(1 - alpha_bar) * eps"),
    ),
    "alpha-in-the-estimate": (
        "Your x̂_0 seems to be made with α in the place of ᾱ_t.",
        (_X0_HAT, _X0_HAT.replace("alpha_bar", "alpha")),
    ),
    "next-in-the-estimate": (
        "Your x̂_0 seems to be made with ᾱ_t′. Which t does x_t belong to?",
        (_X0_HAT, _X0_HAT.replace("alpha_bar", "alpha_bar_next")),
    ),
    "weights-swapped": (
        "The factors of x̂_0 and x_t seem to be swapped in your step.",
        ("of_x0 * x0_hat + of_xt * image", "of_xt * x0_hat + of_x0 * image"),
    ),
    "alpha-bar-of-t-at-the-estimate": (
        "The factor of x̂_0 in your step seems to hold √ᾱ_t. Which of the two t does it take?",
        (_OF_X0, _OF_X0.replace("alpha_bar_next", "alpha_bar")),
    ),
    "alpha-bar-of-t-at-x-t": (
        "The factor of x_t in your step seems to hold 1 − ᾱ_t above the fraction, so that it falls away. Which of the two t does it take?",
        (_OF_XT, _OF_XT.replace("alpha_bar_next", "alpha_bar")),
    ),
    "root-of-alpha-missing": (
        "The factor of x_t in your step seems to hold α without its square root.",
        (_OF_XT, _OF_XT.replace("alpha.sqrt()", "alpha")),
    ),
    "root-of-alpha-bar-missing": (
        "The factor of x̂_0 in your step seems to hold ᾱ_t′ without its square root.",
        (_OF_X0, _OF_X0.replace("alpha_bar_next.sqrt()", "alpha_bar_next")),
    ),
    "root-of-beta": (
        "The factor of x̂_0 in your step seems to hold √β in the place of β.",
        (_OF_X0, _OF_X0.replace("beta /", "beta.sqrt() /")),
    ),
    "next-below-both": (
        "Both factors of your step seem to be divided by 1 − ᾱ_t′. Which of the two t stands below the fractions?",
        (
            (_OF_X0, _OF_X0.replace("(1 - alpha_bar)", "(1 - alpha_bar_next)")),
            (_OF_XT, _OF_XT.replace("/ (1 - alpha_bar)", "/ (1 - alpha_bar_next)")),
        ),
    ),
    "alpha-bar-for-alpha": (
        "The factor of x_t in your step seems to hold √ᾱ_t in the place of √α.",
        (_OF_XT, _OF_XT.replace("alpha.sqrt()", "alpha_bar.sqrt()")),
    ),
    "estimate-for-step": (
        "Your x_t′ seems to be x̂_0 itself, so that the first step jumps to the end. x̂_0 is one of the two parts of x_t′.",
        ("of_x0 * x0_hat + of_xt * image", "x0_hat"),
    ),
    "step-of-one": (
        "Your step seems to lead from t to t − 1, although the next time of the loop is timesteps[i + 1].",
        (_TABLES, "alpha_bar, alpha_bar_next = alphas_cumprod[t], alphas_cumprod[t - 1]"),
    ),
    "clamped-step": (
        "Your x_t′ seems to be clamped. A noisy image is not bound to −1 … 1; only an estimate of the clean one is.",
        (_STEP, _STEP + ".clamp(-1, 1)"),
    ),
    "step-from-the-first-image": (
        "The x_t in your step seems to be the image that the loop started from, in every step.",
        (_STEP, _STEP.replace("of_xt * image", "of_xt * start")),
    ),
    "noise-never-added": (
        "Your step seems to lack v: nothing is added by add_variance.",
        (_STEP, "image = of_x0 * x0_hat + of_xt * image"),
    ),
    "noise-added-twice": (
        "Your step seems to add noise by add_variance twice.",
        (_STEP, f"{_STEP}\n    image = add_variance(predicted_variance, t, image)"),
    ),
    "image-added-twice": (
        "Your x_t′ seems to hold its mean twice: add_variance returns the image with the noise, not the noise alone.",
        (_STEP, "mean = of_x0 * x0_hat + of_xt * image\n    image = mean + add_variance(predicted_variance, t, mean)"),
    ),
    "noise-into-the-old-image": (
        "Your add_variance seems to be given x_t, so that the step never happens.",
        (_STEP, "image = add_variance(predicted_variance, t, image)"),
    ),
    "noise-not-kept": (
        "What your add_variance returns seems not to be used: it returns the image with the noise, and changes nothing in place.",
        (_STEP, "image = of_x0 * x0_hat + of_xt * image\n    add_variance(predicted_variance, t, image)"),
    ),
    "variance-told-the-next-t": (
        "Your add_variance seems to be told t′. The variance has been predicted for the step from t.",
        (_STEP, _STEP.replace("variance, t,", "variance, t_next,")),
    ),
    "variance-told-the-place": (
        "Your add_variance seems to be told i, the place in timesteps, and not the t that stands there.",
        (_STEP, _STEP.replace("variance, t,", "variance, i,")),
    ),
    "noise-for-variance": (
        "Your add_variance seems to be given the noise estimate. The predicted variance is in the other three channels.",
        (_STEP, _STEP.replace("predicted_variance", "eps")),
    ),
    "variance-scaled": (
        "The variance seems to be changed before your add_variance gets it. It takes what the network has predicted, as it is.",
        (_STEP, _STEP.replace("predicted_variance", "predicted_variance.exp()")),
    ),
    "network-told-the-next-t": (
        "Your network seems to be told t′ together with x_t. How noisy is the image that it is given?",
        (_TABLES, _TABLES + "\n    t = t_next"),
    ),
    "loop-stops-early": (
        "Your loop seems to end one step before the last of the timesteps. Print the t and t′ of every step.",
        ("len(timesteps) - 1", "len(timesteps) - 2"),
    ),
    "loop-goes-too-far": (
        "Your loop seems to have one step too many: behind the last of the timesteps there is no t′.",
        ("len(timesteps) - 1", "len(timesteps)"),
    ),
    "returns-before-the-end": (
        "Your loop seems to return within its first step. How far is the return indented?",
        (_STEP, _STEP + "\n    break"),
    ),
}


def _pairs(edits: Any) -> tuple[tuple[str, str], ...]:
    return (edits,) if isinstance(edits[0], str) else tuple(edits)


def step_mistakes(
    make: Make, prefix: str, start: str, but: tuple[str, ...] = (), only: tuple[str, ...] = ()
) -> tuple[Misconception, ...]:
    """`start`: what the loop is given, in the solution's words."""
    found = []
    for id, (explanation, edits) in _STEP_MISTAKES.items():
        if id in but or (only and id not in only):
            continue
        pairs = tuple((old, new.replace("start", start)) for old, new in _pairs(edits))
        failure = ("IndexError", ".*out of range.*|.*out of bounds.*") if id == "loop-goes-too-far" else None
        no_work = id == "noise-into-the-old-image"
        found.append(make(f"{prefix}{id}", explanation=explanation, edits=pairs, failure=failure, is_no_work=no_work))
    return tuple(found)


_EPS = "eps_u + scale * (eps_c - eps_u)"
_WHOLE = "ε_u + γ (ε_c − ε_u)"

_GUIDANCE: dict[str, tuple[str, str]] = {
    "from-the-prompt": (
        f"Your guidance seems to begin at ε_c, and is 1 too strong. Compare with {_WHOLE}: at γ = 1 that is ε_c. The paper's w is γ − 1.",
        "eps_c + scale * (eps_c - eps_u)",
    ),
    "swapped": (
        f"ε_u and ε_c seem to be swapped in your guidance. Compare with {_WHOLE}: at γ = 1 that is ε_c.",
        "eps_c + scale * (eps_u - eps_c)",
    ),
    "the-wrong-way": (
        f"Your guidance seems to lead away from the prompt. Compare the signs in the bracket of {_WHOLE}.",
        "eps_u + scale * (eps_u - eps_c)",
    ),
    "left-out": (f"Your loop seems to ignore γ and to use ε_c alone. Compare with {_WHOLE}.", "eps_c"),
    "without-the-prompt": (f"Your loop seems to ignore γ and to use ε_u alone. Compare with {_WHOLE}.", "eps_u"),
    "written-in": (
        "Your guidance seems to be the same for every scale. Is there a number in the place of the argument?",
        "eps_u + 7 * (eps_c - eps_u)",
    ),
    "sum": (
        f"Your guidance seems to add γ ε_c to ε_u. Compare with {_WHOLE}: how much of ε_u is left there?",
        "eps_u + scale * eps_c",
    ),
    "of-the-prompt-alone": (
        f"Your loop seems to multiply ε_c by γ and to leave ε_u out. Compare with {_WHOLE}.",
        "scale * eps_c",
    ),
    "difference-only": (
        f"Your guidance seems to be γ (ε_c − ε_u) alone. Compare with {_WHOLE}.",
        "scale * (eps_c - eps_u)",
    ),
    "mean": (
        f"Your guidance seems to be the mean of ε_u and ε_c, whatever γ is. Compare with {_WHOLE}.",
        "(eps_c + eps_u) / 2",
    ),
}


def guidance_mistakes(make: Make, prefix: str, only: tuple[str, ...] = ()) -> tuple[Misconception, ...]:
    chosen = {id: told for id, told in _GUIDANCE.items() if not only or id in only}
    return tuple(
        make(f"{prefix}guidance-{id}", explanation=told, edits=((_EPS, new),)) for id, (told, new) in chosen.items()
    )


# The two loops of tasks 1-4 and 1-6

_plain = in_region("1-4", "sampling.py:iterative_denoise")
_guided = in_region("1-6", "sampling.py:iterative_denoise_cfg")
_ASK = "stage_1.unet(image, t, encoder_hidden_states=prompt_embeds, return_dict=False)[0]"
_ASK_U = "stage_1.unet(image, t, encoder_hidden_states=uncond_prompt_embeds, return_dict=False)[0]"


def loop_mistakes(make: Make, prefix: str, start: str) -> tuple[Misconception, ...]:
    """Of where a loop begins, and what it does to what it is given."""
    return (
        make(
            f"{prefix}i-start-forgotten",
            explanation="Your loop seems to begin at the first of the timesteps, whatever i_start is. How noisy is the image that it is given?",
            edits=(("range(i_start, ", "range("),),
        ),
        make(
            f"{prefix}loop-backwards",
            explanation="Your loop seems to take its steps in the other order, from nearly clean to noisy.",
            edits=(("range(i_start, len(timesteps) - 1)", "reversed(range(i_start, len(timesteps) - 1))"),),
        ),
        make(
            f"{prefix}loop-skips",
            explanation="Your loop seems to leave out every other of the timesteps. They have their stride already.",
            edits=(("range(i_start, len(timesteps) - 1)", "range(i_start, len(timesteps) - 1, 2)"),),
        ),
        make(
            f"{prefix}network-told-the-place",
            explanation="Your network seems to be told i, the place in timesteps, and not the t that stands there.",
            edits=((_ASK, _ASK.replace("image, t,", "image, i,")),) if prefix in ("", "cfg-") else ((_TABLES, f"{_TABLES}\n    t = i"),),
        ),
        make(
            f"{prefix}callers-image-changed",
            explanation="Your loop seems to write its steps into the image that it is given, which the caller still needs.",
            edits=((_STEP, _STEP.replace("image = add_variance", "image = image.copy_(add_variance") + ")"),),
        ),
        make(
            f"{prefix}returns-what-it-was-given",
            explanation="Your function seems to return the image that it is given, not that of its last step.",
            edits=((_RETURN, f"return {start}.cpu().numpy()"),) if start != "image" else ((_STEP, _STEP.replace("image =", "last =")),),
        ),
    )  # fmt: skip


ITERATIVE = (
    *step_mistakes(_plain, "", "im_noisy"),
    *loop_mistakes(_plain, "", "im_noisy"),
    _plain(
        "starts-from-other-noise",
        explanation="Your loop seems to start from noise of its own, not from the image that it is given.",
        edits=(("image = im_noisy", "image = torch.randn_like(im_noisy)"),),
    ),
    _plain(
        "network-given-the-first-image",
        explanation="Your network seems to be given the same image in every step.",
        edits=((_ASK, _ASK.replace("image, t,", "im_noisy, t,")),),
    ),
    _plain(
        "channels-swapped",
        explanation="The noise estimate and the predicted variance seem to be swapped. Which three channels of the answer come first?",
        edits=(("eps, predicted_variance =", "predicted_variance, eps ="),),
    ),
    _plain(
        "prompt-not-used",
        explanation="Your network seems to be given no prompt of the caller's. What does your code do with prompt_embeds?",
        edits=((_ASK, _ASK.replace("=prompt_embeds", "=torch.zeros_like(prompt_embeds)")),),
    ),
    _plain(
        "noise-of-its-own",
        explanation="Your step seems to add noise that it draws itself. add_variance adds it, with the variance that the network has predicted.",
        edits=((_STEP, "image = of_x0 * x0_hat + of_xt * image + beta.sqrt() * torch.randn_like(image)"),),
    ),
    _plain(
        "variance-asked-for-at-the-next-t",
        explanation="The variance seems to come from a question of its own, about the next t. It is that of the step which is taken.",
        edits=((_STEP, f"predicted_variance = {_ASK.replace('image, t,', 'image, t_next,')}[:, 3:]\n    {_STEP}"),),
    ),
)

GUIDED = (
    *step_mistakes(_guided, "cfg-", "im_noisy"),
    *loop_mistakes(_guided, "cfg-", "im_noisy"),
    *guidance_mistakes(_guided, "cfg-"),
    _guided(
        "cfg-both-with-the-prompt",
        explanation="Both questions of a step seem to be about the prompt. One of them is about the null prompt.",
        edits=((_ASK_U, _ASK),),
    ),
    _guided(
        "cfg-prompts-swapped",
        explanation="The prompt and the null prompt seem to be swapped in your two questions.",
        edits=((_ASK, _ASK_U.replace("image", "image.clone()")), (_ASK_U, _ASK)),
    ),
    _guided(
        "cfg-null-prompt-is-zeros",
        explanation="The null prompt seems to be zeros. It is the embedding of the empty text, which the function is given.",
        edits=((_ASK_U, _ASK_U.replace("=uncond_prompt_embeds", "=torch.zeros_like(uncond_prompt_embeds)")),),
    ),
    _guided(
        "cfg-variance-of-the-null-prompt",
        explanation="Your add_variance seems to be given the variance of the null prompt. It takes that of the prompt.",
        edits=(("eps_u, _ = output_u", "eps_u, predicted_variance = output_u"),),
    ),
    _guided(
        "cfg-guidance-on-the-variance",
        explanation="Guidance seems to be applied to the variance as well. Only the noise estimates are guided.",
        edits=(
            (
                _STEP,
                _STEP.replace("predicted_variance", "output_u[:, 3:] + scale * (predicted_variance - output_u[:, 3:])"),
            ),
        ),
    ),
    _guided(
        "cfg-mean-of-the-variances",
        explanation="Your add_variance seems to be given the mean of both variances. It takes that of the prompt.",
        edits=((_STEP, _STEP.replace("predicted_variance", "(output_u[:, 3:] + predicted_variance) / 2")),),
    ),
    _guided(
        "cfg-null-prompt-of-the-step-before",
        explanation="ε_u seems to be that of the first step, in every step.",
        edits=(("output_u = ", "output_u = output_u if i > i_start else "),),
    ),
    _guided(
        "cfg-variance-of-the-first-step",
        explanation="Your add_variance seems to be given the variance of the first step, in every step.",
        edits=(
            (
                _STEP,
                f"first = predicted_variance if i == i_start else first\n    {_STEP.replace('predicted_variance', 'first')}",
            ),
        ),
    ),
)
