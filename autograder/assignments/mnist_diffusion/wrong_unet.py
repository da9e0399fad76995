"""Known wrong versions of the three networks of unet.py; those of their blocks stand in wrong_blocks.py."""

from autograder.assignments.mnist_diffusion.wrong_blocks import COMPOSED, SMALL
from autograder.grading.mutants import in_region

_init = in_region("1-1", "unet.py:UnconditionalUNet.__init__")
_forward = in_region("1-1", "unet.py:UnconditionalUNet.forward")
_time_init = in_region("2-1", "unet.py:TimeConditionalUNet.__init__")
_time = in_region("2-1", "unet.py:TimeConditionalUNet.forward")
_class_init = in_region("2-4", "unet.py:ClassConditionalUNet.__init__")
_class = in_region("2-4", "unet.py:ClassConditionalUNet.forward")

_OUT = "self.out = nn.Conv2d(D, C, 3, 1, 1)"
_RETURN = "return self.out(self.last(torch.cat([y, x28], dim=1)))"
_ONE, _TWO = "torch.cat([y, x7], dim=1)", "torch.cat([y, x14], dim=1)"
_TIMES = "t1, t2 = self.t1(t)[:, :, None, None], self.t2(t)[:, :, None, None]"
_CLASSES = "c1, c2 = self.c1(one_hot)[:, :, None, None], self.c2(one_hot)[:, :, None, None]"
_MASKED = "if mask is not None:\n    one_hot = one_hot * mask.view(-1, 1)"

NETWORK = (
    _init(
        "output-of-kernel-1",
        "Your last Conv2d seems to have a kernel of 1. Compare it with the diagram's.",
        edits=((_OUT, "self.out = nn.Conv2d(D, C, 1)"),),
    ),
    _init(
        "one-output-channel",
        "Your last Conv2d seems to give one channel whatever in_channels says. The output has as many channels as the image.",
        edits=((_OUT, "self.out = nn.Conv2d(D, 1, 3, 1, 1)"),),
    ),
    _init(
        "in-channels-ignored",
        "Your network seems to be made for images of one channel. C is in_channels: try in_channels=3.",
        edits=(("self.first = ConvBlock(C, D)", "self.first = ConvBlock(1, D)"),),
        failure=("RuntimeError", r"Given groups=1, weight of size \[\d+, 1, 3, 3\], expected input\[3, \d+, 28, 28\] to have 1 channels, .*"),
    ),
    _init(
        "num-hiddens-ignored",
        "The width of your network seems to be a number of its own. D is num_hiddens.",
        edits=(("C, D = in_channels, num_hiddens", "C, D = in_channels, 128"),),
    ),
    _init(
        "output-is-normalised",
        "Your output seems to go through a BatchNorm2d. The last Conv2d of the diagram is bare.",
        edits=((_OUT, "self.out = nn.Sequential(nn.Conv2d(D, C, 3, 1, 1), nn.BatchNorm2d(C))"),),
    ),
    _init(
        "output-through-conv",
        "Your network seems to end with a Conv, with BatchNorm2d and GELU. The last Conv2d of the diagram is bare.",
        edits=((_OUT, "self.out = Conv(D, C)"),),
    ),
    _init(
        "second-down-block-narrow",
        "Your second DownBlock seems to give D channels. Read its width in the diagram, and the widths of what follows.",
        edits=(
            ("DownBlock(D, 2 * D)", "DownBlock(D, D)"),
            ("Unflatten(2 * D)", "Unflatten(D)"),
            ("UpBlock(4 * D, D)", "UpBlock(2 * D, D)"),
        ),
    ),
    _init(
        "first-up-block-wide",
        "Your first UpBlock seems to give 2D channels. Read its width in the diagram.",
        edits=(("UpBlock(4 * D, D), UpBlock(2 * D, D)", "UpBlock(4 * D, 2 * D), UpBlock(3 * D, D)"),),
    ),
    _init(
        "last-conv-block-is-one-conv",
        "Your last ConvBlock seems to be a single Conv. Compare it with the diagram.",
        edits=(("self.last = ConvBlock(2 * D, D)", "self.last = Conv(2 * D, D)"),),
    ),
    _forward(
        "gelu-at-the-end",
        "Your output seems to go through GELU. The last Conv2d of the diagram is bare.",
        edits=((_RETURN, f"return F.gelu({_RETURN[7:]})"),),
    ),
    _forward(
        "sigmoid-at-the-end",
        "Your output seems to go through a sigmoid. The last Conv2d of the diagram is bare.",
        edits=((_RETURN, f"return torch.sigmoid({_RETURN[7:]})"),),
    ),
    _forward(
        "clamp-at-the-end",
        "Your output seems to be clamped. The last Conv2d of the diagram is bare.",
        edits=((_RETURN, f"return {_RETURN[7:]}.clamp(0, 1)"),),
    ),
    _forward(
        "image-added-at-the-end",
        "Your network seems to add its input to its output. The diagram has no such link.",
        edits=((_RETURN, f"return x + {_RETURN[7:]}"),),
    ),
    _forward(
        "first-link-missing",
        "Your first UpBlock does not seem to get what the way down had at 7 × 7. Look at what is concatenated before it.",
        edits=((_ONE, "torch.cat([y, y], dim=1)"),),
    ),
    _forward(
        "second-link-missing",
        "Your second UpBlock does not seem to get what the way down had at 14 × 14. Look at what is concatenated before it.",
        edits=((_TWO, "torch.cat([y, y], dim=1)"),),
    ),
    _forward(
        "last-link-missing",
        "Your last ConvBlock does not seem to get what the way down had at 28 × 28. Look at what is concatenated before it.",
        edits=((_RETURN, _RETURN.replace("x28", "y")),),
    ),
    _forward(
        "flatten-left-out",
        "Flatten and Unflatten do not seem to run: your first UpBlock gets the map of 7 × 7 twice. The diagram goes down to 1 × 1.",
        edits=(("y = self.unflatten(self.flatten(x7))", "y = x7"),),
    ),
    _forward(
        "links-added",
        "Your links seem to be added, which does not fit the channels of the UpBlocks. The diagram concatenates them.",
        edits=((_ONE, "y + x7"), (_TWO, "y + x14"), ("torch.cat([y, x28], dim=1)", "y + x28")),
        failure=("RuntimeError", r"Given transposed=1, weight of size \[(\d+), \d+, 4, 4\], expected input\[3, \d+, 7, 7\] to have \1 channels, .*"),
    ),
    _forward(
        "links-detached",
        "Training seems not to go back along a link. Look for .detach() or .data.",
        edits=((_TWO, "torch.cat([y, x14.detach()], dim=1)"),),
    ),
    _forward(
        "last-conv-block-left-out",
        "Your last ConvBlock does not seem to run as in the diagram. Look at what the last Conv2d is given.",
        edits=((_RETURN, "return self.out(self.last(torch.cat([y, x28], dim=1)) + y)"),),
    ),
)  # fmt: skip

