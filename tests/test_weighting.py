import pytest
import torch

from llmvis_course.training.weighting import (
    FixedWeights,
    GradNormWeights,
    LastLayerWeights,
    UncertaintyWeights,
    gradient_norm,
)

STIFF = {"slow": 1.0, "fast": 4.0}


def toy() -> tuple[torch.Tensor, callable]:
    """Two tasks on weights (1, 1): half of 1 and of 4 times the square of a weight of its own."""
    w = torch.ones(2, dtype=torch.float64, requires_grad=True)

    def losses() -> dict[str, torch.Tensor]:
        return {name: 0.5 * k * w[i] ** 2 for i, (name, k) in enumerate(STIFF.items())}

    return w, losses


def test_fixed_weights_by_hand() -> None:
    _, losses = toy()
    assert FixedWeights({"slow": 2.0, "fast": 0.25})(losses()).item() == 2 * 0.5 + 0.25 * 2


def test_gradient_norm_by_hand_and_of_what_does_not_depend() -> None:
    w, losses = toy()
    assert gradient_norm(losses()["fast"], w) == 4.0
    other = torch.ones(2, requires_grad=True)
    assert gradient_norm(losses()["fast"] + 0 * other.sum(), torch.ones(1, requires_grad=True)) == 0


def test_uncertainty_reaches_the_variance_that_its_docstring_derives() -> None:
    weighting = UncertaintyWeights(["a", "b"])
    optimizer = torch.optim.Adam(weighting.parameters(), lr=0.05)
    losses = {"a": torch.tensor(0.3), "b": torch.tensor(5.0)}
    assert weighting(losses).item() == pytest.approx(0.5 * 5.3)  # before: sigma is 1
    for _ in range(600):
        optimizer.zero_grad()
        weighting(losses).backward()
        optimizer.step()
    assert weighting.log_var["a"].exp().item() == pytest.approx(0.3, rel=1e-3)
    assert weighting.log_var["b"].exp().item() == pytest.approx(5.0, rel=1e-3)
    assert weighting.weights["a"] == pytest.approx(0.5 / 0.3, rel=1e-3)


def test_gradnorm_lets_stiff_and_slack_tasks_learn_equally_fast() -> None:
    """Under descent a loss k w^2 / 2 falls at rate 2 k times its weight: equal for 1.6 and 0.4."""
    w, losses = toy()
    weighting = GradNormWeights(list(STIFF), w, alpha=1.5, rate=0.01)
    for _ in range(400):
        (slope,) = torch.autograd.grad(weighting(losses()), w)
        with torch.no_grad():
            w -= 0.005 * slope
    assert weighting.weights["slow"] == pytest.approx(1.6, abs=0.08)
    assert sum(weighting.weights.values()) == pytest.approx(2)
    left = [losses()[name].item() / (0.5 * k) for name, k in STIFF.items()]
    assert left[0] == pytest.approx(left[1], rel=0.15)
    plain, plain_losses = toy()  # without: the stiff one is done long before
    for _ in range(400):
        (slope,) = torch.autograd.grad(sum(plain_losses().values()), plain)
        with torch.no_grad():
            plain -= 0.005 * slope
    left = [plain_losses()[name].item() / (0.5 * k) for name, k in STIFF.items()]
    assert left[1] < 0.01 * left[0]


@pytest.mark.parametrize("unit", [1.0, 1000.0])
def test_gradnorm_reaches_its_answer_in_any_unit(unit) -> None:
    """On k w^2 / 2 from one start, equal pulls mean weights like 1 / k, for any k."""
    stiff, w = torch.tensor([1.0, 1000.0]), torch.ones(2, requires_grad=True)
    weighting = GradNormWeights(["slow", "fast"], w, alpha=1.0, rate=0.02)
    for _ in range(500):  # the weights of the network stand still
        weighting(dict(zip(("slow", "fast"), unit * 0.5 * stiff * w**2, strict=True)))
    assert weighting.weights["slow"] / weighting.weights["fast"] == pytest.approx(1000, rel=0.05)


