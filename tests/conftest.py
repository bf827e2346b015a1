"""What several tests share: chance from a fixed seed, real handwriting, scene makers."""

import os

import pytest
import torch

from llmvis_course.data.digits import load_handwriting
from llmvis_course.data.glyphs import make_glyphs
from llmvis_course.data.scenes import SceneMaker
from llmvis_course.training.repro import make_rng


@pytest.fixture
def rng() -> torch.Generator:
    return make_rng(0)


@pytest.fixture(scope="session")
def maker() -> SceneMaker:
    """Scenes of training handwriting."""
    return SceneMaker(make_glyphs(load_handwriting()))


@pytest.fixture(scope="session")
def test_maker() -> SceneMaker:
    """Scenes of test handwriting, which trained nothing."""
    return SceneMaker(make_glyphs(load_handwriting(train=False)))


@pytest.fixture
def real_data() -> str:
    """The folder with MNIST's files; skips where there is none."""
    folder = os.environ.get("LLMVIS_DATA")
    if not folder:
        pytest.skip("LLMVIS_DATA does not name a folder with MNIST/raw")
    return folder
