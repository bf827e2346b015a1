"""Right answers to the warm-up questions."""

import torch


def for_screen(pictures):
    light = (pictures + 1) / 2
    return light.clamp(0, 1).permute(0, 2, 3, 1)


def for_screen__moved(x):
    return torch.movedim(x.clamp(-1, 1) * 0.5 + 0.5, 1, -1)


def for_screen__stacked(x):
    colours = [torch.clip(0.5 * x[:, k] + 0.5, 0.0, 1.0) for k in range(x.shape[1])]
    return torch.stack(colours, dim=-1)


def drawn_right(said, seen):
    fits = (said == seen) | (said == -1)
    return fits.all(dim=1)


def drawn_right__no_misses(said, seen):
    misses = (said >= 0) & (said != seen)
    return misses.sum(dim=1) == 0


def drawn_right__loop(said, seen):
    pairs = [
        list(zip(*rows, strict=True)) for rows in zip(said.tolist(), seen.tolist(), strict=True)
    ]
    return torch.tensor([all(a in (-1, b) for a, b in pair) for pair in pairs])


def number_of_captions(digits, colours, sizes, places):
    return digits * (colours + 1) * (sizes + 1) * (places + 1)


def number_of_captions__counted(digits, colours, sizes, places):
    count = 0
    for named in ((a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)):
        ways = [n if yes else 1 for n, yes in zip((colours, sizes, places), named, strict=True)]
        count += digits * ways[0] * ways[1] * ways[2]
    return count


def spread_of_score(p, n):
    rng = torch.Generator().manual_seed(0)
    right = torch.rand(20_000, n, generator=rng) < p
    return right.double().mean(dim=1).std().item()


def spread_of_score__formula(p, n):
    return (p * (1 - p) / n) ** 0.5
