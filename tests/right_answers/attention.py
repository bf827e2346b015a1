"""Right answers to the questions of attention."""

import torch
import torch.nn.functional as F


def attend(q, k, v, mask):
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    scores = scores.masked_fill(~mask, -torch.inf)
    return scores.softmax(dim=-1) @ v


def attend__library(queries, keys, values, allowed):
    return F.scaled_dot_product_attention(queries, keys, values, attn_mask=allowed)


def attend__einsum_by_exponentials(q, k, v, mask):
    scores = torch.einsum("bhnd,bhmd->bhnm", q * q.shape[-1] ** -0.5, k)
    shares = (scores - scores.amax(dim=-1, keepdim=True)).exp() * mask
    return torch.einsum("bhnm,bhme->bhne", shares, v) / shares.sum(dim=-1, keepdim=True)


def attend__loops(q, k, v, mask):
    mask = mask.expand(*q.shape[:3], k.shape[2])
    found = []
    for b in range(q.shape[0]):
        for h in range(q.shape[1]):
            for n in range(q.shape[2]):
                keep = mask[b, h, n]
                scores = (k[b, h][keep] * q[b, h, n]).sum(dim=1) / q.shape[-1] ** 0.5
                found.append(scores.softmax(dim=0) @ v[b, h][keep])
    return torch.stack(found).view(*q.shape[:3], v.shape[-1])


def multi_head(x, query, key, value, output, heads):
    b, n, d = x.shape
    q = (x @ query.T).view(b, n, heads, d // heads).transpose(1, 2)
    k = (x @ key.T).view(b, n, heads, d // heads).transpose(1, 2)
    v = (x @ value.T).view(b, n, heads, d // heads).transpose(1, 2)
    weights = (q @ k.transpose(-2, -1) / (d // heads) ** 0.5).softmax(dim=-1)
    found = (weights @ v).transpose(1, 2).reshape(b, n, d)
    return found @ output.T


def multi_head__head_by_head(x, query, key, value, output, heads):
    size = x.shape[-1] // heads
    found = 0
    for h in range(heads):
        rows = slice(h * size, (h + 1) * size)
        q, k, v = (F.linear(x, w[rows]) for w in (query, key, value))
        weights = torch.softmax(q @ k.mT / size**0.5, dim=2)
        found = found + F.linear(weights @ v, output[:, rows])
    return found


def multi_head__library(x, query, key, value, output, heads):
    net = torch.nn.MultiheadAttention(x.shape[-1], heads, bias=False, batch_first=True).double()
    weights = {"in_proj_weight": torch.cat([query, key, value]), "out_proj.weight": output}
    return torch.func.functional_call(net, weights, (x, x, x))[0]


def causal_mask(n, m):
    return torch.ones(n, m).tril(m - n).bool()


def causal_mask__compared(n, m):
    queries = torch.arange(n)[:, None] + (m - n)
    keys = torch.arange(m)[None, :]
    return keys <= queries


def causal_mask__loops(n, m):
    mask = torch.zeros(n, m, dtype=torch.bool)
    for i in range(n):
        for j in range(m):
            mask[i, j] = j <= i + m - n
    return mask


def padded_weights(scores, real):
    scores = scores.masked_fill(~real[:, None, :], float("-inf"))
    return scores.softmax(dim=-1)


def padded_weights__divided_afterwards(scores, real):
    shares = torch.exp(scores) * real.unsqueeze(1)
    return shares / shares.sum(-1, keepdim=True)


def padded_weights__very_low(scores, real):
    return F.softmax(torch.where(real[:, None], scores, torch.full_like(scores, -1e9)), dim=2)


def number_of_scores(batch, heads, queries, keys):
    return batch * heads * queries * keys


def number_of_scores__counted(batch, heads, queries, keys):
    shape = torch.empty(batch, heads, queries, keys, device="meta").shape
    return shape.numel()


def spread_of_scores(d):
    rng = torch.Generator().manual_seed(1)
    q = torch.randn(20_000, d, generator=rng)
    k = torch.randn(20_000, d, generator=rng)
    return (q * k).sum(dim=1).std().item()


def spread_of_scores__tensor(d):
    rng = torch.Generator().manual_seed(2)
    q, k = torch.randn(2, 200, d, generator=rng)
    return (q @ k.T).std()
