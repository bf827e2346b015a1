"""Make any picture fit for a network: one size, and less noise.

Both steps are a library's: `scipy.ndimage` for the median (Tukey 1977), torchvision for the size.
"""

import torch
from jaxtyping import Float
from scipy.ndimage import median_filter
from torch import Tensor
from torchvision.transforms.functional import resize

from .world import IMAGE_SIZE


def prepare(
    pictures: Float[Tensor, "b 3 h w"], *, denoise: int = 3, size: int = IMAGE_SIZE
) -> Float[Tensor, "b 3 size size"]:
    """Replace each pixel by the median of its `denoise` x `denoise` neighbours, then resize.

    A median removes single wrong pixels, and leaves edges where they are; `denoise=1` leaves all as
    it is. Pictures are in [-1, 1] before and after. Raises ValueError for an even `denoise`, which
    has no middle pixel, or pictures out of range.
    """
    if denoise < 1 or denoise % 2 == 0:
        raise ValueError(f"denoise is {denoise}; expected an odd number of pixels, such as 3")
    low, high = pictures.min().item(), pictures.max().item()
    if low < -1.001 or high > 1.001:
        raise ValueError(f"found pixels from {low:.2f} to {high:.2f}; expected -1 to 1")
    if denoise > 1:
        around = (1, 1, denoise, denoise)
        pictures = torch.from_numpy(median_filter(pictures.numpy(), size=around)).to(pictures)
    if pictures.shape[-2:] != (size, size):
        pictures = resize(pictures, [size, size], antialias=True)
    return pictures.clamp(-1, 1)
