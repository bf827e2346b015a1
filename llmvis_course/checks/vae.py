r"""Questions on variational autoencoders: codes drawn so that gradients pass, and the bound.

Kingma and Welling 2014, arXiv:1312.6114.
"""

import torch
import torch.nn.functional as F

from ..models.vae import Bernoulli, kl_to_standard_normal
from .draws import normal, uniform
from .question import Misconception, Question


def kl(mu, log_var):
    r"""$-\tfrac12 \sum_j (1 + \log\sigma_j^2 - \mu_j^2 - \sigma_j^2)$: (b, d) to (b)."""
    return kl_to_standard_normal(mu, log_var)


def _kl_with(mu, log_var, last):
    """The divergence with another term in place of the variance."""
    return -0.5 * (1 + log_var - mu**2 - last).sum(dim=1)


def _draw_posterior(rng, size):
    b, d = [(1, 1), (1, 2), (2, 3), (4, 5)][size]
    return normal(rng, b, d), normal(rng, b, d)


KL = Question(
    name="kl",
    notebook="ex08_vae_elbo",
    place=2,
    kind="implement",
    function="kl",
    points=2,
    difficulty=2,
    importance=3,
    minutes=10,
    reference=kl,
    draw=_draw_posterior,
    gradient=("mu", "log_var"),
    covers="values and gradients by mean and log variance, against a standard normal prior only.",
    misconceptions=(
        Misconception(
            "sign",
            lambda mu, lv: -kl(mu, lv),
            "A KL divergence is never negative. Is yours?",
        ),
        Misconception(
            "log of the deviation for log of the variance",
            lambda mu, lv: kl(mu, 2 * lv),
            "The encoder says log sigma^2: its exponential is the variance already.",
        ),
        Misconception(
            "variance for log variance",
            lambda mu, lv: -0.5 * (1 + lv.log() - mu**2 - lv).sum(1),
            "`log_var` may be negative: it is a logarithm. What is the variance?",
        ),
        Misconception(
            "log variance for variance",
            lambda mu, lv: _kl_with(mu, lv, lv),
            "The last term is sigma^2 itself, not its logarithm.",
        ),
        Misconception(
            "square of the log variance",
            lambda mu, lv: _kl_with(mu, lv, lv**2),
            "The last term is sigma^2, and `log_var` is its logarithm. What undoes a logarithm?",
        ),
        Misconception(
            "square of the variance",
            lambda mu, lv: _kl_with(mu, lv, lv.exp() ** 2),
            "exp(log_var) is sigma^2 already: it needs no square.",
        ),
        Misconception(
            "deviation for variance",
            lambda mu, lv: _kl_with(mu, lv, (0.5 * lv).exp()),
            "exp(log_var / 2) is sigma. The last term is sigma^2.",
        ),
        Misconception(
            "mean for sum over the code",
            lambda mu, lv: kl(mu, lv) / mu.shape[1],
            "The numbers of a code are independent, so their divergences add up.",
        ),
        Misconception(
            "half forgotten",
            lambda mu, lv: 2 * kl(mu, lv),
            "What stands before the sum?",
        ),
        Misconception(
            "summed over the batch as well",
            lambda mu, lv: kl(mu, lv).sum(),
            "One number for each picture is asked for.",
        ),
        Misconception(
            "mean over the batch as well",
            lambda mu, lv: kl(mu, lv).mean(),
            "One number for each picture is asked for. The mean over pictures comes later.",
        ),
        Misconception(
            "the other way round",
            lambda mu, lv: 0.5 * (lv + (1 + mu**2) / lv.exp() - 1).sum(1),
            "KL(q || p) and KL(p || q) differ: the expectation is taken over the encoder's q.",
        ),
        Misconception(
            "square of the mean forgotten",
            lambda mu, lv: kl(mu.abs().sqrt(), lv),
            "The mean comes in squared.",
        ),
    ),
)


def draw_code(mu, log_var, noise):
    r"""$z = \mu + \sigma \odot \epsilon$ with the given standard normal `noise`."""
    return mu + (0.5 * log_var).exp() * noise


DRAW_CODE = Question(
    name="draw_code",
    notebook="ex08_vae_elbo",
    place=3,
    kind="implement",
    function="draw_code",
    points=2,
    difficulty=1,
    importance=3,
    minutes=6,
    reference=draw_code,
    draw=lambda rng, size: (*_draw_posterior(rng, size), _draw_posterior(rng, size)[0]),
    gradient=("mu", "log_var"),
    covers="values and gradients by mean and log variance, with noise that is given.",
    misconceptions=(
        Misconception(
            "variance for deviation",
            lambda mu, lv, e: mu + lv.exp() * e,
            "exp(log_var) is sigma^2. What scales the noise?",
        ),
        Misconception(
            "log variance for deviation",
            lambda mu, lv, e: mu + lv * e,
            "`log_var` is a logarithm: undo it first.",
        ),
        Misconception(
            "noise not scaled",
            lambda mu, lv, e: mu + e,
            "Which of your arguments is not used?",
        ),
        Misconception(
            "no noise",
            lambda mu, lv, e: mu + 0 * lv,
            "Without chance this is a plain autoencoder.",
        ),
        Misconception(
            "gradient cut at the deviation",
            lambda mu, lv, e: mu + (0.5 * lv).exp().detach() * e,
            "The numbers are right, but log_var cannot learn. What cuts its gradient?",
        ),
        Misconception(
            "gradient cut altogether",
            lambda mu, lv, e: (mu + (0.5 * lv).exp() * e).detach(),
            "Chance comes from outside just so that gradients pass. What stops them here?",
        ),
        Misconception(
            "mean scaled too",
            lambda mu, lv, e: (mu + e) * (0.5 * lv).exp(),
            "Scale the noise, then move it.",
        ),
        Misconception(
            "half of the variance",
            lambda mu, lv, e: mu + 0.5 * lv.exp() * e,
            "Half in front of `exp` halves the variance. Its root needs the half inside.",
        ),
        Misconception(
            "mean forgotten",
            lambda mu, lv, e: (0.5 * lv).exp() * e,
            "Which of your arguments is not used?",
        ),
    ),
)


