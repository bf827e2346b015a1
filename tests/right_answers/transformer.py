"""Right answers to the questions of Transformers."""

import math

import torch
import torch.nn.functional as F


def layer_norm(x, scale, shift):
    mean = x.mean(dim=-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(dim=-1, keepdim=True)
    return (x - mean) / (variance + 1e-5) ** 0.5 * scale + shift


def layer_norm__library(x, g, b):
    return F.layer_norm(x, [x.shape[2]], g, b)


def layer_norm__loops(x, scale, shift):
    rows = []
    for row in x.reshape(-1, x.shape[-1]):
        centred = row - row.sum() / len(row)
        spread = torch.sqrt((centred @ centred) / len(row) + 0.00001)
        rows.append(shift + scale * centred / spread)
    return torch.stack(rows).view_as(x)


def think(x, scale, shift, w1, b1, w2, b2):
    y = F.layer_norm(x, x.shape[-1:], scale, shift)
    y = F.gelu(y @ w1.T + b1)
    return x + y @ w2.T + b2


def think__by_hand(x, scale, shift, w1, b1, w2, b2):
    variance = x.var(dim=-1, unbiased=False, keepdim=True)
    y = (x - x.mean(dim=-1, keepdim=True)) / torch.sqrt(variance + 1e-5) * scale + shift
    return F.linear(F.gelu(F.linear(y, w1, b1)), w2, b2) + x


def think__gelu_written_out(x, scale, shift, w1, b1, w2, b2):
    y = torch.einsum("bnd,hd->bnh", F.layer_norm(x, x.shape[2:], scale, shift), w1) + b1
    y = 0.5 * y * (1 + torch.erf(y / math.sqrt(2)))
    return torch.einsum("bnh,dh->bnd", y, w2) + b2 + x


def next_token_loss(logits, ids, real):
    log_p = logits[:, :-1].log_softmax(dim=-1)
    came = ids[:, 1:]
    kept = real[:, 1:]
    lost = -log_p.gather(-1, came[:, :, None])[:, :, 0]
    return (lost * kept).sum() / kept.sum()


def next_token_loss__library(logits, ids, real):
    target = ids.masked_fill(~real, -100)[:, 1:]
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), target)


def next_token_loss__loops(logits, ids, real):
    lost = []
    for b in range(len(ids)):
        for i in range(ids.shape[1] - 1):
            if real[b, i + 1]:
                scores = logits[b, i]
                lost.append(torch.logsumexp(scores, 0) - scores[ids[b, i + 1]])
    return torch.stack(lost).mean()


def keep_likely(logits, temperature, p):
    shares = (logits / temperature).softmax(dim=-1)
    ranked, order = shares.sort(dim=-1, descending=True)
    before = ranked.cumsum(dim=-1) - ranked
    ranked = ranked * (before < p)
    ranked = ranked / ranked.sum(dim=-1, keepdim=True)
    return torch.zeros_like(shares).scatter(-1, order, ranked)


def keep_likely__row_by_row(logits, temperature, p):
    rows = []
    for row in logits:
        shares = torch.softmax(row / temperature, 0).tolist()
        kept, total = {}, 0.0
        for token in sorted(range(len(shares)), key=lambda t: -shares[t]):
            if total >= p:
                break
            kept[token] = shares[token]
            total += shares[token]
        rows.append([kept.get(token, 0.0) / total for token in range(len(shares))])
    return torch.tensor(rows, dtype=logits.dtype)


def keep_likely__pairs(logits, temperature, p):
    shares = (logits / temperature).softmax(-1)
    likelier = shares[:, None, :] > shares[:, :, None]
    before = (shares[:, None, :] * likelier).sum(-1)
    kept = torch.where(before < p, shares, 0)
    return kept / kept.sum(-1, keepdim=True)


def count_gpt(vocabulary, context, depth, width):
    attention = 4 * (width * width + width)
    network = width * 4 * width + 4 * width + 4 * width * width + width
    block = attention + network + 2 * 2 * width
    return vocabulary * width + context * width + depth * block + 2 * width


def count_gpt__formula(v, c, n, d):
    return (v + c + 2) * d + n * d * (12 * d + 13)


def temperature_for(logits, entropy):
    low, high = 0.001, 1000.0
    for _ in range(60):
        middle = (low * high) ** 0.5
        p = (logits / middle).softmax(dim=0)
        if torch.distributions.Categorical(p).entropy() < entropy:
            low = middle
        else:
            high = middle
    return middle


def temperature_for__many(logits, entropy):
    tried = torch.logspace(-1.5, 1.5, 20_000, dtype=logits.dtype)
    log_p = (logits / tried[:, None]).log_softmax(1)
    return tried[(-(log_p.exp() * log_p).sum(1) - entropy).abs().argmin()].item()
