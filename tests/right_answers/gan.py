"""Right answers to the questions of generative adversarial networks."""

import math

import torch
import torch.nn.functional as F


def discriminator_loss(real, made):
    return -F.logsigmoid(real).mean() - F.logsigmoid(-made).mean()


def discriminator_loss__library(real, made):
    yes = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
    no = F.binary_cross_entropy_with_logits(made, torch.zeros_like(made))
    return yes + no


def discriminator_loss__logaddexp(real, made):
    zero = torch.zeros((), dtype=real.dtype)
    return torch.logaddexp(zero, -real).mean() + torch.logaddexp(zero, made).mean()


def generator_loss(made):
    return -F.logsigmoid(made).mean()


def generator_loss__library(made):
    return F.binary_cross_entropy_with_logits(made, torch.ones_like(made))


def generator_loss__softplus(scores):
    return F.softplus(-scores).sum() / len(scores)


def critic_loss(weight, real, noise, generator):
    made = (noise @ generator).detach()
    yes, no = real @ weight, made @ weight
    return -F.logsigmoid(yes).mean() - F.logsigmoid(-no).mean()


def critic_loss__no_grad(weight, real, noise, generator):
    with torch.no_grad():
        made = noise @ generator
    return F.softplus(-(real @ weight)).mean() + F.softplus(made @ weight).mean()


def critic_loss__detached_weights(weight, real, noise, generator):
    scores = noise @ generator.detach() @ weight
    yes = F.binary_cross_entropy_with_logits(real @ weight, torch.ones(len(real)).double())
    return yes + F.binary_cross_entropy_with_logits(scores, torch.zeros_like(scores))


def jensen_shannon(p, q):
    m = (p + q) / 2
    from_p = (torch.xlogy(p, p) - torch.xlogy(p, m)).sum(dim=-1)
    from_q = (torch.xlogy(q, q) - torch.xlogy(q, m)).sum(dim=-1)
    return 0.5 * (from_p + from_q)


def jensen_shannon__entropies(p, q):
    def entropy(x):
        return torch.special.entr(x).sum(dim=1)

    return entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2


def jensen_shannon__loops(p, q):
    rows = []
    for p_row, q_row in zip(p.tolist(), q.tolist(), strict=True):
        total = 0.0
        for a, b in zip(p_row, q_row, strict=True):
            m = (a + b) / 2
            total += 0.5 * (a * math.log(a / m) if a > 0 else 0.0)
            total += 0.5 * (b * math.log(b / m) if b > 0 else 0.0)
        rows.append(total)
    return torch.tensor(rows, dtype=p.dtype)


def best_discriminator(p, q):
    return p / (p + q)


def best_discriminator__sigmoid(p, q):
    return torch.sigmoid(p.log() - q.log())


def value_of(share):
    return math.log(share) + math.log(1 - share)


def value_of__product(share):
    return math.log(share * (1 - share))


def gradient_ratio(score):
    s = torch.tensor(score, dtype=torch.float64, requires_grad=True)
    (wanted,) = torch.autograd.grad(F.logsigmoid(s), s)
    (minimax,) = torch.autograd.grad(F.logsigmoid(-s), s)
    return abs(wanted / minimax).item()


def gradient_ratio__closed_form(score):
    return math.exp(-score)
