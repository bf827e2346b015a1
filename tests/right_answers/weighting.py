"""Right answers to the questions of losses that are weighted."""

import math

import torch

from llmvis_course.training.weighting import UncertaintyWeights


def uncertainty_sum(losses, log_vars):
    weighted = 0.5 * torch.exp(-log_vars) * losses
    return (weighted + 0.5 * log_vars).sum()


def uncertainty_sum__deviations(losses, s):
    sigma = torch.exp(s / 2)
    return (losses / (2 * sigma**2)).sum() + sigma.log().sum()


def uncertainty_sum__loop(losses, s):
    total = 0.0
    for loss, one in zip(losses, s, strict=True):
        total = total + (loss / one.exp() + one) / 2
    return total


def balanced_sum(weight, x, y, factor):
    one = (x @ weight).square().mean()
    two = (y @ weight - 1).square().mean()
    (pull_one,) = torch.autograd.grad(one, weight, create_graph=True)
    (pull_two,) = torch.autograd.grad(two, weight, create_graph=True)
    ratio = pull_one.norm() / pull_two.norm()
    return one + factor * ratio.detach() * two


def balanced_sum__as_numbers(weight, x, y, factor):
    losses = (x @ weight).square().mean(), (y @ weight - 1).square().mean()
    pulls = [
        torch.autograd.grad(loss, weight, retain_graph=True)[0].norm().item() for loss in losses
    ]
    return losses[0] + factor * pulls[0] / pulls[1] * losses[1]


def balanced_sum__gradients_by_hand(w, x, y, f):
    with torch.no_grad():
        pull_one = 2 * x.T @ (x @ w) / len(x)
        pull_two = 2 * y.T @ (y @ w - 1) / len(y)
        ratio = pull_one.square().sum().sqrt() / pull_two.square().sum().sqrt()
    return ((x @ w) ** 2).mean() + f * ratio * ((y @ w - 1) ** 2).mean()


def pull_targets(pulls, losses, first, alpha):
    left = losses / first
    rate = left / left.mean()
    return pulls.mean() * rate**alpha


def pull_targets__logs(pulls, losses, first, alpha):
    left = losses.log() - first.log()
    return pulls.mean() * torch.exp(alpha * (left - left.exp().mean().log()))


def pull_targets__lists(pulls, losses, first, alpha):
    left = [a / b for a, b in zip(losses.tolist(), first.tolist(), strict=True)]
    k = len(left)
    level = sum(pulls.tolist()) / k
    return pulls.new_tensor([level * (one * k / sum(left)) ** alpha for one in left])


def best_deviation(loss):
    return loss**0.5


def best_deviation__root(loss):
    return math.sqrt(loss)


def learned_weight(loss):
    s = 0.0
    for _ in range(400):
        s = s - 0.05 * (1 - math.exp(-s) * loss)
    return 0.5 * math.exp(-s)


def learned_weight__library(loss):
    weighting = UncertaintyWeights(["one"])
    optimizer = torch.optim.Adam(weighting.parameters(), lr=0.2)
    for _ in range(200):
        optimizer.zero_grad()
        weighting({"one": torch.tensor(loss)}).backward()
        optimizer.step()
    return weighting.weights["one"]
