"""Right answers to the questions of codebooks and tokens."""

import math
from collections import Counter

import torch
import torch.nn.functional as F


def nearest_codes(z, codes):
    differences = z[:, None] - codes
    return differences.square().sum(dim=2).argmin(dim=1)


def nearest_codes__multiplied_out(z, codes):
    return (codes.square().sum(dim=1) - 2 * z @ codes.T).argmin(dim=1)


def nearest_codes__loops(z, codes):
    tokens = []
    for vector in z:
        distances = [torch.dist(vector, code).item() for code in codes]
        tokens.append(distances.index(min(distances)))
    return torch.tensor(tokens)


def quantise(z, codes, tokens, beta):
    z_q = codes[tokens]
    passed = z + (z_q - z).detach()
    to_vectors = (z.detach() - z_q).square().mean()
    to_codes = (z - z_q.detach()).square().mean()
    return passed, to_vectors + beta * to_codes


def quantise__difference_of_itself(z, codes, tokens, beta):
    z_q = F.embedding(tokens, codes)
    pulls = F.mse_loss(z_q, z.detach()) + beta * F.mse_loss(z, z_q.detach())
    return z_q.detach() + z - z.detach(), pulls


def quantise__own_gradient(z, codes, tokens, beta):
    class Through(torch.autograd.Function):
        @staticmethod
        def forward(ctx, z, z_q):
            return z_q.clone()

        @staticmethod
        def backward(ctx, grad):
            return grad, None

    z_q = codes.index_select(0, tokens)
    ends = [(z.detach(), z_q), (z, z_q.detach())]
    first, second = (sum(((a - b) ** 2).flatten()) / z.numel() for a, b in ends)
    return Through.apply(z, z_q), first + second * beta


def codebook_perplexity(tokens, size):
    counts = torch.bincount(tokens.flatten(), minlength=size)
    p = counts[counts > 0] / tokens.numel()
    return torch.exp(-(p * p.log()).sum()).item()


def codebook_perplexity__product(tokens, size):
    found, n = 1.0, tokens.numel()
    for count in Counter(tokens.flatten().tolist()).values():
        found *= (n / count) ** (count / n)
    return found


def codebook_perplexity__one_hot(tokens, size):
    p = F.one_hot(tokens, size).double().flatten(0, -2).mean(dim=0)
    return 2 ** (torch.special.entr(p).sum() / math.log(2))


def move_codes(used, sums, z, tokens, decay):
    chosen = F.one_hot(tokens, len(used)).to(z)
    used = decay * used + (1 - decay) * chosen.sum(dim=0)
    sums = decay * sums + (1 - decay) * chosen.T @ z
    return used, sums, sums / used[:, None]


def move_codes__loops(used, sums, z, tokens, decay):
    used, sums = used * decay, sums * decay
    for token, vector in zip(tokens.tolist(), z, strict=True):
        used[token] += 1 - decay
        sums[token] += (1 - decay) * vector
    return used, sums, torch.stack([m / n for m, n in zip(sums, used, strict=True)])


def move_codes__index_add(used, sums, z, tokens, decay):
    count = torch.bincount(tokens, minlength=len(used)).to(z)
    total = torch.zeros_like(sums).index_add_(0, tokens, z)
    used, sums = used.lerp(count, 1 - decay), sums.lerp(total, 1 - decay)
    return used, sums, sums / used.unsqueeze(1)


def good_enough(share, n):
    return share ** (1 / n)


def good_enough__logarithms(share, n):
    return math.exp(math.log(share) / n)


def times_smaller(v):
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(100_000, 1, generator=rng, dtype=torch.float64)
    errors = []
    for size in (1, v):
        codes = (torch.arange(size).double()[:, None] + 0.5) / size
        errors.append((x - codes[nearest_codes(x, codes)]).square().mean().item())
    return errors[0] / errors[1]


def times_smaller__evenly_spread(v):
    x = (torch.arange(50_000) + 0.5) / 50_000
    error = ((x * v).floor() / v + 0.5 / v - x).square().mean()
    return ((x - 0.5).square().mean() / error).item()
