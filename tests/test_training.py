import pytest
import torch
from torch import nn

from llmvis_course.training.checkpoint import (
    load_tensors,
    load_weights,
    restore_training_state,
    save_tensors,
    training_state,
)
from llmvis_course.training.fit import fit, warm_cosine
from llmvis_course.training.precision import bfloat16, bfloat16_is_faster, bfloat16_pays
from llmvis_course.training.repro import AveragedModel, make_rng, pick_device
from llmvis_course.weights.make_drawer import make_drawer, make_tokenizer, train_drawer


def test_nothing_happens_until_fit_is_iterated() -> None:
    model = nn.Linear(1, 1)
    before = model.weight.clone()
    training = fit(lambda b: model(b).sum(), [torch.ones(1, 1)] * 3, sgd(model), steps=3)
    torch.testing.assert_close(model.weight, before)
    assert [at.step for at in training] == [1, 2, 3]
    assert not torch.equal(model.weight, before)


def sgd(model: nn.Module, rate: float = 0.1) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=rate)


def test_one_step_by_hand() -> None:
    """Loss w^2 at w = 3, rate 0.1: the gradient 6 is clipped to 1, and w becomes 2.9."""
    weight = nn.Parameter(torch.tensor(3.0))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    (at,) = fit(lambda _: weight**2, [None], optimizer, steps=1)
    assert (at.loss, at.gradient) == (9.0, 6.0)
    torch.testing.assert_close(weight.detach(), torch.tensor(2.9), atol=1e-4, rtol=0)


def test_schedule_goes_up_and_down() -> None:
    rates = [warm_cosine(done / 100) for done in range(101)]
    assert rates[0] < 0.01 and max(rates) == 1.0 and rates[2] == 1.0
    assert rates[-1] == pytest.approx(0.02) and rates[2:] == sorted(rates[2:], reverse=True)


