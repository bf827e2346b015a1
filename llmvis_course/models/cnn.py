"""A small convolutional classifier of single digits: the judge's eye.

LeCun et al. 1998, "Gradient-based learning applied to document recognition", for the shape; batch
normalisation after Ioffe and Szegedy 2015, arXiv:1502.03167. Left out on purpose: residual paths.
"""

from jaxtyping import Float
from torch import Tensor, nn

CROP_SIZE = 20


class DigitClassifier(nn.Module):
    """Straightened grey crops to one score a digit."""

    def __init__(self, *, width: int = 32) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_convolution(1, width),
            *_convolution(width, width),
            nn.MaxPool2d(2),
            *_convolution(width, 2 * width),
            *_convolution(2 * width, 2 * width),
            nn.MaxPool2d(2),
            *_convolution(2 * width, 2 * width),
        )
        self.scores = nn.Sequential(nn.Flatten(), nn.Linear(2 * width * (CROP_SIZE // 4) ** 2, 10))

    def forward(self, crops: Float[Tensor, "b 20 20"]) -> Float[Tensor, "b 10"]:
        """Scores before the softmax, for crops in [0, 1]."""
        return self.scores(self.features(crops[:, None] * 2 - 1))


def _convolution(c_in: int, c_out: int) -> list[nn.Module]:
    conv = nn.Conv2d(c_in, c_out, 3, padding=1, bias=False)
    return [conv, nn.BatchNorm2d(c_out), nn.ReLU()]
