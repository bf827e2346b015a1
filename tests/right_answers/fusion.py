"""Right answers to the questions of words that meet pixels."""

import math

import torch
import torch.nn.functional as F


def film(x, e, mask, weight, bias):
    real = mask[:, :, None]
    s = (e * real).sum(dim=1) / real.sum(dim=1)
    gamma, beta = (s @ weight.T + bias)[:, None].chunk(2, dim=2)
    return (1 + gamma) * x + beta


def film__loops(x, e, mask, weight, bias):
    c, found = x.shape[2], []
    for pixels, words, real in zip(x, e, mask, strict=True):
        said = F.linear(words[real].mean(dim=0), weight, bias)
        found.append(torch.stack([pixel + said[:c] * pixel + said[c:] for pixel in pixels]))
    return torch.stack(found)


def film__shares(x, e, mask, weight, bias):
    share = mask.to(e) / mask.sum(dim=1, keepdim=True)
    said = torch.einsum("bm,bmd,kd->bk", share, e, weight) + bias
    c = len(bias) // 2
    return torch.addcmul(said[:, None, c:], x, 1 + said[:, None, :c])


def pixel_weights(x, e, mask):
    scores = x @ e.transpose(1, 2) / x.shape[2] ** 0.5
    scores = scores.masked_fill(~mask[:, None], -torch.inf)
    return scores.softmax(dim=2)


def pixel_weights__exponentials(x, e, mask):
    scores = torch.einsum("bnc,bmc->bnm", x, e) / math.sqrt(e.shape[-1])
    shares = scores.exp() * mask.unsqueeze(1)
    return shares / shares.sum(dim=-1, keepdim=True)


def pixel_weights__loops(x, e, mask):
    weights = x.new_zeros(x.shape[0], x.shape[1], e.shape[1])
    for b in range(len(x)):
        for n in range(x.shape[1]):
            scores = (e[b][mask[b]] * x[b, n]).sum(dim=1) * x.shape[2] ** -0.5
            weights[b, n, mask[b]] = F.softmax(scores, dim=0)
    return weights


def contrastive_loss(u, w, scale):
    u, w = F.normalize(u, dim=1), F.normalize(w, dim=1)
    scores = scale * u @ w.T
    own = torch.arange(len(u))
    return (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2


def contrastive_loss__loops(u, w, scale):
    n, total = len(u), 0.0
    cosine = [[torch.dot(a, b) / (a.norm() * b.norm()) for b in w] for a in u]
    for i in range(n):
        row = sum((scale * cosine[i][j]).exp() for j in range(n))
        column = sum((scale * cosine[j][i]).exp() for j in range(n))
        total = total + row.log() + column.log() - 2 * scale * cosine[i][i]
    return total / (2 * n)


def contrastive_loss__logsumexp(u, w, scale):
    scores = scale * F.cosine_similarity(u[:, None], w[None], dim=2)
    below = (torch.logsumexp(scores, 0) + torch.logsumexp(scores, 1)) / 2
    return (below - scores.diagonal()).mean()


def lowest_loss(n, scale):
    return math.log(1 + (n - 1) * math.exp(-scale))


def lowest_loss__library(n, scale):
    scores = scale * torch.eye(n, dtype=torch.float64)
    return F.cross_entropy(scores, torch.arange(n)).item()


def learned_scale(gap, wrong):
    s = 1.0
    for _ in range(2000):
        chance = 1 / (1 + math.exp(-s * gap))
        s = s - gap * (chance - (1 - wrong))
    return s


def learned_scale__library(gap, wrong):
    s = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([s], lr=0.05)
    for _ in range(600):
        loss = (1 - wrong) * F.softplus(-s * gap) + wrong * F.softplus(s * gap)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return s.item()