def negative_elbo(x, logits, mu, log_var, beta):
    r"""$-\log p(x|z) + \beta\,\mathrm{KL}$ in nats, the mean over pictures; a number without axes.

    `x` is in [-1, 1], (b, c, h, w); `logits` are those of a Bernoulli for $(x + 1)/2$; the
    log-likelihood is summed over pixels.
    """
    return (beta * kl(mu, log_var) - Bernoulli().log_p(logits, x)).mean()


def _elbo_with(lost=None, kl_sign=1.0, share=lambda x: (x + 1) / 2, beta_on="kl", over="pixels",
               last=torch.mean):  # fmt: skip
    """The bound with one thing done in another way."""

    def wrong(x, logits, mu, log_var, beta):
        each = F.binary_cross_entropy_with_logits(logits, share(x), reduction="none")
        each = (lost(logits, x) if lost else each).flatten(1)
        lose = each.mean(1) if over in ("mean", "means") else each.sum(1)
        lose = each.sum() if over == "all" else lose
        nats = kl(mu, log_var) * kl_sign
        if over in ("both", "means"):
            nats = nats / mu.shape[1]
        return last(
            {"kl": lose + beta * nats, "loss": beta * lose + nats}.get(beta_on, lose + nats)
        )

    return wrong


def _draw_elbo(rng, size):
    b, c, h, w, d = [(1, 1, 1, 2, 1), (1, 1, 2, 2, 2), (2, 1, 2, 3, 2), (3, 2, 2, 2, 4)][size]
    x = uniform(rng, b, c, h, w, low=-1.0)
    x = x.sign() if size % 2 else x
    logits = 2 * normal(rng, b, c, h, w)
    return x, logits, normal(rng, b, d), normal(rng, b, d), uniform(rng, low=0.2, high=4.0).item()


NEGATIVE_ELBO = Question(
    name="negative_elbo",
    notebook="ex08_vae_elbo",
    place=4,
    kind="debug",
    function="negative_elbo",
    points=3,
    difficulty=3,
    importance=3,
    minutes=15,
    reference=negative_elbo,
    draw=_draw_elbo,
    gradient=("logits", "mu", "log_var"),
    uses=("kl",),
    covers="the loss and its gradients, for black-and-white and grey pictures, several weights of "
    "the KL term; the encoder and decoder are not part of it.",
    misconceptions=(
        Misconception(
            "mean for sum over pixels",
            _elbo_with(over="mean"),
            "Then 784 pixels weigh as much as one, and the KL term wins: every picture gets the "
            "same code. The likelihoods of pixels multiply, so their logs ...",
        ),
        Misconception(
            "mean over the code",
            _elbo_with(over="both"),
            "The KL divergence of a code is a sum over its numbers.",
        ),
        Misconception(
            "means of both",
            _elbo_with(over="means"),
            "A mean over 784 pixels and one over a few numbers of a code are no longer nats of one "
            "picture. Both terms are sums.",
        ),
        Misconception(
            "pixels of all pictures in one sum",
            _elbo_with(over="all"),
            "A sum for each picture, (b), is to meet the divergence of each picture. Over which "
            "axes does it go?",
        ),
        Misconception(
            "KL with the wrong sign",
            _elbo_with(kl_sign=-1.0),
            "The loss should push the posterior towards the prior, not away from it.",
        ),
        Misconception(
            "pictures not brought to [0, 1]",
            _elbo_with(share=lambda x: x),
            "The course's pictures lie in [-1, 1]. What does a Bernoulli expect?",
        ),
        Misconception(
            "beta on the likelihood",
            _elbo_with(beta_on="loss"),
            "Which of the two terms does beta weigh?",
        ),
        Misconception(
            "beta ignored",
            _elbo_with(beta_on="none"),
            "Which of your arguments is not used?",
        ),
        Misconception(
            "squared distance for the likelihood",
            _elbo_with(lost=lambda logits, x: (logits.sigmoid() - (x + 1) / 2) ** 2),
            "Squared distance belongs to a Gaussian. Here the decoder says logits.",
        ),
        Misconception(
            "sum over pictures",
            _elbo_with(last=torch.sum),
            "In nats *per picture*: take the mean over the batch.",
        ),
    ),
)

QUESTIONS = (KL, DRAW_CODE, NEGATIVE_ELBO)
