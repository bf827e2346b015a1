r"""Questions on the probability of a picture: bounds, many samples, and the units they come in.

Burda et al. 2016, arXiv:1509.00519 (importance weights).
"""

import math

from .draws import normal, uniform, whole
from .question import Misconception, Question


def log_evidence(log_likelihood, log_prior, log_posterior):
    r"""$\log \frac1K \sum_k p(x|z_k)\,p(z_k)/q(z_k|x)$ from logs of shape (K, b); returns (b)."""
    ratios = log_likelihood + log_prior - log_posterior
    return ratios.logsumexp(dim=0) - math.log(len(ratios))


def _draw_evidence(rng, size):
    k, b = [(1, 1), (2, 1), (3, 2), (5, 4)][size]
    far = 1000.0 if size else 0.0
    return 3 * normal(rng, k, b) - far, normal(rng, k, b) - 2, normal(rng, k, b) - 1


LOG_EVIDENCE = Question(
    name="log_evidence",
    notebook="ex08_vae_elbo",
    place=5,
    kind="implement",
    function="log_evidence",
    points=3,
    difficulty=3,
    importance=2,
    minutes=15,
    reference=log_evidence,
    draw=_draw_evidence,
    gradient=("log_likelihood", "log_posterior"),
    covers="values and gradients for 1 to 5 samples, with probabilities so small that they cannot "
    "be written without their logarithm.",
    misconceptions=(
        Misconception(
            "mean of logs",
            lambda a, b, c: (a + b - c).mean(0),
            "That is the ELBO with several samples. Here the mean is inside the logarithm.",
        ),
        Misconception(
            "sum for mean inside the logarithm",
            lambda a, b, c: (a + b - c).logsumexp(0),
            "More samples must not make a picture more probable. What is missing?",
        ),
        Misconception(
            "underflow",
            lambda a, b, c: (a + b - c).exp().mean(0).log(),
            "exp(-1000) is 0 on a computer, and log(0) is minus infinity. What does logsumexp do?",
        ),
        Misconception(
            "posterior forgotten",
            lambda a, b, c: log_evidence(a, b, 0 * c),
            "The codes were drawn by q. What corrects for that?",
        ),
        Misconception(
            "posterior multiplied",
            lambda a, b, c: log_evidence(a, b, -c),
            "The ratio divides by q.",
        ),
        Misconception(
            "prior forgotten",
            lambda a, b, c: log_evidence(a, 0 * b, c),
            "Which of your arguments is not used?",
        ),
        Misconception(
            "mean over pictures",
            lambda a, b, c: (a + b - c).logsumexp(1) - math.log(a.shape[1]),
            "The samples are the first axis.",
        ),
        Misconception(
            "the best sample only",
            lambda a, b, c: (a + b - c).amax(0),
            "Every sample counts, by its weight.",
        ),
        Misconception(
            "divided outside of the logarithm",
            lambda a, b, c: (a + b - c).logsumexp(0) / len(a),
            "1 / K stands inside the logarithm. What becomes of a factor there?",
        ),
        Misconception(
            "logs multiplied",
            lambda a, b, c: (a * b / c).logsumexp(0) - math.log(len(a)),
            "You have the *logs* of the three. What is the log of a product, and of a ratio?",
        ),
    ),
)


def bits_per_pixel(nats, pixels):
    r"""$\frac{\text{nats}}{\text{pixels} \cdot \ln 2}$."""
    return nats / (pixels * math.log(2))


BITS_PER_PIXEL = Question(
    name="bits_per_pixel",
    notebook="ex08_vae_elbo",
    place=1,
    kind="predict",
    function="bits_per_pixel",
    points=1,
    difficulty=1,
    importance=1,
    minutes=4,
    reference=bits_per_pixel,
    draw=lambda rng, size: (
        uniform(rng, low=50.0, high=500.0).item(),
        [4, 64, 784, 3072][size],
    ),  # fmt: skip
    covers="the conversion, for several sizes of pictures.",
    misconceptions=(
        Misconception(
            "multiplied by ln 2",
            lambda nats, pixels: nats * math.log(2) / pixels,
            "A nat is more than a bit, so there are more bits than nats.",
        ),
        Misconception(
            "nats a pixel",
            lambda nats, pixels: nats / pixels,
            "Right but for the unit: how many bits is a nat?",
        ),
        Misconception(
            "bits a picture",
            lambda nats, pixels: nats / math.log(2),
            "For each pixel.",
        ),
        Misconception(
            "logarithm of the nats",
            lambda nats, pixels: math.log2(nats) / pixels,
            "Nats are a logarithm already; only its base changes.",
        ),
        Misconception(
            "base ten",
            lambda nats, pixels: nats / (pixels * math.log(10)),
            "A bit is a choice between two.",
        ),
    ),
)


def monte_carlo_kl(mu, sigma):
    r"""$\mathbb{E}_q[\log q(z) - \log p(z)]$ for $q = N(\mu, \sigma^2)$, $p = N(0, 1)$, sampled.

    The reference is the closed form that the samples should come close to.
    """
    return 0.5 * (mu**2 + sigma**2 - 1) - math.log(sigma)


def _weighed_again(mu, s):
    """The mean of q (log q - log p) over samples of q, instead of that of log q - log p."""
    inner = -0.25 - math.log(s) + 0.5 * (mu**2 + 0.5 * s**2)
    return inner / (2 * s * math.sqrt(math.pi))


MONTE_CARLO_KL = Question(
    name="monte_carlo_kl",
    notebook="ex08_vae_elbo",
    place=6,
    kind="experiment",
    function="monte_carlo_kl",
    points=2,
    difficulty=2,
    importance=2,
    minutes=12,
    reference=monte_carlo_kl,
    draw=lambda rng, size: (
        whole(rng, 2, 4) * 0.5,
        [0.5, 0.7, 1.5, 2.0][size],
    ),  # fmt: skip
    repeats=1,
    tolerance=0.03,
    covers="your estimate within 3 %, for two parameters each; 100,000 samples are enough.",
    misconceptions=(
        Misconception(
            "samples from the prior",
            lambda mu, s: (mu**2 + 1 - s**2) / (2 * s**2) * -1 - math.log(s),
            "The expectation is over q: draw the codes from q.",
        ),
        Misconception(
            "log q only",
            lambda mu, s: -0.5 * (1 + math.log(2 * math.pi)) - math.log(s),
            "A divergence compares two densities: subtract log p.",
        ),
        Misconception(
            "difference the wrong way round",
            lambda mu, s: -monte_carlo_kl(mu, s),
            "Never negative: log q minus log p.",
        ),
        Misconception(
            "log sigma forgotten in log q",
            lambda mu, s: 0.5 * (mu**2 + s**2 - 1),
            "The density of a narrow Gaussian is higher: what stands before the exponential?",
        ),
        Misconception(
            "variance for deviation",
            lambda mu, s: monte_carlo_kl(mu, s**0.5),
            "The second argument is the deviation, not the variance.",
        ),
        Misconception(
            "the other divergence",
            lambda mu, s: 0.5 * ((1 + mu**2) / s**2 - 1) + math.log(s),
            "That is KL(p || q). Here the samples come from q, and log q stands first.",
        ),
        Misconception(
            "weighed once more",
            _weighed_again,
            "The samples come from q already: likely places come up more often. A plain mean will "
            "do.",
        ),
    ),
)


QUESTIONS = (LOG_EVIDENCE, BITS_PER_PIXEL, MONTE_CARLO_KL)
