"""Known wrong versions of visual anagrams and hybrid images."""

from autograder.assignments.pretrained_diffusion.wrong_steps import loop_mistakes, step_mistakes
from autograder.grading.mutants import in_region

_STEPS = (
    "alpha-is-alpha-bar",
    "beta-of-alpha-bar",
    "eps-added",
    "weights-swapped",
    "estimate-for-step",
    "noise-never-added",
    "noise-added-twice",
    "root-at-eps-missing",
    "alpha-bar-of-t-at-x-t",
    "variance-told-the-next-t",
    "noise-for-variance",
    "loop-stops-early",
    "loop-goes-too-far",
    "returns-before-the-end",
)

_flip = in_region("1-8", "sampling.py:make_flip_illusion")
_MEAN = "eps = (eps_1 + eps_2.flip(2)) / 2"
_TURN = "flipped = image.flip(2)"
_GUIDED_1 = "eps_1 = output_u[:, :3] + scale * (eps_1 - output_u[:, :3])"
_GUIDED_2 = "eps_2 = flipped_u[:, :3] + scale * (flipped_2[:, :3] - flipped_u[:, :3])"
_ASK_1 = "stage_1.unet(image, t, encoder_hidden_states=prompt_embeds_1, return_dict=False)[0]"
_ASK_2 = "stage_1.unet(flipped, t, encoder_hidden_states=prompt_embeds_2, return_dict=False)[0]"
_VARIANCE = "add_variance(predicted_variance,"

FLIP = (
    *step_mistakes(_flip, "flip-", "image", only=_STEPS),
    *loop_mistakes(_flip, "flip-", "image"),
    _flip(
        "not-turned-back",
        explanation="ε_2 seems not to be turned back before the mean, so that it speaks of other pixels than ε_1.",
        edits=((_MEAN, "eps = (eps_1 + eps_2) / 2"),),
    ),
    _flip(
        "not-turned",
        explanation="ε_2 seems to be the estimate of x as it is. It is that of x upside down.",
        edits=((_TURN, "flipped = image"),),
    ),
    _flip(
        "never-turned",
        explanation="Neither x nor ε_2 seems to be turned upside down. Which dimension of (B, C, H, W) is the height?",
        edits=((_TURN, "flipped = image.flip(0)"), (_MEAN, "eps = (eps_1 + eps_2.flip(0)) / 2")),
    ),
    _flip(
        "mirrored",
        explanation="Your x seems to be mirrored left to right, and not turned upside down. Which dimension of (B, C, H, W) is the height?",
        edits=((_TURN, "flipped = image.flip(3)"), (_MEAN, "eps = (eps_1 + eps_2.flip(3)) / 2")),
    ),
    _flip(
        "channels-turned",
        explanation="The colours of your x seem to be turned round. Which dimension of (B, C, H, W) is the height?",
        edits=((_TURN, "flipped = image.flip(1)"), (_MEAN, "eps = (eps_1 + eps_2.flip(1)) / 2")),
    ),
    _flip(
        "sum-for-mean",
        explanation="ε_1 and ε_2 seem to be added, where their mean is asked for.",
        edits=((_MEAN, "eps = eps_1 + eps_2.flip(2)"),),
    ),
    _flip(
        "unequal-weights",
        explanation="ε_1 and ε_2 seem to have unequal weights, where their mean is asked for.",
        edits=((_MEAN, "eps = 0.7 * eps_1 + 0.3 * eps_2.flip(2)"),),
    ),
    _flip(
        "first-prompt-alone",
        explanation="The estimate for the second prompt seems not to be used.",
        edits=((_MEAN, "eps = eps_1"),),
    ),
    _flip(
        "difference-for-mean",
        explanation="ε_2 seems to be taken away from ε_1, where their mean is asked for.",
        edits=((_MEAN, "eps = (eps_1 - eps_2.flip(2)) / 2"),),
    ),
    _flip(
        "null-prompt-of-the-wrong-branch",
        explanation="The guidance of ε_2 seems to take the ε_u of x as it is. Both of its answers are about x upside down.",
        edits=((_GUIDED_2, _GUIDED_2.replace("flipped_u", "output_u")),),
    ),
    _flip(
        "null-prompt-never-turned",
        explanation="The null prompt seems to be asked about x as it is for both branches. That of the second is about x upside down.",
        edits=(("flipped_u = stage_1.unet(flipped,", "flipped_u = stage_1.unet(image,"),),
    ),
    _flip(
        "second-without-guidance",
        explanation="ε_2 seems to be without guidance.",
        edits=((_GUIDED_2, "eps_2 = flipped_2[:, :3]"),),
    ),
    _flip(
        "first-without-guidance",
        explanation="ε_1 seems to be without guidance.",
        edits=((_GUIDED_1, "eps_1 = eps_1 + 0 * scale"),),
    ),
    _flip(
        "flip-guidance-from-the-prompt",
        explanation="Your guidance seems to begin at ε_c, and is 1 too strong. Compare with ε_u + γ (ε_c − ε_u): at γ = 1 that is ε_c.",
        edits=(
            (_GUIDED_1, _GUIDED_1.replace("= output_u[:, :3] +", "= eps_1 +")),
            (_GUIDED_2, _GUIDED_2.replace("= flipped_u[:, :3] +", "= flipped_2[:, :3] +")),
        ),
    ),
    _flip(
        "flip-prompts-swapped",
        explanation="The two prompts seem to be swapped: prompt 1 is what the picture shows upright.",
        edits=(
            (_ASK_1, _ASK_1.replace("_1, return", "_2, return")),
            (_ASK_2, _ASK_2.replace("_2, return", "_1, return")),
        ),
    ),
    _flip(
        "one-prompt-for-both",
        explanation="Both branches seem to ask for the same prompt.",
        edits=((_ASK_2, _ASK_2.replace("_2, return", "_1, return")),),
    ),
    _flip(
        "variance-upside-down",
        explanation="The variance seems to be that of x upside down, as the network gave it. It has to lie over the same pixels as x.",
        edits=((_VARIANCE, "add_variance(flipped_2[:, 3:],"),),
    ),
    _flip(
        "flip-variance-of-the-null-prompt",
        explanation="Your add_variance seems to be given the variance of the null prompt. It takes that of a prompt.",
        edits=((_VARIANCE, "add_variance(output_u[:, 3:],"),),
    ),
)

