"""What every language model shares, whatever reads the tokens: its loss, and how it chooses.

Left out on purpose: beam search, which looks for one best sentence; see models/captioner.py.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


def next_token_loss(
    logits: Float[Tensor, "b n v"],
    came: Int[Tensor, "b n"],
    real: Bool[Tensor, "b n"] | None = None,
) -> Float[Tensor, ""]:
    r"""$-\frac{1}{n}\sum_i \log p(x_{i+1} \mid x_1 \dots x_i)$, in nats per token.

    `came` holds the token that came after each scored one. Where `real` is False, that token is
    padding and is not counted.
    """
    target = came if real is None else came.masked_fill(~real, -100)
    return F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=-100)


def check_sequences(ids: Int[Tensor, "b n"], *, least: int, what: str) -> None:
    """Raise ValueError where `ids` has fewer than `least` tokens a row."""
    if ids.shape[1] < least:
        tokens = f"{ids.shape[1]} token{'' if ids.shape[1] == 1 else 's'}"
        raise ValueError(f"found {what} of {tokens}; expected at least {least}")


class LanguageModel(nn.Module):
    """A model that scores, for ids (b, n), what comes next: `self(ids).logits`, (b, n, v)."""

    def loss(
        self, ids: Int[Tensor, "b n"], real: Bool[Tensor, "b n"] | None = None
    ) -> Float[Tensor, ""]:
        """How badly each next token is guessed, in nats per token: see `next_token_loss`.

        Raises ValueError for sequences of fewer than two tokens: there is no next one.
        """
        check_sequences(ids, least=2, what="sequences")
        real = None if real is None else real[:, 1:]
        return next_token_loss(self(ids[:, :-1]).logits, ids[:, 1:], real)


def choose(
    logits: Float[Tensor, "b v"],
    *,
    rng: torch.Generator,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float = 1.0,
) -> Int[Tensor, "b 1"]:
    r"""Draw one token a row from $\mathrm{softmax}(\mathrm{logits} / T)$, of the likely ones only.

    `top_k` keeps the k most likely (1 is greedy: no chance at all). `top_p` keeps the fewest whose
    probabilities reach p (Holtzman et al. 2020, arXiv:1904.09751). Raises ValueError for options
    out of range.
    """
    if temperature <= 0 or not 0 < top_p <= 1 or (top_k is not None and top_k < 1):
        raise ValueError(
            f"found temperature {temperature}, top_k {top_k}, top_p {top_p}; expected "
            "temperature > 0, top_k >= 1 and 0 < top_p <= 1"
        )
    if top_k == 1:
        return logits.argmax(dim=1, keepdim=True)
    ranked, order = (logits / temperature).sort(dim=1, descending=True, stable=True)
    p = ranked.softmax(dim=1)
    before = p.cumsum(dim=1) - p  # what more likely tokens take together
    out = before >= top_p
    if top_k is not None:
        out[:, top_k:] = True
    out[:, 0] = False  # the most likely one always stays
    drawn = torch.multinomial(p.masked_fill(out, 0), 1, generator=rng)
    return order.gather(1, drawn)
