"""Right answers to the questions of variational autoencoders."""

import math

import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Normal, kl_divergence


def kl(mu, log_var):
    return -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(dim=1)


def kl__library(mu, log_var):
    q = Normal(mu, (0.5 * log_var).exp())
    return kl_divergence(q, Normal(0.0, 1.0)).sum(dim=-1)


def kl__deviation(mu, log_var):
    sigma = torch.sqrt(torch.exp(log_var))
    each = (sigma * sigma + mu * mu - 1) / 2 - torch.log(sigma)
    return torch.einsum("bd->b", each)


def draw_code(mu, log_var, noise):
    sigma = torch.exp(0.5 * log_var)
    return mu + sigma * noise


def draw_code__root(mu, log_var, noise):
    return noise * log_var.exp().sqrt() + mu


def draw_code__addcmul(mean, log_variance, eps):
    return torch.addcmul(mean, eps, (log_variance / 2).exp())


def negative_elbo(x, logits, mu, log_var, beta):
    y = (x + 1) / 2
    lost = F.softplus(logits) - y * logits
    lost = lost.sum(dim=(1, 2, 3))
    nats = -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(dim=1)
    return (lost + beta * nats).mean()


def negative_elbo__library(x, logits, mu, log_var, beta):
    b = len(x)
    lost = F.binary_cross_entropy_with_logits(logits, (x + 1) / 2, reduction="sum") / b
    q = Normal(mu, (0.5 * log_var).exp())
    return lost + beta * kl_divergence(q, Normal(0.0, 1.0)).sum() / b


def negative_elbo__distributions(x, logits, mu, log_var, beta):
    seen = Bernoulli(logits=logits, validate_args=False).log_prob((x + 1) / 2).flatten(1).sum(1)
    nats = 0.5 * (log_var.exp() + mu.square() - log_var - 1).sum(1)
    return -(seen - beta * nats).mean()


def log_evidence(log_likelihood, log_prior, log_posterior):
    ratios = log_likelihood + log_prior - log_posterior
    return torch.logsumexp(ratios, dim=0) - math.log(len(ratios))


def log_evidence__largest_first(a, b, c):
    ratios = a + b - c
    largest = ratios.max(dim=0).values
    return largest + (ratios - largest).exp().mean(dim=0).log()


def log_evidence__one_by_one(a, b, c):
    total = a[0] + b[0] - c[0]
    for k in range(1, len(a)):
        total = torch.logaddexp(total, a[k] + b[k] - c[k])
    return total - torch.tensor(float(len(a))).log().double()


def bits_per_pixel(nats, pixels):
    return nats / math.log(2) / pixels


def bits_per_pixel__log2(nats, pixels):
    return nats * math.log2(math.e) / pixels


def monte_carlo_kl(mu, sigma):
    rng = torch.Generator().manual_seed(0)
    z = mu + sigma * torch.randn(400_000, generator=rng)
    log_q = -0.5 * ((z - mu) / sigma) ** 2 - math.log(sigma)
    log_p = -0.5 * z**2
    return (log_q - log_p).mean().item()


def monte_carlo_kl__distributions(mu, sigma):
    q = Normal(mu, sigma)
    rng = torch.Generator().manual_seed(7)
    z = mu + sigma * torch.randn(500_000, generator=rng)
    return (q.log_prob(z) - Normal(0, 1).log_prob(z)).mean()
