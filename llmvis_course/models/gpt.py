r"""A language model: read tokens from left to right, and say which comes next.

The architecture of GPT-2 (Radford et al. 2019, "Language models are unsupervised multitask
learners"), number for number, so that its weights can be loaded. Left out on purpose: dropout.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..layers.attention import Past
from ..layers.positions import LearnedPositions, NoPositions
from ..layers.transformer import Block
from .language import LanguageModel, check_sequences, choose


class Read(NamedTuple):
    """What a model makes of the tokens it was given."""

    logits: Float[Tensor, "b n v"]  # a score for each token that may come next
    past: list[Past]  # one entry a block: what later tokens will look back at
    weights: list[Tensor]  # one entry a block, (b, heads, n, m): which token looked at which
    vectors: Float[Tensor, "b n d"]  # what the scores were made from


class GPT(LanguageModel):
    """Embeddings, blocks, and a head that shares its weights with the embeddings.

    `positions` is one of layers/positions.py; by default learned ones for `context` tokens, which
    is also how far the model can look back.
    """

    def __init__(
        self,
        vocabulary: int,
        *,
        width: int = 128,
        depth: int = 4,
        heads: int = 4,
        context: int = 64,
        positions: NoPositions | None = None,
    ) -> None:
        super().__init__()
        if context < 2:
            raise ValueError(f"context is {context}; expected at least 2 tokens")
        self.context = context
        self.token = nn.Embedding(vocabulary, width)
        self.positions = positions or LearnedPositions(context, width)
        self.blocks = nn.ModuleList(
            Block(width, heads=heads, activation=nn.GELU(approximate="tanh")) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)
        self.apply(_start)
        for block in self.blocks:  # what all blocks add up to starts no larger with depth
            for last in (block.attention.output, block.mlp[2]):
                nn.init.normal_(last.weight, std=0.02 / (2 * depth) ** 0.5)

    def forward(
        self,
        ids: Int[Tensor, "b n"],
        past: list[Past] | None = None,
        hints: Float[Tensor, "b n d"] | None = None,
    ) -> Read:
        """Score what comes after each token; `past` is what an earlier call returned.

        `hints`, when given, are added to the tokens' vectors: whatever else is known in each place.
        """
        start = past[0].k.shape[2] if past else 0
        x = self.positions.add(self.token(ids), start)
        x = x if hints is None else x + hints
        kept, weights = [], []
        for k, block in enumerate(self.blocks):
            x, own, looked = block.extend(x, past[k] if past else None, self.positions)
            kept.append(own)
            weights.append(looked)
        x = self.norm(x)
        return Read(x @ self.token.weight.T, kept, weights, x)

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
        cache: bool = True,
    ) -> Int[Tensor, "b more"]:
        """Write `n` more tokens after `ids`, and return all of them.

        `cache` keeps keys and values instead of reading everything again at each token: the same
        tokens, sooner. When the context is full, its older half is forgotten. Raises ValueError
        for an empty prompt.
        """
        check_sequences(ids, least=1, what="a prompt")
        start, past = 0, None
        for _ in range(n):
            length = ids.shape[1]
            if length - start > self.context:
                start, past = length - self.context // 2, None
            seen = past[0].k.shape[2] if past else 0
            read = self(ids[:, start + seen :], past)
            past = read.past if cache else None
            chosen = choose(
                read.logits[:, -1], rng=rng, temperature=temperature, top_k=top_k, top_p=top_p
            )
            ids = torch.cat([ids, chosen], dim=1)
        return ids


def _start(module: nn.Module) -> None:
    """GPT-2's starting weights."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)


def from_gpt2(weights: dict[str, Tensor], *, heads: int) -> GPT:
    """Build a GPT from the state of a `GPT2LMHeadModel` or `GPT2Model` of transformers.

    Its linear layers are stored transposed, and queries, keys and values as one. Raises ValueError
    naming what is missing.
    """
    theirs = {name.removeprefix("transformer."): value for name, value in weights.items()}
    missing = {"wte.weight", "wpe.weight", "h.0.attn.c_attn.weight"} - set(theirs)
    if missing:
        raise ValueError(f"not the weights of a GPT-2: {', '.join(sorted(missing))} missing")
    vocabulary, width = theirs["wte.weight"].shape
    depth = 1 + max(int(name.split(".")[1]) for name in theirs if name.startswith("h."))
    model = GPT(
        vocabulary, width=width, depth=depth, heads=heads, context=len(theirs["wpe.weight"])
    )
    ours = {"token.weight": theirs["wte.weight"], "positions.weight": theirs["wpe.weight"]}
    names = {"norm": "ln_f"}
    for k in range(depth):
        for kind in ("weight", "bias"):
            joined = theirs[f"h.{k}.attn.c_attn.{kind}"].t()
            ours[f"blocks.{k}.attention.query.{kind}"] = joined[:width]
            ours[f"blocks.{k}.attention.key_value.{kind}"] = joined[width:]
        for own, other in _GPT2_NAMES.items():
            names[f"blocks.{k}.{own}"] = f"h.{k}.{other}"
    for own, other in names.items():
        for kind in ("weight", "bias"):
            value = theirs[f"{other}.{kind}"]
            ours[f"{own}.{kind}"] = value.t() if ".c_" in other else value
    model.to(theirs["wte.weight"].dtype).load_state_dict(ours)
    return model


_GPT2_NAMES = {
    "norm_1": "ln_1",
    "attention.output": "attn.c_proj",
    "norm_2": "ln_2",
    "mlp.0": "mlp.c_fc",
    "mlp.2": "mlp.c_proj",
}
