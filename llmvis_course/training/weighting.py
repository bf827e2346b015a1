r"""Who decides how much each of several losses counts?

Four answers, each a small object that turns named losses into one number to descend on: fixed
weights; the uncertainty of each task (Kendall et al. 2018, arXiv:1705.07115); equal rates of
learning (GradNorm: Chen et al. 2018, arXiv:1711.02257); equal pull on the last layer (Esser et al.
2021, arXiv:2012.09841, equation 7). Left out on purpose: changing the gradients themselves.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

Losses = Mapping[str, Tensor]


class FixedWeights:
    r"""$\sum_i w_i L_i$ with weights somebody chose."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.weights = dict(weights)

    def __call__(self, losses: Losses) -> Float[Tensor, ""]:
        _expect(losses, self.weights)
        return sum(weight * losses[name] for name, weight in self.weights.items())


class UncertaintyWeights(nn.Module):
    r"""$\sum_i \tfrac12 e^{-s_i} L_i + \tfrac12 s_i$, with a learned $s_i = \log\sigma_i^2$ a task.

    If $L_i$ is a squared error and the task's noise has variance $\sigma_i^2$, this is the negative
    log likelihood of a Gaussian, but for a constant. Its derivative by $s_i$ is
    $\tfrac12 (1 - e^{-s_i} L_i)$, zero where $\sigma_i^2 = L_i$: a task that stays uncertain counts
    less. Put back, $\sum_i \tfrac12 (1 + \log L_i)$ is left to descend on: no unit of any loss
    matters. Kendall et al. write cross-entropies without the $\tfrac12$ before $e^{-s_i}$; here all
    losses are treated alike. Give `parameters()` to the optimizer, or nothing is learned.

    Raises ValueError for a negative loss, whose variance would shrink for ever.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.log_var = nn.ParameterDict({name: nn.Parameter(torch.zeros(())) for name in names})

    def forward(self, losses: Losses) -> Float[Tensor, ""]:
        _expect(losses, dict(self.log_var))
        for name, loss in losses.items():
            _positive(name, loss)
        return sum(0.5 * ((-s).exp() * losses[name] + s) for name, s in self.log_var.items())

    @property
    def weights(self) -> dict[str, float]:
        """What each loss is multiplied by, now."""
        return {name: 0.5 * (-s).exp().item() for name, s in self.log_var.items()}


class GradNormWeights:
    r"""$\sum_i w_i L_i$, the $w_i$ adjusted at every call so that all tasks learn equally fast.

    With $G_i = w_i \lVert\nabla_W L_i\rVert$ at the shared weights $W$, $\bar G$ their mean, and
    $r_i$ a task's loss over its first one, divided by the mean of these ratios, the $w_i$ descend
    on $\sum_i \lvert G_i - \bar G r_i^\alpha\rvert$, the target held fixed: a task that lags behind
    is given more. They stay positive and sum to their number.

    Here it is the logarithms of the $w_i$ that descend, on the pulls over their mean: the slope is
    $\pm G_i / \bar G$. The paper moves the $w_i$ themselves; then the right `rate` depends on the
    units of the losses, and a weight that must fall to a thousandth jumps over it.
    """

    def __init__(
        self, names: Sequence[str], shared: Tensor, *, alpha: float = 1.5, rate: float = 0.025
    ) -> None:
        if rate <= 0:
            raise ValueError(f"rate is {rate}; expected a positive number")
        self.shared, self.alpha, self.rate = shared, alpha, rate
        self.weights = dict.fromkeys(names, 1.0)
        self.first: dict[str, float] = {}

    def __call__(self, losses: Losses) -> Float[Tensor, ""]:
        _expect(losses, self.weights)
        self._adjust(losses)
        return sum(weight * losses[name] for name, weight in self.weights.items())

    def _adjust(self, losses: Losses) -> None:
        now = {name: _positive(name, losses[name]) for name in self.weights}
        self.first = self.first or now
        left = _over_mean({name: now[name] / self.first[name] for name in now})
        pull = _over_mean(
            {name: w * gradient_norm(losses[name], self.shared) for name, w in self.weights.items()}
        )
        for name, here in pull.items():
            gap = here - left[name] ** self.alpha
            # the slope of |gap| by log w is the sign of the gap times the pull; at most a factor e
            step = min(self.rate * here, 1.0) * ((gap > 0) - (gap < 0))
            self.weights[name] *= math.exp(-step)
        self.weights = _over_mean(self.weights)


class LastLayerWeights:
    r"""$L_{main} + f \lambda L_{other}$ with
    $\lambda = \lVert\nabla_W L_{main}\rVert / (\lVert\nabla_W L_{other}\rVert + \delta)$.

    $W$ are the weights of the last layer, where both losses arrive: there both then pull equally
    hard, times a chosen factor $f$. $\lambda$ is a number, not something to differentiate.
    """

    def __init__(
        self, main: str, other: str, last: Tensor, *, factor: float = 1.0, limit: float = 1e4
    ) -> None:
        self.main, self.other, self.last = main, other, last
        self.factor, self.limit = factor, limit
        self.weights = {main: 1.0, other: factor}

    def __call__(self, losses: Losses) -> Float[Tensor, ""]:
        _expect(losses, self.weights)
        pulls = [gradient_norm(losses[name], self.last) for name in (self.main, self.other)]
        self.weights[self.other] = self.factor * min(pulls[0] / (pulls[1] + 1e-6), self.limit)
        return losses[self.main] + self.weights[self.other] * losses[self.other]


def gradient_norm(loss: Float[Tensor, ""], weights: Tensor) -> float:
    """How hard a loss pulls at some weights; 0 where it does not depend on them."""
    (gradient,) = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
    return 0.0 if gradient is None else gradient.norm().item()


def _expect(losses: Losses, names: Mapping[str, object]) -> None:
    if set(losses) != set(names):
        found, expected = (", ".join(sorted(each)) or "none" for each in (losses, names))
        raise ValueError(f"found losses {found}; expected {expected}")


def _positive(name: str, loss: Tensor) -> float:
    """A loss as a number that can be divided by."""
    if not (value := loss.item()) >= 0:
        raise ValueError(f"loss {name} is {value:.3g}; expected 0 or more")
    return max(value, 1e-12)


def _over_mean(values: Mapping[str, float]) -> dict[str, float]:
    """Values over their mean; ones where all are zero."""
    mean = sum(values.values()) / len(values)
    return {name: value / mean if mean > 0 else 1.0 for name, value in values.items()}
