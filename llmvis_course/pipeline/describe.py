"""The first box of the flow chart: a language model writes a full description of a short prompt.

A GPT learns pairs of a short caption and one that says everything of the same scene. What it adds
is free; what the prompt says must stay, and is checked with the caption grammar before it is drawn.
"""

import torch
from jaxtyping import Bool
from tokenizers import Tokenizer
from torch import Tensor

from ..data.captions import parse
from ..data.tokens import END, PAD, Tokens, decode, encode
from ..models.gpt import GPT


def pair_tokens(tokenizer: Tokenizer, prompts: list[str], captions: list[str]) -> Tokens:
    """Each row: [START] prompt [END] caption [END], what the language model learns to go on with.

    Raises ValueError where there are not as many captions as prompts.
    """
    if len(prompts) != len(captions):
        raise ValueError(
            f"found {len(prompts)} prompts and {len(captions)} captions; expected as many"
        )
    rows = []
    for text in zip(prompts, captions, strict=True):
        ids, mask = encode(tokenizer, list(text))
        rows.append(torch.cat([ids[0][mask[0]], ids[1][mask[1]][1:]]))  # without the second START
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)
    return Tokens(ids, ids != PAD)


def keeps(caption: str, prompt: str) -> bool:
    """Whether a caption can be read, and says all that the prompt says of as many things."""
    try:
        said, asked = parse(caption), parse(prompt)
    except ValueError:
        return False
    related = asked.relation is None or said.relation == asked.relation
    pairs = zip(said.things, asked.things, strict=False)
    same = not any(full.misses(short) for full, short in pairs)
    return len(said.things) == len(asked.things) and related and same


class Describer:
    """Prompts to captions that say more: the `describe` of a `FlowChart`.

    Of `tries` sentences the first that keeps what the prompt says is taken; where none does, the
    prompt stays as it is.
    """

    def __init__(
        self, model: GPT, tokenizer: Tokenizer, *, rng: torch.Generator, tries: int = 8
    ) -> None:
        if tries < 1:
            raise ValueError(f"tries is {tries}; expected at least 1")
        self.model, self.tokenizer, self.rng, self.tries = model, tokenizer, rng, tries

    def __call__(self, prompts: list[str]) -> list[str]:
        return [self._best(prompt) for prompt in prompts]

    def _best(self, prompt: str) -> str:
        kept = (caption for caption in self.candidates(prompt) if keeps(caption, prompt))
        return next(kept, prompt)

    def candidates(self, prompt: str) -> list[str]:
        """`tries` sentences that the model writes after a prompt, whatever they say."""
        start = encode(self.tokenizer, [prompt]).ids
        room = self.model.context - start.shape[1]
        if room < 2:
            raise ValueError(
                f"{prompt!r} has {start.shape[1]} tokens; expected at most {self.model.context - 2}"
            )
        written = self.model.sample(start.expand(self.tries, -1), room, rng=self.rng)
        return [decode(self.tokenizer, _first(row)) for row in written[:, start.shape[1] :]]


def _first(ids: Tensor) -> Tensor:
    """The ids before the first [END]."""
    before: Bool[Tensor, " n"] = (ids == END).cumsum(dim=0) == 0
    return ids[before]
