"""Right answers to the questions of captioners."""

import math

import torch
import torch.nn.functional as F

from llmvis_course.models.beam import beam_search


def look(state, cells, w_state, w_cell, score):
    thought = torch.tanh((state @ w_state)[:, None] + cells @ w_cell)
    weights = (thought @ score).softmax(dim=1)
    seen = (weights[:, :, None] * cells).sum(dim=1)
    return seen, weights


def look__einsum(h, c, w_h, w_c, v):
    thought = torch.tanh(torch.einsum("bd,dk->bk", h, w_h).unsqueeze(1) + c @ w_c)
    weights = torch.einsum("bmk,k->bm", thought, v).softmax(-1)
    return torch.einsum("bm,bme->be", weights, c), weights


def look__loop(state, cells, w_state, w_cell, score):
    seen, weights = [], []
    for h, c in zip(state, cells, strict=True):
        e = torch.stack([torch.tanh(h @ w_state + cell @ w_cell) @ score for cell in c])
        e = torch.exp(e - e.max())
        weights.append(e / e.sum())
        seen.append(weights[-1] @ c)
    return torch.stack(seen), torch.stack(weights)


def beam_step(log_p, step):
    total = log_p[:, None] + step
    best, where = total.flatten().topk(len(log_p))
    return best, where // step.shape[1], where % step.shape[1]


def beam_step__sorted(log_p, step):
    k, v = step.shape
    total = (log_p.view(k, 1) + step).reshape(k * v)
    order = total.argsort(descending=True)[:k]
    return total[order], order.div(v, rounding_mode="floor"), order.remainder(v)


def beam_step__lists(log_p, step):
    every = [
        (a + b, row, word)
        for row, (a, steps) in enumerate(zip(log_p.tolist(), step.tolist(), strict=True))
        for word, b in enumerate(steps)
    ]
    best = sorted(every, reverse=True)[: len(log_p)]
    total, rows, words = zip(*best, strict=True)
    return torch.tensor(total).to(torch.float64), torch.tensor(rows), torch.tensor(words)


def caption_loss(logits, targets, real):
    lost = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    return lost[real].mean()


def caption_loss__ignored(logits, targets, real):
    targets = targets.masked_fill(~real, -100)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def caption_loss__by_hand(logits, targets, real):
    log_p = logits.log_softmax(dim=-1)
    said = log_p.gather(2, targets[..., None]).squeeze(2)
    return -(said * real).sum() / real.sum()


def sentence_probability(loss, words):
    return math.exp(-loss * words)


def sentence_probability__power(loss, words):
    return math.exp(-loss) ** words


def found_by_beams(table, beams, words):
    last = torch.tensor([0])
    log_p = table.new_zeros(1)
    for _ in range(words):
        total = (log_p[:, None] + table[last]).flatten()
        log_p, where = total.topk(min(beams, len(total)))
        last = where % len(table)
    return log_p.max().item()


def found_by_beams__library(table, beams, words):
    table = F.pad(table, (0, 1, 0, 1), value=-1e9)  # a word more, to end with, that is never said
    found = beam_search(
        lambda ids, state: (table[ids[:, 0]], state), None, 1,
        start=0, end=len(table) - 1, beams=beams, longest=words,
    )  # fmt: skip
    return found.log_p.item()


def found_by_beams__lists(table, beams, words):
    kept = [(0.0, 0)]
    rows = table.tolist()
    for _ in range(words):
        longer = [(p + q, word) for p, last in kept for word, q in enumerate(rows[last])]
        kept = sorted(longer, reverse=True)[:beams]
    return kept[0][0]
