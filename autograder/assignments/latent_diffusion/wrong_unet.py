"""Known wrong decoders of UNet.forward."""

from autograder.grading.mutants import in_region

_decoder = in_region("1", "libs/unet.py:UNet.forward")

DECODER = (
    _decoder(
        "concatenated-the-other-way",
        "The two halves of your concatenation seem to be exchanged. The TODO says which comes first.",
        edits=(("[x, encoder_output.pop()]", "[encoder_output.pop(), x]"),),
    ),
    _decoder(
        "skips-from-the-largest",
        "Your decoder seems to take what the encoder stored from the largest image on. Which one has the size of x at its first level?",
        edits=(("encoder_output.pop()", "encoder_output.pop(0)"),),
    ),
    _decoder(
        "skip-left-out",
        "Your decoder seems to concatenate x with itself, and the encoder's outputs are not used.",
        edits=(("[x, encoder_output.pop()]", "[x, x]"),),
    ),
    _decoder(
        "skip-same-at-every-level",
        "Every level of your decoder seems to take the same output of the encoder. Does your index move?",
        edits=(("encoder_output.pop()", "encoder_output[-1]"),),
    ),
    _decoder(
        "skip-added",
        "Your decoder seems to add what the encoder stored to x. The ResBlock of a level takes twice the channels: look at torch.cat.",
        edits=(("torch.cat([x, encoder_output.pop()], dim=1)", "x + encoder_output.pop()"),),
    ),
    _decoder(
        "skip-of-zeros",
        "The second half of your concatenation seems to be 0 whatever the image is.",
        edits=(("encoder_output.pop()]", "torch.zeros_like(encoder_output.pop())]"),),
    ),
    _decoder(
        "concatenated-along-the-batch",
        "Your concatenation seems to run along another axis than the channels. Which axis of (B, C, H, W) are they?",
        edits=(("dim=1", "dim=0"),),
    ),
    _decoder(
        "concatenated-along-the-height",
        "Your concatenation seems to run along another axis than the channels. Which axis of (B, C, H, W) are they, counted from 0?",
        edits=(("dim=1", "dim=2"),),
    ),
    _decoder(
        "concatenated-as-channels-last",
        "Your concatenation seems to run along the last axis. Images are (B, C, H, W) in forward; channels are last inside of attention only.",
        edits=(("dim=1", "dim=-1"),),
    ),
    _decoder(
        "attention-left-out",
        "Your decoder seems to leave out its SpatialTransformers. A level has three entries.",
        edits=(("x = transformer(x, c)", "pass"),),
    ),
    _decoder(
        "attention-before-resblock",
        "The transformer of your decoder seems to come before its ResBlock. Compare with a level of the encoder.",
        body="""
            for resblock, transformer, upsample in self.decoder:
                skip = encoder_output.pop()
                if transformer is not None and x.shape[1] == transformer.proj_in.in_features:
                    x = transformer(x, c)
                x = torch.cat([x, skip], dim=1)
                x = resblock(x, t)
                if transformer is not None and x.shape[1] != transformer.proj_in.in_features:
                    x = transformer(x, c)
                if upsample is not None:
                    x = upsample(x)
        """,
    ),
    _decoder(
        "attention-after-upsampling",
        "The transformer of your decoder seems to come after the Upsample. Compare with the order in the encoder's levels.",
        body="""
            for resblock, transformer, upsample in self.decoder:
                x = torch.cat([x, encoder_output.pop()], dim=1)
                x = resblock(x, t)
                if upsample is not None:
                    x = upsample(x)
                if transformer is not None:
                    x = transformer(x, c)
        """,
    ),
    _decoder(
        "attention-not-kept",
        "What your transformer returns seems to be thrown away: it does not change x in place.",
        edits=(("x = transformer(x, c)", "transformer(x, c)"),),
    ),
    _decoder(
        "attention-to-the-time",
        "The transformers of your decoder seem to be given another context than the label's, c.",
        edits=(("transformer(x, c)", "transformer(x, torch.zeros_like(c) + t.mean())"),),
    ),
    _decoder(
        "upsampling-before-resblock",
        "Your decoder seems to upsample before it concatenates, so that x and what the encoder stored differ in size.",
        body="""
            for resblock, transformer, upsample in self.decoder:
                if upsample is not None:
                    x = upsample(x) if x.shape[1] == upsample.conv.in_channels else x
                x = torch.cat([x, encoder_output.pop()], dim=1)
                x = resblock(x, t)
                if transformer is not None:
                    x = transformer(x, c)
        """,
    ),
    _decoder(
        "upsampling-left-out",
        "Your decoder seems to stay at the smallest size: what the encoder stored next has twice its sides. Look at the third entry of a level.",
        edits=(("x = upsample(x)", "pass"),),
    ),
    _decoder(
        "time-left-out",
        "The ResBlocks of your decoder seem not to be told the time t.",
        edits=(("resblock(x, t)", "resblock(x, torch.zeros_like(t))"),),
    ),
    _decoder(
        "time-not-embedded",
        "The ResBlocks of your decoder seem to be given the times themselves. They take the embedded time, t.",
        edits=(("resblock(x, t)", "resblock(x, time)"),),
    ),
    _decoder(
        "resblock-left-out",
        "Your decoder seems to leave out its ResBlocks, which bring 2 C channels back to C.",
        edits=(("x = resblock(x, t)", "pass"),),
    ),
    _decoder(
        "encoder-run-again",
        "Your decoder seems to run through the levels of self.encoder. Those of self.decoder have their own weights.",
        edits=(("in self.decoder:", "in reversed(self.encoder):"),),
    ),
    _decoder(
        "decoder-upwards",
        "Your decoder seems to run through its levels from the last to the first. self.decoder[0] is that of the smallest image.",
        edits=(("in self.decoder:", "in reversed(self.decoder):"),),
    ),
    _decoder(
        "last-level-left-out",
        "Your decoder seems to stop before its last level, the one at full size. It has no Upsample, and everything else.",
        edits=(("in self.decoder:", "in self.decoder[:-1]:"),),
    ),
    _decoder(
        "decoder-empty",
        "Nothing of self.decoder seems to be run: what comes out of the middle goes to final_conv as it is.",
        edits=(("in self.decoder:", "in []:"),),
        is_no_work=True,
    ),
)
