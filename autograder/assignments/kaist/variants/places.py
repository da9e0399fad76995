"""Names of the regions, and places where something is put in, each once in ddpm.py."""

Q_SAMPLE = "ddpm.py:DiffusionModule.q_sample"
P_SAMPLE, P_SAMPLE_LOOP = "ddpm.py:DiffusionModule.p_sample", "ddpm.py:DiffusionModule.p_sample_loop"
DDIM, DDIM_LOOP = "ddpm.py:DiffusionModule.ddim_p_sample", "ddpm.py:DiffusionModule.ddim_p_sample_loop"
LOSS = "ddpm.py:DiffusionModule.compute_loss"

BEFORE_DIFFUSION_MODULE = "class DiffusionModule(nn.Module):"
BEFORE_SAVE = "    def save(self, file_path):"
DDPM_IMPORTS = "from typing import Optional\n"
P_SIGNATURE = "def p_sample(self, xt: torch.Tensor, t: torch.Tensor):"
P_LOOP_SIGNATURE = "def p_sample_loop(self, shape):"
DDIM_SIGNATURE = "def ddim_p_sample(self, xt: torch.Tensor, t: torch.Tensor, t_prev: torch.Tensor, eta: float = 0.0):"
DDIM_LOOP_SIGNATURE = "def ddim_p_sample_loop(self, shape, num_inference_timesteps=50, eta=0.0):"
