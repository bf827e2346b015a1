r"""Muon: gradient steps whose every direction has one length.

The gradient of a weight matrix is dominated by a few directions. Muon replaces the averaged
gradient by the nearest orthogonal matrix, so that faint directions, such as what tells a three from
a five, are learned along with the strong ones. Jordan et al. 2024, "Muon: an optimizer for hidden
layers in neural networks"; step size and weight decay after Liu et al. 2025, arXiv:2502.16982. Left
out on purpose: parameters that are not matrices; embeddings, biases, first and last layers go to
`torch.optim.AdamW`. (torch has a Muon since 2.9, in bfloat16 and without convolutions.)
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn


def orthogonalize(matrix: Float[Tensor, "*b n m"], *, steps: int = 5) -> Float[Tensor, "*b n m"]:
    r"""About $U V^\top$ for $G = U S V^\top$: singular values come to lie near one.

    Newton-Schulz iteration: $X \leftarrow PX$ with $P = aI + bA + cA^2$ and $A = XX^\top$ moves
    every singular value $s \le 1$ by $s \leftarrow as + bs^3 + cs^5$ without decomposing anything.
    Five steps bring all that were above 0.003 of the norm to between 0.68 and 1.21. A filter's
    matrix is much wider than high, so the steps are taken on $A \leftarrow PAP$, which is small,
    and their product meets $X$ once, at the end.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    wide = matrix if matrix.shape[-2] <= matrix.shape[-1] else matrix.mT
    wide = wide / (wide.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    square = wide @ wide.mT
    one = torch.eye(square.shape[-1]).to(square)
    whole = step = a * one + b * square + c * square @ square
    for _ in range(steps - 1):
        square = step @ square @ step
        step = a * one + b * square + c * square @ square
        whole = step @ whole
    found = whole @ wide
    return found if matrix.shape[-2] <= matrix.shape[-1] else found.mT


class Muon(torch.optim.Optimizer):
    r"""$M \leftarrow \beta M + (1 - \beta) G$, then
    $W \leftarrow (1 - \eta\lambda) W - 0.2\,\eta\sqrt{\max(n, m)}\,\mathrm{orth}(\beta M + (1 - \beta) G)$.

    The factor gives a step the size that AdamW would take, so rates and decay mean the same there.
    A convolution's weights count as a matrix with a row for each output channel. Raises ValueError
    for a parameter with fewer than two axes.
    """  # noqa: E501

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        *,
        lr: float = 3e-3,
        momentum: float = 0.95,
        weight_decay: float = 0.01,
    ) -> None:
        params = list(params)
        for p in params:
            if p.ndim < 2:
                raise ValueError(
                    f"Muon found a parameter of shape {tuple(p.shape)}; expected 2 axes"
                )
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient, those of one shape at a time."""
        for group in self.param_groups:
            rate, beta = group["lr"], group["momentum"]
            alike: dict[torch.Size, list[tuple[nn.Parameter, Tensor]]] = {}
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["mean"] = torch.zeros_like(p)
                mean = state["mean"].lerp_(p.grad, 1 - beta)
                ahead = p.grad.lerp(mean, beta).flatten(1)
                alike.setdefault(ahead.shape, []).append((p, ahead))
            for shape, moved in alike.items():
                ways = orthogonalize(torch.stack([ahead for _, ahead in moved]))
                for (p, _), way in zip(moved, ways, strict=True):
                    p.mul_(1 - rate * group["weight_decay"])
                    p.sub_(way.reshape(p.shape), alpha=0.2 * max(shape) ** 0.5 * rate)


class Split(NamedTuple):
    """The weights of a model: those that Muon may move, and all others."""

    matrices: list[nn.Parameter]
    others: list[nn.Parameter]


def split_weights(model: nn.Module, *, besides: Sequence[nn.Module] = ()) -> Split:
    """Find the weights of linear and convolution layers, other than those inside `besides`."""
    left = {id(p) for module in besides for p in module.parameters()}
    hidden = [
        module.weight for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)
    ]
    matrices = {id(p): p for p in hidden if id(p) not in left}
    return Split(list(matrices.values()), [p for p in model.parameters() if id(p) not in matrices])


def muon_and_adamw(
    model: nn.Module,
    *,
    besides: Sequence[nn.Module] = (),
    muon: float = 3e-3,
    adamw: float = 2e-3,
) -> tuple[Muon, torch.optim.AdamW]:
    """Muon for the matrices inside, AdamW for `besides` and all that is no matrix; their rates."""
    weights = split_weights(model, besides=besides)
    return (
        Muon(weights.matrices, lr=muon),
        torch.optim.AdamW(weights.others, lr=adamw, betas=(0.9, 0.99), weight_decay=0.01),
    )
