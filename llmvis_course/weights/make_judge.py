"""Train the judge's classifier on real handwriting, seen as the judge will see it."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from ..data.digits import load_handwriting
from ..data.glyphs import affine_sample, make_glyphs
from ..data.scenes import SceneMaker
from ..evaluate.judge import Judge, crop, find_pieces, own_error
from ..models.cnn import CROP_SIZE, DigitClassifier
from ..training.checkpoint import save_tensors
from ..training.fit import fit, warm_cosine
from ..training.repro import AveragedModel, make_rng

STEPS = {"digits": 3000, "mnist": 6000}
BATCH, RATE = 128, 3e-3


class Crops(NamedTuple):
    """What the judge sees of single digits, and what they are."""

    picture: Float[Tensor, "n 20 20"]
    label: Int[Tensor, " n"]


def make_crops(source: str, n: int, *, rng: torch.Generator) -> Crops:
    """Render `n` scenes of one training digit and cut out what the judge would classify."""
    maker = SceneMaker(make_glyphs(load_handwriting(source)))
    found = []
    for _ in range(0, n, 1000):
        layout = maker.sample(1000, "one", rng=rng)
        pieces = find_pieces(maker.render(layout))
        found.append(Crops(crop(pieces), layout.digit[pieces.picture, 0]))
    return Crops(*(torch.cat(field) for field in zip(*found, strict=True)))


def distort(crops: Float[Tensor, "n 20 20"], rng: torch.Generator) -> Float[Tensor, "n 20 20"]:
    """Shift, stretch, lean, blur and roughen a little: no drawn digit is quite a written one."""

    def noise(scale: float) -> Tensor:
        return scale * (2 * torch.rand(len(crops), generator=rng) - 1)

    moved = affine_sample(
        crops, noise(0.1), noise(0.1), 1 + noise(0.15), 1 + noise(0.12), noise(0.15), CROP_SIZE
    )
    soft = F.avg_pool2d(moved[:, None], 3, stride=1, padding=1)[:, 0]
    part = torch.rand(len(crops), 1, 1, generator=rng) * 0.6
    rough = 0.06 * torch.randn(crops.shape, generator=rng)
    thick = 2.0 ** noise(0.6)[:, None, None]
    return (((1 - part) * moved + part * soft).clamp_min(0) ** thick + rough).clamp(0, 1)


def make_judge(source: str, path: Path, *, steps: int | None = None, seed: int = 0) -> None:
    """Train, measure on held-out handwriting, and write float16 weights with the record."""
    steps = steps or STEPS[source]
    torch.manual_seed(seed)  # the starting weights
    rng = make_rng(seed)
    crops = make_crops(source, 20_000 if source == "digits" else 60_000, rng=rng)
    classifier = DigitClassifier()
    average = AveragedModel(classifier, decay=0.998)
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=RATE, weight_decay=0.05)

    def batches() -> Iterator[Crops]:
        while True:
            index = torch.randint(len(crops.label), (BATCH,), generator=rng)
            yield Crops(distort(crops.picture[index], rng), crops.label[index])

    def loss(batch: Crops) -> Tensor:
        return F.cross_entropy(classifier(batch.picture), batch.label, label_smoothing=0.05)

    training = fit(loss, batches(), optimizer, steps=steps, schedule=warm_cosine)
    for _ in tqdm(training, total=steps, desc=path.stem, unit="step"):
        average.update(classifier)
    record = {"data": f"{source}, training split", "seed": seed, "steps": steps}
    shares = own_error(Judge(average.model), source=source, rng=make_rng(seed + 1))
    record["right on held-out handwriting"] = {k: round(v, 4) for k, v in shares.items()}
    weights = average.model.state_dict().items()
    save_tensors(path, {k: v.half() if v.is_floating_point() else v for k, v in weights}, record)
