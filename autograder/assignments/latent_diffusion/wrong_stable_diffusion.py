"""Known wrong versions of libs/stable_diffusion.py, recognised by what they give for the same checkpoint."""

from autograder.grading.mutants import Misconception, in_region

_FILE = "libs/stable_diffusion.py"
_init, _forward, _load = (in_region("sd", f"{_FILE}:{name}") for name in ("SDUNet.__init__", "SDUNet.forward", "load_stable_diffusion"))

_NAME = 'f"{PREFIX}{path}.{theirs}.{leaf}"'
_MISSING = "if missing := [name for name in names.values() if name not in known]:\n    raise KeyError(f\"{missing[0]} is missing in the checkpoint\")"
_COPIED = "known[name].reshape(weights[own].shape) for own, name in names.items()"
_MULTS = 'tuple(shape_of(f"input_blocks.{i}.0.out_layers.3.weight")[0] // width for i in (1, 4, 7, 10))'

STABLE_DIFFUSION: tuple[Misconception, ...] = (
    _init(
        "sd-four-heads",
        "Your attention seems to have another number of heads than Stable Diffusion's. Look at num_heads.",
        edits=(("context_dim, num_heads, groups", "context_dim, 4, groups"),),
    ),
    _init(
        "sd-eight-groups",
        "The group norms of your residual blocks seem to have other groups than Stable Diffusion's. Look at GROUPS.",
        edits=(("time_dim, channels, GROUPS)", "time_dim, channels, 8)"),),
    ),
    _init(
        "sd-time-through-relu",
        "The activation between the two layers of the time seems to be another one. Look at the first lines of the file.",
        edits=(("nn.Linear(width, time_dim), nn.SiLU()", "nn.Linear(width, time_dim), nn.ReLU()"),),
    ),
    _init(
        "sd-out-without-activation",
        "There seems to be no activation before the last convolution. Look at the first lines of the file.",
        edits=(("nn.GroupNorm(GROUPS, width), nn.SiLU()", "nn.GroupNorm(GROUPS, width), nn.Identity()"),),
    ),
    _init(
        "sd-upsampled-before-the-transformer",
        "An upsampling seems to come before the transformer of its block. Compare the places in the lists with the names in a checkpoint.",
        edits=(("return nn.ModuleList([*layers, *more])", "return nn.ModuleList([layers[0], *more, *layers[1:]])"),),
    ),
    _init(
        "sd-transformers-on-the-last-level",
        "Your last level seems to have transformers. Look at which levels have some in the first lines of the file.",
        edits=(("if level < last:\n        layers", "if level <= last:\n        layers"),),
    ),
    _init(
        "sd-two-blocks-on-the-way-up",
        "Your levels on the way up seem to have as many blocks as those on the way down. Count the output blocks in the first lines of the file.",
        edits=(("range(BLOCKS + 1)", "range(BLOCKS)"),),
    ),
    _forward(
        "sd-sine-before-cosine",
        "The numbers that the time becomes seem to be in another order. Which comes first in Stable Diffusion, sine or cosine?",
        edits=(("angles.cos(), angles.sin()", "angles.sin(), angles.cos()"),),
    ),
    _forward(
        "sd-frequencies-of-the-transformer",
        "The frequencies of the time seem to be those of SinusoidalPE. Look at what the exponent is divided by in Stable Diffusion.",
        edits=(("/ half *", "/ (half - 1) *"),),
    ),
    _forward(
        "sd-time-divided",
        "The time seems to be divided by something. In Stable Diffusion it is the number of the step.",
        edits=(("time.float()", "time.float() / 1000"),),
    ),
    _forward(
        "sd-stored-first",
        "What was stored seems to come before x in the concatenation. The weights need the other order.",
        edits=(("[x, stored.pop()]", "[stored.pop(), x]"),),
    ),
    _forward(
        "sd-middle-left-out",
        "Your network seems to leave out the middle block.",
        edits=(("x = in_turn(self.middle_block, x, t, context)\n", ""),),
    ),
    _forward(
        "sd-first-time-for-all",
        "All latents of a batch seem to get the time of the first. Look at the shape of the time.",
        edits=(("torch.outer(time.float(), ", "torch.outer(time.float()[:1], "),),
    ),
    _forward(
        "sd-context-of-the-first",
        "All latents of a batch seem to get the context of the first. Look at what becomes of the context.",
        edits=(("half = self", "context = context[:1].expand(len(x), -1, -1)\nhalf = self"),),
    ),
    _load(
        "sd-missing-tensors-ignored",
        "A tensor that is missing seems to be passed over, so that its weights stay as they were drawn. What has to happen then?",
        edits=((_MISSING, "pass"), (f"{{own: {_COPIED}}}", f"{{own: {_COPIED} if name in known}}, strict=False")),
    ),
    _load(
        "sd-unknown-tensors-ignored",
        "A tensor of the U-Net that belongs nowhere seems to be passed over. What has to happen then?",
        edits=(("if unknown := known.keys() - names.values():", "if unknown := set():"),),
    ),
    _load(
        "sd-error-without-a-name",
        "Your error seems not to say which tensor it is about.",
        edits=(("{missing[0]} is", "a tensor is"), ("{min(unknown)} belongs", "a tensor belongs")),
    ),
    _load(
        "sd-other-keys-refused",
        "What belongs to the autoencoder or the text encoder of a checkpoint seems to be refused. Look at which names begin with PREFIX.",
        edits=(("known.keys() - names.values()", "state_dict.keys() - names.values()"),),
    ),
    _load(
        "sd-weights-not-loaded",
        "The weights that you read seem not to arrive in the network.",
        edits=(("model.load_state_dict(", "dict("),),
    ),
    _load(
        "sd-linear-layers-transposed",
        "Square weights seem to arrive transposed. How does PyTorch keep the weight of a linear layer?",
        edits=((_COPIED, _COPIED.replace("known[name]", "(known[name].T if known[name].shape == known[name].T.shape else known[name])")),),
    ),
    _load(
        "sd-keys-and-values-swapped",
        "Some of the weights of attention seem to arrive in each other's places. Look at which of q, k and v is which.",
        edits=((_NAME, f'{_NAME}.replace("to_k", "to_?").replace("to_v", "to_k").replace("to_?", "to_v")'),),
    ),
    _load(
        "sd-norms-out-of-order",
        "Some norms of the transformers seem to arrive in each other's places. Compare their numbers in PARTS.",
        edits=((_NAME, f'{_NAME}.replace("0.norm1", "0.norm?").replace("0.norm3", "0.norm1").replace("0.norm?", "0.norm3")'),),
    ),
    _load(
        "sd-levels-of-the-original",
        "The widths of your levels seem to be multiples that are written into the code. Read them from the shapes.",
        edits=((_MULTS, "(1, 2, 4, 4)"),),
    ),
    _load(
        "sd-context-of-the-original",
        "The size of your context seems to be a number that is written into the code. Read it from a shape.",
        edits=(("context_dim, in_channels", "768, in_channels"),),
    ),
)  # fmt: skip
