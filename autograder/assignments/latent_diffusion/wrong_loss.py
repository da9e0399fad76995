"""Known wrong versions of compute_loss, and of the latent path in it and in p_sample_loop."""

from autograder.grading.mutants import in_region
from autograder.judges.formulas import COMPUTE_LOSS

_loss = in_region("4", "libs/ddpm.py:DDPM.compute_loss", COMPUTE_LOSS)
_latent_loss = in_region("5", "libs/ddpm.py:DDPM.compute_loss")
_latent_loop = in_region("5", "libs/ddpm.py:DDPM.p_sample_loop")
_RETURN = "return F.mse_loss(self.model(x_t, label, t), noise)"
_NOISE = "noise = torch.randn_like(x_start) if noise is None else noise"
_Q = "x_t = self.q_sample(x_start, t, noise)"
_ENCODE = "if self.use_vae:\n    with torch.no_grad():\n        x_start = self.vae.encoder(x_start)\n"

LOSS = (
    _loss("noise-not-passed-to-q-sample", edits=((_Q, "x_t = self.q_sample(x_start, t)"),)),
    _loss("loss-against-fresh-noise", edits=((_RETURN, _RETURN.replace(", noise)", ", torch.randn_like(noise))")),)),
    _loss("network-fed-x0", edits=(("self.model(x_t,", "self.model(x_start,"),)),
    _loss("loss-against-x0", edits=((_RETURN, _RETURN.replace(", noise)", ", x_start)")),)),
    _loss("loss-against-xt", edits=((_RETURN, _RETURN.replace(", noise)", ", x_t)")),)),
    _loss("loss-against-minus-noise", edits=((_RETURN, _RETURN.replace(", noise)", ", -noise)")),)),
    _loss("sum-for-mean", edits=((_RETURN, _RETURN.replace(", noise)", ", noise, reduction='sum')")),)),
    _loss("loss-for-each-row", edits=((_RETURN, _RETURN.replace(", noise)", ", noise, reduction='none').flatten(1).mean(dim=1)")),)),
    _loss("sum-over-coordinates", edits=((_RETURN, _RETURN.replace(", noise)", ", noise, reduction='none').flatten(1).sum(dim=1).mean()")),)),
    _loss("absolute-error", edits=(("F.mse_loss", "F.l1_loss"),)),
    _loss("huber-loss", edits=(("F.mse_loss", "F.smooth_l1_loss"),)),
    _loss("root-of-mean-squared-error", edits=((_RETURN, f"{_RETURN}.sqrt()"),)),
    _loss("loss-halved", edits=((_RETURN, f"{_RETURN} / 2"),)),
    _loss(
        "loss-labels-forgotten",
        "compute_loss seems to ask the network without the labels that it is given, so that it could not learn them.",
        edits=(("self.model(x_t, label, t)", "self.model(x_t, torch.zeros_like(label), t)"),),
    ),
    _loss(
        "loss-network-fed-fraction",
        "compute_loss seems to tell the network t as a fraction of T, while the sampler tells it whole numbers.",
        edits=(("self.model(x_t, label, t)", "self.model(x_t, label, t / self.timesteps)"),),
    ),
    _loss(
        "loss-given-t-ignored",
        "compute_loss seems to draw its own t, and to ignore the one that it is given.",
        edits=((_NOISE, f"t = torch.randint(0, self.timesteps, t.shape, device=t.device)\n{_NOISE}"),),
    ),
    _loss(
        "loss-t-of-the-first-image",
        "compute_loss seems to use the t of the first image for the whole batch.",
        edits=((_NOISE, f"t = t[:1].expand(len(t))\n{_NOISE}"),),
    ),
    _loss(
        "loss-given-noise-ignored",
        "compute_loss seems to draw noise of its own even where it is given some. Look at `noise is None`.",
        edits=((_NOISE, "noise = torch.randn_like(x_start)"),),
    ),
    _loss(
        "loss-detached",
        "The network's answer seems to be detached, so that no gradient reaches the weights and nothing would be learned.",
        edits=(("self.model(x_t, label, t)", "self.model(x_t, label, t).detach().requires_grad_()"),),
    ),
    _loss(
        "loss-uniform-noise",
        "The noise of your loss seems to be uniform. ε is standard normal (DDPM, Algorithm 1, line 4).",
        edits=((_NOISE, "noise = torch.rand_like(x_start) if noise is None else noise"),),
    ),
    _loss(
        "loss-one-noise-for-all-images",
        "All images of a batch seem to get the same noise. Look at the shape of what you draw.",
        edits=((_NOISE, "noise = torch.randn_like(x_start[:1]).expand(x_start.shape) if noise is None else noise"),),
    ),
    _loss(
        "loss-return-forgotten",
        "compute_loss seems to return nothing. Look at its last line.",
        edits=((_RETURN, _RETURN.removeprefix("return ")),),
        is_no_work=True,
    ),
)