def test_average_by_hand() -> None:
    """The first update uses beta = 2/11: from 0 towards 11 by 9/11 gives 9."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = AveragedModel(model)
    nn.init.constant_(model.weight, 11.0)
    average.update(model)
    torch.testing.assert_close(average.model.weight, torch.tensor([[9.0]]))


def train(steps: int, folder, stop_at: int | None = None) -> tuple[nn.Module, list[float]]:
    """A tiny training that can be interrupted, and goes on from its checkpoint."""
    torch.manual_seed(0)
    model, rng = nn.Linear(3, 1), make_rng(5)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    path, start, losses = folder / "state.safetensors", 0, []
    if path.exists():
        state, record = load_tensors(path)
        restore_training_state(state, {"model": model}, [optimizer], rng)
        start = record["done"]

    def batches():
        while True:
            yield torch.randn(8, 3, generator=rng)

    for at in fit(
        lambda x: (model(x) - x.sum(dim=1, keepdim=True)).square().mean(),
        batches(), optimizer, steps=steps, start=start, schedule=warm_cosine,
    ):  # fmt: skip
        losses.append(at.loss)
        save_tensors(path, training_state({"model": model}, [optimizer], rng), {"done": at.step})
        if at.step == stop_at:
            break
    return model, losses


def test_an_interrupted_training_goes_on_to_the_same_result(tmp_path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "cut").mkdir()
    whole, losses = train(20, tmp_path / "whole")
    _, first = train(20, tmp_path / "cut", stop_at=7)
    cut, second = train(20, tmp_path / "cut")
    assert first + second == losses
    torch.testing.assert_close(cut.weight, whole.weight, rtol=0, atol=0)
    assert losses[-1] < 0.5 * losses[0]


def test_damaged_and_foreign_files_are_named(tmp_path) -> None:
    path = tmp_path / "weights.safetensors"
    with pytest.raises(ValueError, match="weights.safetensors is not a readable safetensors file"):
        load_tensors(path)
    save_tensors(path, nn.Linear(2, 3).state_dict(), {"seed": 1})
    assert load_weights(nn.Linear(2, 3), path) == {"seed": 1}
    with pytest.raises(ValueError, match=r"weight: \(3, 2\), expected \(3, 5\)"):
        load_weights(nn.Linear(5, 3), path)
    with pytest.raises(ValueError, match="does not fit this model: bias"):
        load_weights(nn.Linear(2, 3, bias=False), path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ValueError, match="not a readable safetensors file"):
        load_tensors(path)
    assert not list(tmp_path.glob("*.unfinished"))


def test_bfloat16_is_only_on_inside_its_context() -> None:
    layer, x = nn.Linear(4, 4), torch.ones(1, 4)
    with bfloat16(True):
        assert layer(x).dtype == torch.bfloat16
    with bfloat16(False):
        assert layer(x).dtype == torch.float32
    assert bfloat16_is_faster(lambda: layer(x), repeats=1) in (True, False)
    assert pick_device().type in ("cpu", "cuda", "mps")


def test_a_trial_of_bfloat16_tries_both_and_leaves_chance_as_it_was(rng) -> None:
    """What is timed is computed in both, and the next batch is the one that would have come."""
    layer, tried = torch.nn.Linear(4, 4), set()

    def loss(batch: torch.Tensor) -> torch.Tensor:
        made = layer(batch)
        tried.add(made.dtype)
        return made.square().mean()

    batches = iter(lambda: torch.randn(3, 4, generator=rng), None)
    before = rng.get_state()
    bfloat16_pays(loss, batches, rng)
    assert torch.equal(rng.get_state(), before)
    assert tried >= {torch.float32, torch.bfloat16}


def test_the_shipped_drawer_can_be_remade_and_resumed(tmp_path) -> None:
    """Two steps at a stroke, and one step twice, write the same weights."""
    from llmvis_course.data.tokens import load_tokenizer

    make_tokenizer(tmp_path / "tokenizer.json")
    tokenizer = load_tokenizer(tmp_path / "tokenizer.json")
    options = {"batch": 4, "half": False, "checkpoint_every": 1, "reading_steps": 2}
    make_drawer(
        tmp_path / "a.safetensors", tokenizer, steps=2, checkpoint=tmp_path / "a", **options
    )
    for _ in train_drawer(
        tmp_path / "b.safetensors", tokenizer, steps=2, checkpoint=tmp_path / "b", **options
    ):
        break  # killed after the first step
    make_drawer(
        tmp_path / "b.safetensors", tokenizer, steps=2, checkpoint=tmp_path / "b", **options
    )
    (first, record), (second, _) = (load_tensors(tmp_path / f"{n}.safetensors") for n in "ab")
    assert record["steps"] == record["done"] == 2
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    with pytest.raises(ValueError, match="is of another run"):
        make_drawer(
            tmp_path / "b.safetensors", tokenizer, steps=3, checkpoint=tmp_path / "b", **options
        )


def test_a_smaller_drawer_is_trained_on_other_scenes_at_another_rate(tmp_path) -> None:
    """One digit a picture, no lesson in reading before, and the rates are in the record."""
    from llmvis_course.data.tokens import load_tokenizer
    from llmvis_course.models.flow import TextFlow
    from llmvis_course.training.checkpoint import load_weights
    from llmvis_course.weights import TOKENIZER

    def small(vocabulary: int) -> TextFlow:
        return TextFlow(vocabulary, channels=(8, 8), text_width=8, text_depth=1)

    tokenizer, path, rates = load_tokenizer(TOKENIZER), tmp_path / "a.safetensors", {"muon": 0.02}
    options = {"steps": 1, "batch": 2, "half": False, "checkpoint": tmp_path / "a"}
    options |= {"new_model": small, "shares": {}, "reading_steps": 0, "rates": rates}
    for _ in train_drawer(path, tokenizer, **options):
        pass
    record = load_weights(small(tokenizer.get_vocab_size()), path)
    assert record["rates"] == rates and record["done"] == 1
    with pytest.raises(ValueError, match="is of another run"):
        next(train_drawer(path, tokenizer, **(options | {"rates": {"muon": 0.01}})))