TIME = (
    _time_init(
        "time-output-of-kernel-1",
        "The last Conv2d of your TimeConditionalUNet seems to have a kernel of 1. It is as in UnconditionalUNet.",
        edits=((_OUT, "self.out = nn.Conv2d(D, C, 1)"),),
    ),
    _time_init(
        "time-by-one-linear",
        "t seems to go through a bare Linear. The diagram has an FCBlock there.",
        edits=(("FCBlock(1, 2 * D), FCBlock(1, D)", "nn.Linear(1, 2 * D), nn.Linear(1, D)"),),
    ),
    _time(
        "time-multiplied",
        "The time seems to multiply where this handout adds it. The edition on flow matching multiplies; this one does not.",
        edits=(("(self.flatten(x7)) + t1", "(self.flatten(x7)) * t1"), (f"({_ONE}) + t2", f"({_ONE}) * t2")),
    ),
    _time(
        "first-time-missing",
        "The time does not seem to be added to the unflattened map.",
        edits=((" + t1", ""),),
    ),
    _time(
        "second-time-missing",
        "The time does not seem to be added to the output of the first UpBlock.",
        edits=((" + t2", ""),),
    ),
    _time(
        "one-time-for-both",
        "Both places seem to get the output of one FCBlock. The diagram has two, each with weights of its own.",
        edits=((_TIMES, "t1 = self.t1(t)[:, :, None, None]\nt2 = t1[:, : t1.shape[1] // 2]"),),
    ),
    _time(
        "time-before-the-up-block",
        "The time seems to be added to what goes into the first UpBlock, where it must be added to what comes out of it.",
        edits=((f"{_ONE}) + t2", f"{_ONE} + torch.cat([t2, t2, t2, t2], dim=1))"),),
    ),
    _time(
        "time-after-the-second-up-block",
        "The time seems to be added to the output of the second UpBlock. In the diagram it is the first.",
        edits=((" + t2", ""), (f"y = self.up2({_TWO})", f"y = self.up2({_TWO}) + t2")),
    ),
    _time(
        "time-added-to-the-link",
        "The time seems to be added to the link at 7 × 7 too. It is added to the unflattened map alone, before torch.cat.",
        edits=((_ONE, "torch.cat([y, x7 + t1], dim=1)"),),
    ),
    _time(
        "times-detached",
        "Training does not seem to reach the FCBlocks of the time. Look for .detach(), .data or torch.no_grad.",
        edits=((_TIMES, f"{_TIMES}\nt1, t2 = t1.detach(), t2.detach()"),),
    ),
    _time(
        "time-of-the-first-image",
        "All images of a batch seem to get the time of the first one.",
        edits=(("t.view(-1, 1)", "t.view(-1, 1)[:1]"),),
    ),
    _time(
        "time-divided-again",
        "The time seems to be divided by T inside of the network. It comes in 0 … 1 already.",
        edits=(("t.view(-1, 1)", "t.view(-1, 1) / 300"),),
    ),
)  # fmt: skip

