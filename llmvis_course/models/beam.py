r"""Beam search: look for the likeliest sentence, keeping a few beginnings at a time.

The best next word is not always the first word of the best sentence. Beam search keeps the `beams`
likeliest beginnings, continues each by every word, and keeps the likeliest again; with one beam it
is greedy. Lowerre 1976, "The HARPY speech recognition system"; for sentences from networks,
Sutskever et al. 2014, arXiv:1409.3215. Left out on purpose: penalties for length, since a caption's
length is part of what it says.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

Read = Callable[[Int[Tensor, "r 1"], Any], tuple[Float[Tensor, "r v"], Any]]
"""Reads one more token a row: scores of what comes next, and the new state."""


class Found(NamedTuple):
    """The likeliest sentence that was found for each row."""

    ids: Int[Tensor, "b n"]  # from the start token on; after the end token only end tokens
    log_p: Float[Tensor, " b"]  # of the whole sentence


def pick_rows(state: Any, rows: Int[Tensor, " r"]) -> Any:
    """The same state with its rows in another order; tensors inside tuples and lists."""
    if isinstance(state, Tensor):
        return state[rows]
    if state is None:
        return None
    parts = [pick_rows(part, rows) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else type(state)(parts)


@torch.no_grad()
def beam_search(
    read: Read, state: Any, b: int, *, start: int, end: int, beams: int = 4, longest: int = 32
) -> Found:
    """Find a likely sentence for each of `b` rows of `state`, of at most `longest` new tokens.

    A sentence that has ended waits for the others. Raises ValueError unless `beams` and `longest`
    are at least 1.
    """
    if beams < 1 or longest < 1:
        raise ValueError(f"found beams {beams} and longest {longest}; expected at least 1 of each")
    first_rows = torch.arange(b).repeat_interleave(beams)
    state = pick_rows(state, first_rows)
    ids = torch.full((b * beams, 1), start)
    log_p = torch.full((b, beams), float("-inf"))
    log_p[:, 0] = 0  # all beams begin alike: one of them is enough
    for _ in range(longest):
        scores, state = read(ids[:, -1:], state)
        step = scores.log_softmax(dim=-1).cpu()
        over = (ids[:, -1] == end) & (ids.shape[1] > 1)
        step[over] = float("-inf")
        step[over, end] = 0  # what has ended stays as it is
        total = (log_p.flatten()[:, None] + step).view(b, -1)
        log_p, best = total.topk(beams, dim=1)
        rows = (best // step.shape[1] + beams * torch.arange(b)[:, None]).flatten()
        token = (best % step.shape[1]).flatten()
        ids, state = torch.cat([ids[rows], token[:, None]], dim=1), pick_rows(state, rows)
        if (ids[::beams, -1] == end).all():  # the others only grow less likely
            break
    return Found(ids.view(b, beams, -1)[:, 0], log_p[:, 0])
