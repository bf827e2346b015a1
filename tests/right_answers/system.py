"""Right answers to the questions of the whole system."""

import math

import torch


def wilson(right, n):
    p, z = right / n, 1.96
    middle = p + z**2 / (2 * n)
    spread = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    return (middle - spread) / scale, (middle + spread) / scale


def wilson__counts(right, n):
    z2, wrong = 1.96**2, n - right
    middle = (right + z2 / 2) / (n + z2)
    spread = math.sqrt(z2 * (right * wrong / n + z2 / 4)) / (n + z2)
    return middle - spread, middle + spread


def wilson__roots(right, n):
    """The two q at which the share lies 1.96 deviations of q away: a quadratic equation."""
    p, z2 = right / n, 1.96**2
    a, b, c = 1 + z2 / n, -(2 * p + z2 / n), p * p
    root = max(b * b - 4 * a * c, 0.0) ** 0.5
    return torch.tensor((-b - root) / (2 * a)), torch.tensor((-b + root) / (2 * a))


def paired(first, second):
    gained = (second & ~first).sum().item()
    lost = (first & ~second).sum().item()
    difference = (gained - lost) / len(first)
    g, lo, n = gained + 0.5, lost + 0.5, len(first) + 2
    middle = (g - lo) / n
    spread = 1.96 * math.sqrt(g + lo - (g - lo) ** 2 / n) / n
    return difference, middle - spread, middle + spread


def paired__changes(first, second):
    change = second.double() - first.double()
    n = len(change) + 2
    both = change.abs().sum() + 1
    net = change.sum()
    spread = 1.96 * torch.sqrt(both - net**2 / n) / n
    return change.mean(), net / n - spread, net / n + spread


def paired__loop(a, b):
    g = lost = 0
    for one, other in zip(a.tolist(), b.tolist(), strict=True):
        g += other and not one
        lost += one and not other
    n = len(a) + 2
    spread = 1.96 * (g + lost + 1 - (g - lost) ** 2 / n) ** 0.5 / n
    return (g - lost) / len(a), (g - lost) / n - spread, (g - lost) / n + spread


def keep_better(pictures, agree, rows, again, agree_again):
    pictures, agree = pictures.clone(), agree.clone()
    for k, row in enumerate(rows.tolist()):
        gain = agree_again[k] - agree[row]
        if gain > 0:
            pictures[row] = again[k]
            agree[row] = agree_again[k]
    return pictures, agree


def keep_better__mask(pictures, agree, rows, again, agree_again):
    better = agree_again > agree[rows]
    pictures, agree = pictures.clone(), agree.clone()
    pictures[rows[better]] = again[better]
    agree[rows[better]] = agree_again[better]
    return pictures, agree


def keep_better__where(pictures, agree, rows, again, agree_again):
    all_new = pictures.index_copy(0, rows, again)
    scores = torch.full_like(agree, -1.0).index_copy(0, rows, agree_again)
    better = (scores > agree).view(-1, *[1] * (pictures.dim() - 1))
    return torch.where(better, all_new, pictures), torch.maximum(scores, agree)


def right_within(p, tries):
    return 1 - (1 - p) ** tries


def right_within__sum(p, tries):
    return sum(p * (1 - p) ** k for k in range(tries))


def flattery(p, fooled, tries):
    rng = torch.Generator().manual_seed(0)
    right = torch.rand(40_000, tries, generator=rng) < p
    passed = right | (torch.rand(40_000, tries, generator=rng) < fooled)
    kept = passed.int().argmax(dim=1, keepdim=True)
    reported = passed.any(dim=1).double().mean()
    true = right.gather(1, kept).double().mean()
    return (reported - true).item()


def flattery__one_by_one(p, fooled, tries):
    left, wrong = 1.0, 0.0
    for _ in range(tries):
        wrong += left * (1 - p) * fooled
        left *= (1 - p) * (1 - fooled)
    return wrong
