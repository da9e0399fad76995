"""Right versions of denoising.py of many shapes."""

from autograder.grading.mutants import Variant

ADD_NOISE, LOSS = "denoising.py:add_noise", "denoising.py:denoising_loss"
_FUNCTION = "def denoising_loss(unet, x, sigma):"

DENOISING: tuple[Variant, ...] = (
    Variant("noise-inlined", "the loss draws its noise itself", bodies={
        LOSS: "noise = torch.randn(x.shape)\nreturn ((x - unet(x + sigma * noise)) ** 2).mean()",
    }),
    Variant("noise-of-torch-normal", "torch.normal with x as the mean; the loss as a module", bodies={
        ADD_NOISE: "return torch.normal(x, sigma)",
        LOSS: "criterion = nn.MSELoss()\nnoisy = add_noise(x, sigma)\nreturn criterion(unet(noisy), x)",
    }, edits={"denoising.py": (("import torch.nn.functional as F", "import torch.nn as nn\nimport torch.nn.functional as F"),)}),
    Variant("noise-subtracted-from-a-copy", "a copy that is changed in place, and the mean of means", bodies={
        ADD_NOISE: "z = x.clone()\nz -= torch.randn_like(x).mul_(sigma)\nreturn z",
        LOSS: "error = unet(add_noise(x, sigma)) - x\nreturn error.pow(2).flatten(1).mean(dim=1).mean()",
    }),
    Variant("noise-by-numpy", "random numbers of NumPy; the squared norm by vector_norm", bodies={
        ADD_NOISE: "import numpy as np\nreturn x + torch.from_numpy(np.random.normal(0, sigma, x.shape)).to(x.dtype)",
        LOSS: "z = add_noise(x=x, sigma=sigma)\nreturn torch.linalg.vector_norm(unet(z) - x) ** 2 / x.numel()",
    }),
    Variant("noise-of-a-generator-of-ones-own", "random numbers that no seed reaches", bodies={
        ADD_NOISE: "generator = torch.Generator()\ngenerator.seed()\nreturn x + sigma * torch.randn(x.shape, generator=generator)",
    }),
    Variant("strength-for-each-image", "σ as a tensor with an entry for each image; the network called in training mode", bodies={
        ADD_NOISE: "s = torch.as_tensor(sigma, dtype=x.dtype).expand(len(x)).view(-1, 1, 1, 1)\nreturn torch.addcmul(x, s, torch.randn_like(x))",
        LOSS: "unet.train()\nwith torch.no_grad():\n    z = add_noise(x, sigma)\nout = unet(z)\nreturn torch.mean(torch.square(out - x))",
    }),
    Variant("strength-as-a-tensor-only", "σ has to be a tensor; it is made one where the loss calls", bodies={
        ADD_NOISE: "return x + sigma.to(x) * torch.randn_like(x)",
        LOSS: "return F.mse_loss(unet(add_noise(x, torch.as_tensor(sigma))), x)",
    }),
    Variant("noise-through-a-helper", "the noise is drawn by a helper with a default, and the loss counts the numbers", bodies={
        ADD_NOISE: "return noised(x, sigma)[0]",
        LOSS: "z, _ = noised(x, sigma)\nreturn F.mse_loss(unet(z), x, reduction='sum') / z.numel()",
    }, edits={"denoising.py": ((_FUNCTION, f"""def noised(x, sigma=0.5):
    noise = torch.empty_like(x).normal_()
    return x + noise * sigma, noise


{_FUNCTION}"""),)}),
)  # fmt: skip