_hybrid = in_region("1-9", "sampling.py:make_hybrids")
_SUM = "eps = low + eps_2 - low_of_2"
_HYBRID_1, _HYBRID_2 = "eps_1 = eps_u + scale * (eps_1 - eps_u)", "eps_2 = eps_u + scale * (eps_2 - eps_u)"

HYBRIDS = (
    *step_mistakes(_hybrid, "hybrid-", "image", only=_STEPS),
    *loop_mistakes(_hybrid, "hybrid-", "image"),
    _hybrid(
        "passes-swapped",
        explanation="The low pass seems to be that of prompt 2 and the high pass that of prompt 1. From far away prompt 1 is to be seen.",
        edits=((_SUM, "eps = low_of_2 + eps_1 - low"),),
    ),
    _hybrid(
        "high-pass-of-the-first",
        explanation="Both passes seem to be those of prompt 1, which add up to ε_1 itself.",
        edits=((_SUM, "eps = low + eps_1 - low"),),
    ),
    _hybrid(
        "low-passes-alone",
        explanation="Two low passes seem to be added. The high pass is what the low pass takes away.",
        edits=((_SUM, "eps = low + low_of_2"),),
    ),
    _hybrid(
        "high-pass-with-the-other",
        explanation="Your high pass seems to take the low pass of ε_1 away from ε_2. Both parts of it belong to ε_2.",
        edits=((_SUM, "eps = low + eps_2 - low"),),
    ),
    _hybrid(
        "no-high-pass",
        explanation="ε_2 seems to be added as a whole. Only its high pass counts.",
        edits=((_SUM, "eps = low + eps_2"),),
    ),
    _hybrid(
        "low-pass-left-out",
        explanation="The low pass of ε_1 seems to be missing in your noise.",
        edits=((_SUM, "eps = eps_2 - low_of_2"),),
    ),
    _hybrid(
        "high-pass-subtracted",
        explanation="The high pass of ε_2 seems to have the wrong sign.",
        edits=((_SUM, "eps = low - eps_2 + low_of_2"),),
    ),
    _hybrid(
        "mean-of-the-passes",
        explanation="The sum of both passes seems to be halved. Together they are one noise already.",
        edits=((_SUM, "eps = (low + eps_2 - low_of_2) / 2"),),
    ),
    _hybrid(
        "another-sigma",
        explanation="Your low pass seems to have another σ than 2. Without one torchvision makes its own of the kernel's size.",
        edits=((", sigma=2.0", ""),),
    ),
    _hybrid(
        "sigma-of-one", explanation="Your low pass seems to have another σ than 2.", edits=(("sigma=2.0", "sigma=1.0"),)
    ),
    _hybrid(
        "kernel-of-three",
        explanation="Your low pass seems to have another kernel than one of 33 pixels, which cuts it off.",
        edits=(("kernel_size=33", "kernel_size=3"),),
    ),
    _hybrid(
        "hybrid-first-without-guidance",
        explanation="ε_1 seems to be without guidance.",
        edits=((_HYBRID_1, "eps_1 = eps_1 + 0 * scale"),),
    ),
    _hybrid(
        "hybrid-second-without-guidance",
        explanation="ε_2 seems to be without guidance.",
        edits=((_HYBRID_2, "eps_2 = eps_2 + 0 * scale"),),
    ),
    _hybrid(
        "hybrid-guidance-from-the-prompt",
        explanation="Your guidance seems to begin at ε_c, and is 1 too strong. Compare with ε_u + γ (ε_c − ε_u): at γ = 1 that is ε_c.",
        edits=(
            (_HYBRID_1, _HYBRID_1.replace("= eps_u +", "= eps_1 +")),
            (_HYBRID_2, _HYBRID_2.replace("= eps_u +", "= eps_2 +")),
        ),
    ),
    _hybrid(
        "hybrid-one-prompt-for-both",
        explanation="Both estimates seem to be for the same prompt.",
        edits=(("encoder_hidden_states=prompt_embeds_2", "encoder_hidden_states=prompt_embeds_1"),),
    ),
    _hybrid(
        "hybrid-variance-of-the-null-prompt",
        explanation="Your add_variance seems to be given the variance of the null prompt. It takes that of a prompt.",
        edits=((_VARIANCE, "add_variance(output_u[:, 3:],"),),
    ),
    _hybrid(
        "hybrid-variance-filtered",
        explanation="The variance seems to be filtered like the noise. It is taken as the network has predicted it.",
        edits=((_VARIANCE, "add_variance(TF.gaussian_blur(predicted_variance, 33, 2.0),"),),
    ),
    _hybrid(
        "image-filtered",
        explanation="Your passes seem to be of x, and not of the noise estimates.",
        edits=((_SUM, f"{_SUM}\n    image = TF.gaussian_blur(image, kernel_size=33, sigma=2.0)"),),
    ),
)