CLASS = (
    _class_init(
        "ten-classes",
        "Your network seems to be made for ten classes. There are num_classes of them.",
        edits=(("self.num_classes = num_classes", "self.num_classes = num_classes = 10"),),
    ),
    _class_init(
        "class-output-of-kernel-1",
        "The last Conv2d of your ClassConditionalUNet seems to have a kernel of 1. It is as in UnconditionalUNet.",
        edits=((_OUT, "self.out = nn.Conv2d(D, C, 1)"),),
    ),
    _class(
        "class-added",
        "What is made of c seems to be added. It multiplies the map, and what is made of t is added.",
        edits=(("c1 * self", "c1 + self"), ("c2 * self", "c2 + self")),
    ),
    _class(
        "class-and-time-swapped",
        "c and t seem to be swapped: what is made of c multiplies, what is made of t is added.",
        edits=(("c1 * self", "t1 * self"), (" + t1", " + c1"), ("c2 * self", "t2 * self"), (" + t2", " + c2")),
    ),
    _class(
        "first-class-missing",
        "What is made of c does not seem to multiply the unflattened map.",
        edits=(("c1 * self", "self"),),
    ),
    _class(
        "second-class-missing",
        "What is made of c does not seem to multiply the output of the first UpBlock.",
        edits=(("c2 * self", "self"),),
    ),
    _class(
        "second-time-missing-beside-the-class",
        "What is made of t does not seem to be added to the output of the first UpBlock.",
        edits=((" + t2", ""),),
    ),
    _class(
        "classes-detached",
        "Training does not seem to reach the FCBlocks of the class. Look for .detach(), .data or torch.no_grad.",
        edits=((_CLASSES, f"{_CLASSES}\nc1, c2 = c1.detach(), c2.detach()"),),
    ),
    _class(
        "class-of-the-first-image",
        "All images of a batch seem to get the label of the first one.",
        edits=(("F.one_hot(c, self.num_classes)", "F.one_hot(c[:1].expand(len(c)), self.num_classes)"),),
    ),
    _class(
        "class-as-a-number",
        "The label seems to reach the FCBlocks as a number, and not as a one-hot vector.",
        edits=(("F.one_hot(c, self.num_classes).to(x.dtype)", "c.to(x.dtype).view(-1, 1).expand(-1, self.num_classes)"),),
    ),
    _class(
        "mask-ignored",
        "The mask does not seem to change anything. Where it is 0 the one-hot vector must be zero.",
        edits=((_MASKED, ""),),
    ),
    _class(
        "mask-inverted",
        "The mask seems to work the other way round: labels are told where it is 0.",
        edits=(("mask.view(-1, 1)", "(1 - mask.view(-1, 1))"),),
    ),
    _class(
        "mask-must-be-given",
        "forward seems to need a mask. It may be left out, and then all labels are told.",
        edits=((_MASKED, "one_hot = one_hot * mask.view(-1, 1)"),),
    ),
    _class(
        "no-mask-no-label",
        "Without a mask your network seems to be told no label. It must be told all of them.",
        edits=((_MASKED, "one_hot = one_hot * (mask.view(-1, 1) if mask is not None else 0)"),),
    ),
    _class(
        "mask-on-the-embedding",
        "Your mask seems to zero what the FCBlocks make of c. It zeroes what they are given, the one-hot vector.",
        edits=((_MASKED, ""), (_CLASSES, f"{_CLASSES}\nif mask is not None:\n    c1, c2 = c1 * mask.view(-1, 1, 1, 1), c2 * mask.view(-1, 1, 1, 1)")),
    ),
    _class(
        "mask-for-the-whole-batch",
        "The mask seems to act on the batch as a whole. It drops the label of its own image, and of no other.",
        edits=(("mask.view(-1, 1)", "mask.float().mean()"),),
    ),
)  # fmt: skip

UNETS = (*SMALL, *COMPOSED, *NETWORK, *TIME, *CLASS)
