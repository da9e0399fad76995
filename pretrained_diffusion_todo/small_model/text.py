"""Prompts in numbers: each word has a vector, and the words of a prompt stand in a sequence (given; nothing to do here).

DeepFloyd has a large language model for this, T5, and embeddings of (1, 77, 4096); here they are (1, 77, 64). Words such as "a" and "of" say
nothing, and have none. The null prompt "" is zeros.
"""

import difflib
import re

import torch
from torch import Tensor, nn

from .network import EMBEDDING

LENGTH = 77
SILENT = {"a", "an", "the", "of", "with", "by"}


def words(prompt: str) -> list[str]:
    """Those that say something, small letters."""
    return [word for word in re.findall(r"[a-z]+", prompt.lower()) if word not in SILENT]


class Text(nn.Module):
    """The vectors of all words of a vocabulary of prompts."""

    vectors: nn.Embedding
    counts: Tensor  # (prompts, words): how often each prompt of the vocabulary has each word

    def __init__(self, prompts: tuple[str, ...]):
        super().__init__()
        self.prompts = prompts
        self.index = {word: k for k, word in enumerate(sorted({word for prompt in prompts for word in words(prompt)}))}
        self.vectors = nn.Embedding(len(self.index), EMBEDDING)
        counts = torch.zeros(len(prompts), len(self.index))
        for k, prompt in enumerate(prompts):
            for word in words(prompt):
                counts[k, self.index[word]] += 1
        self.register_buffer("counts", counts, persistent=False)

    def forward(self, prompt: str) -> Tensor:
        """(1, 77, 64). Raises ValueError for a prompt with an unknown word, and names the nearest prompt."""
        unknown = [word for word in words(prompt) if word not in self.index]
        if unknown:
            nearest = difflib.get_close_matches(prompt, self.prompts, n=1, cutoff=0)[0]
            raise ValueError(
                f'The small model does not know the word "{unknown[0]}"; the nearest prompt that it knows is "{nearest}".'
            )
        vectors = self.vectors.weight[[self.index[word] for word in words(prompt)][:LENGTH]]  # (words, 64)
        return nn.functional.pad(vectors, (0, 0, 0, LENGTH - len(vectors)))[None]