LATENT = (
    _latent_loss(
        "loss-never-encoded",
        "With use_vae, compute_loss seems to add noise to the images themselves. The diffusion is one of latents then.",
        edits=((_ENCODE, ""),),
    ),
    _latent_loss(
        "encoded-after-the-noise",
        "compute_loss seems to encode x_t, images that noise has been added to. First the latents, then the noise.",
        edits=(
            (_ENCODE, ""),
            (_Q, f"{_Q}\nif self.use_vae:\n    x_t, noise = self.vae.encoder(x_t), self.vae.encoder(noise)"),
        ),
    ),
    _latent_loss(
        "noise-of-images-shape",
        "The noise of compute_loss seems to be drawn before the images are encoded, so that it has their shape and not that of the latents.",
        body="""
            noise = torch.randn_like(x_start) if noise is None else noise
            if self.use_vae:
                with torch.no_grad():
                    x_start = self.vae.encoder(x_start)
            x_t = self.q_sample(x_start, t, noise)
            return F.mse_loss(self.model(x_t, label, t), noise)
        """,
    ),
    _latent_loss(
        "encoder-given-minus-one-to-one",
        "compute_loss seems to move the images to −1 … 1 before it encodes them. The autoencoder takes 0 … 1, as they come.",
        edits=(("self.vae.encoder(x_start)", "self.vae.encoder(2 * x_start - 1)"),),
    ),
    _latent_loss(
        "encoder-given-images-shifted-twice",
        "compute_loss seems to shift the images before it encodes them, as if they were in −1 … 1. With use_vae they come in 0 … 1.",
        edits=(("self.vae.encoder(x_start)", "self.vae.encoder((x_start + 1) / 2)"),),
    ),
    _latent_loss(
        "latents-clamped",
        "The latents seem to be clamped before noise is added. They are no images, and may be beyond ±1.",
        edits=(("self.vae.encoder(x_start)", "self.vae.encoder(x_start).clamp(-1, 1)"),),
    ),
    _latent_loss(
        "latents-scaled",
        "The latents seem to be scaled before noise is added, as for Stable Diffusion's autoencoder. Here they are used as the encoder gives them.",
        edits=(("self.vae.encoder(x_start)", "0.18215 * self.vae.encoder(x_start)"),),
    ),
    _latent_loss(
        "decoder-for-encoder",
        "compute_loss seems to call the decoder on images. Which half of the autoencoder makes latents?",
        edits=(("self.vae.encoder(x_start)", "self.vae.decoder(x_start)"),),
    ),
    _latent_loss(
        "encoded-twice",
        "compute_loss seems to call the encoder more than once.",
        edits=(("x_start = self.vae.encoder(x_start)", "x_start = (self.vae.encoder(x_start) + self.vae.encoder(x_start)) / 2"),),
    ),
    _latent_loop(
        "never-decoded",
        "With use_vae, p_sample_loop seems to return latents. What makes images of them?",
        edits=(("    x = self.vae.decoder(x)", "    pass"),),
    ),
    _latent_loop(
        "decoded-in-every-step",
        "p_sample_loop seems to decode in every step. The steps are taken on latents, and only the last one is decoded.",
        edits=(
            ("if self.use_vae:\n    x = self.vae.decoder(x)\nreturn self.postprocess(x)", "return self.postprocess(image if self.use_vae else x)"),
            ("device=device), t)", "device=device), t)\n    image = self.vae.decoder(x) if self.use_vae else None"),
        ),
    ),
    _latent_loop(
        "postprocessed-before-decoding",
        "p_sample_loop seems to clamp the latents before they are decoded. They may be beyond ±1; only images are postprocessed.",
        edits=(("if self.use_vae:\n    x = self.vae.decoder(x)\nreturn self.postprocess(x)",
                "x = self.postprocess(x)\nif self.use_vae:\n    x = self.vae.decoder(x)\nreturn x"),),
    ),
    _latent_loop(
        "latents-clamped-before-decoding",
        "The latents seem to be clamped before they are decoded. They are no images, and may be beyond ±1.",
        edits=(("self.vae.decoder(x)", "self.vae.decoder(x.clamp(-1, 1))"),),
    ),
    _latent_loop(
        "latents-unscaled-before-decoding",
        "The latents seem to be divided by a number before they are decoded. Here they are used as the encoder gave them.",
        edits=(("self.vae.decoder(x)", "self.vae.decoder(x / 0.18215)"),),
    ),
    _latent_loop(
        "decoded-images-shifted",
        "The decoded images seem to be shifted once more. The autoencoder gives 0 … 1.",
        edits=(("self.vae.decoder(x)", "(self.vae.decoder(x) + 1) / 2"),),
    ),
    _latent_loop(
        "encoder-for-decoder",
        "p_sample_loop seems to call the encoder on latents. Which half of the autoencoder makes images?",
        edits=(("self.vae.decoder(x)", "self.vae.encoder(x)"),),
    ),
    _latent_loop(
        "noise-of-images-size",
        "With use_vae, p_sample_loop seems to start from noise of the size of images. self.img_shape has the shape of what noise is added to.",
        edits=(("*self.img_shape, device=device)",
                "*self.img_shape, device=device)\nif self.use_vae:\n    x = torch.randn(len(labels), 3, 16, 24)"),),
    ),
)  # fmt: skip
