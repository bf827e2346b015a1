r"""A recurrent language model: a state that has read so far says which token comes next.

Mikolov et al. 2010, "Recurrent neural network based language model"; with gates, Sundermeyer et al.
2012, "LSTM neural networks for language modeling". Left out on purpose: several layers, dropout,
and sharing the scores' weights with the embeddings.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..layers.recurrent import Cell, GRUCell, Memory, unroll
from .language import LanguageModel, check_sequences, choose

State = Tensor | Memory


class Heard(NamedTuple):
    """What a recurrent model makes of the tokens it was given."""

    logits: Float[Tensor, "b n v"]  # a score for each token that may come next
    state: State  # all that it remembers, however much it has read


class RNNLM(LanguageModel):
    """Embeddings, one recurrent cell of layers/recurrent.py, and a score for every token."""

    def __init__(self, vocabulary: int, *, width: int = 128, cell: type[Cell] = GRUCell) -> None:
        super().__init__()
        if vocabulary < 2:
            raise ValueError(f"found a vocabulary of {vocabulary}; expected at least 2 tokens")
        self.token = nn.Embedding(vocabulary, width)
        self.cell = cell(width, width)
        self.score = nn.Linear(width, vocabulary)

    def forward(self, ids: Int[Tensor, "b n"], state: State | None = None) -> Heard:
        """Score what comes after each token; `state` is what an earlier call ended in."""
        states, last = unroll(self.cell, self.token(ids), state)
        return Heard(self.score(states), last)

    @torch.no_grad()
    def sample(
        self,
        ids: Int[Tensor, "b n"],
        n: int,
        *,
        rng: torch.Generator,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
    ) -> Int[Tensor, "b more"]:
        """Write `n` more tokens after `ids`, and return all of them.

        Every token costs the same: the state is all that is looked at. Raises ValueError for an
        empty prompt.
        """
        check_sequences(ids, least=1, what="a prompt")
        unread, state = ids, None
        for _ in range(n):
            heard = self(unread, state)
            state = heard.state
            unread = choose(
                heard.logits[:, -1], rng=rng, temperature=temperature, top_k=top_k, top_p=top_p
            )
            ids = torch.cat([ids, unread], dim=1)
        return ids
