r"""Many drawings of single digits: what they show, how many kinds, and how far from real ones.

The distance is that of Heusel et al. 2017, arXiv:1706.08500 (there with features of a network for
photographs). Left out on purpose: any single number for good *and* varied.
"""

from collections import Counter
from collections.abc import Hashable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..data.glyphs import GLYPH_SIZE
from ..data.world import IMAGE_SIZE
from .judge import Judge


def read_digits(judge: Judge, pictures: Float[Tensor, "b 1 h w"]) -> list[int | None]:
    """The digit that the judge tells in each grey picture; None where it tells none, or several.

    Pictures are brought to the size of a glyph and framed, white on black, as in a scene.
    """
    grey = F.interpolate(pictures, size=GLYPH_SIZE, mode="bicubic", align_corners=False)
    frame = (IMAGE_SIZE - GLYPH_SIZE) // 2
    scenes = F.pad(grey.clamp(-1, 1), [frame] * 4, value=-1).expand(-1, 3, -1, -1)
    return [seen.things[0].digit if len(seen.things) == 1 else None for seen in judge.look(scenes)]


def kinds(told: Sequence[Hashable | None], *, least: float = 0.02) -> list[Hashable]:
    """What at least a share `least` of all answers say, in order; None is no kind.

    Raises ValueError without answers, or for a share outside (0, 1].
    """
    if not told or not 0 < least <= 1:
        raise ValueError(f"found {len(told)} answers and a share of {least}; expected some, (0, 1]")
    counts = Counter(answer for answer in told if answer is not None)
    return sorted(answer for answer, n in counts.items() if n >= least * len(told))


def frechet_distance(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> float:
    r"""$\lVert\mu_a - \mu_b\rVert^2 + \mathrm{tr}(C_a + C_b - 2(C_a C_b)^{1/2})$ of two sets.

    The squared 2-Wasserstein distance of two Gaussians with their means and covariances; 0 for the
    same set. It falls with the number of pictures: compare equally many, and print beside it what
    real pictures have from other real ones. Raises ValueError for fewer than two pictures.
    """
    if min(len(a), len(b)) < 2:
        raise ValueError(f"found {len(a)} and {len(b)} pictures; expected at least 2 each")
    a, b = a.double(), b.double()
    shift = (a.mean(dim=0) - b.mean(dim=0)).square().sum()
    cov_a, cov_b = (torch.cov(x.T).reshape(x.shape[1], -1) for x in (a, b))
    # the product of two covariances has real eigenvalues of at least 0, whatever rounding says
    root = torch.linalg.eigvals(cov_a @ cov_b).real.clamp_min(0).sqrt().sum()
    return (shift + cov_a.trace() + cov_b.trace() - 2 * root).item()