def test_gradnorm_gives_more_to_what_lags_behind() -> None:
    """Equal pulls, ratios 1 and 1/4: targets are (1.6, 0.4) to the power alpha of the mean pull."""
    for alpha, expected in ((0.0, 1.0), (1.0, 4.0)):
        w = torch.ones(2, requires_grad=True)
        weighting = GradNormWeights(["lags", "leads"], w, alpha=alpha, rate=0.01)
        weighting({"lags": 1 + w[0] - 1, "leads": 1 + w[1] - 1})
        for _ in range(300):
            weighting({"lags": 1 + w[0] - 1, "leads": 0.25 + w[1] - 1})
        ratio = weighting.weights["lags"] / weighting.weights["leads"]
        assert ratio == pytest.approx(expected, rel=0.05)


def test_gradnorm_rests_where_nothing_pulls() -> None:
    w = torch.ones(2, requires_grad=True)
    weighting = GradNormWeights(["a", "b"], w)
    weighting({"a": 0 * w.sum(), "b": 0 * w.sum()})
    assert weighting.weights == {"a": 1.0, "b": 1.0}


def test_a_negative_loss_is_refused() -> None:
    w = torch.ones(1, requires_grad=True)
    for weighting in (UncertaintyWeights(["a"]), GradNormWeights(["a"], w)):
        with pytest.raises(ValueError, match="loss a is -1; expected 0 or more"):
            weighting({"a": -w.sum()})
        with pytest.raises(ValueError, match="loss a is nan; expected 0 or more"):
            weighting({"a": w.sum() * float("nan")})


def test_what_uncertainty_leaves_to_descend_on_is_the_sum_of_logarithms() -> None:
    """With s at its best, the slope by what is shared is that of half the sum of log L."""
    w = torch.tensor([0.7, 0.2], dtype=torch.float64, requires_grad=True)
    losses = {"a": 3 * w.square().sum(), "b": 0.1 * (w - 1).square().sum()}
    weighting = UncertaintyWeights(["a", "b"]).double()
    with torch.no_grad():
        for name, s in weighting.log_var.items():
            s.copy_(losses[name].log())
    (found,) = torch.autograd.grad(weighting(losses), w, retain_graph=True)
    (expected,) = torch.autograd.grad(0.5 * sum(loss.log() for loss in losses.values()), w)
    torch.testing.assert_close(found, expected)


def test_the_last_layer_is_pulled_equally_hard_by_both() -> None:
    last = torch.tensor([1.0, 2.0], requires_grad=True)
    losses = {"content": last.square().sum(), "realism": 0.01 * last.sum()}
    weighting = LastLayerWeights("content", "realism", last, factor=0.5)
    total = weighting(losses)
    pulls = {name: gradient_norm(loss, last) for name, loss in losses.items()}
    assert weighting.weights["realism"] * pulls["realism"] == pytest.approx(
        0.5 * pulls["content"], rel=1e-3
    )
    (found,) = torch.autograd.grad(total, last)
    by_hand = 2 * last.detach() + weighting.weights["realism"] * 0.01  # the weight is a constant
    torch.testing.assert_close(found, by_hand)
    nothing = {"content": last.square().sum(), "realism": 0 * last.sum()}
    weighting(nothing)
    assert weighting.weights["realism"] == 0.5 * 1e4  # the limit


def test_it_refuses() -> None:
    w, losses = toy()
    for weighting in (
        FixedWeights({"slow": 1.0}),
        UncertaintyWeights(["slow"]),
        GradNormWeights(["slow"], w),
        LastLayerWeights("slow", "other", w),
    ):
        with pytest.raises(ValueError, match="found losses fast, slow; expected"):
            weighting(losses())
    with pytest.raises(ValueError, match="rate is 0.0; expected a positive"):
        GradNormWeights(["slow"], w, rate=0.0)
