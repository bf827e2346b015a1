import math

import pytest
import torch

from llmvis_course.layers.unet import Words
from llmvis_course.models.flow import (
    DARK,
    NAMING,
    SOONEST,
    TIME_MIDDLE,
    TIME_SPREAD,
    TextFlow,
    euler,
    heun,
    interpolate,
    linear_guess,
    time_steps,
)
from llmvis_course.training.fit import fit, warm_cosine
from llmvis_course.training.repro import AveragedModel, make_rng


def test_the_path_ends_at_data_and_at_noise(rng) -> None:
    x0, noise = torch.randn(2, 4, 3, generator=rng)
    for end, t in ((x0, 0.0), (noise, 1.0)):
        torch.testing.assert_close(interpolate(x0, noise, torch.full((4,), t)), end)
    quarter = interpolate(torch.tensor([[4.0]]), torch.tensor([[8.0]]), torch.tensor([0.25]))
    torch.testing.assert_close(quarter, torch.tensor([[5.0]]))


def test_the_velocity_is_the_derivative_of_the_path(rng) -> None:
    x0, noise = torch.randn(2, 4, 3, generator=rng, dtype=torch.float64)
    t = torch.rand(4, generator=rng, dtype=torch.float64)
    step = 1e-6
    slope = (interpolate(x0, noise, t + step) - interpolate(x0, noise, t - step)) / (2 * step)
    torch.testing.assert_close(slope, noise - x0, atol=1e-8, rtol=0)


def gaussian_velocity(mean: float, std: float):
    """The exact velocity between a Gaussian at time 0 and the standard normal at time 1."""

    def velocity(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return linear_guess(x, t, mean, std)[0]

    return velocity


def test_linear_guess_is_exact_for_a_gaussian() -> None:
    """It carries noise to the mean + std * noise, which is the only monotone map that can be."""
    noise = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    *_, last = heun(gaussian_velocity(-0.5, 0.2), noise, steps=400)
    torch.testing.assert_close(last.x, -0.5 + 0.2 * noise, atol=1e-4, rtol=0)


def test_what_the_linear_guess_leaves_has_the_promised_size(rng) -> None:
    n = 200_000
    x0 = -0.5 + 0.2 * torch.randn(n, 1, generator=rng, dtype=torch.float64)
    noise = torch.randn(n, 1, generator=rng, dtype=torch.float64)
    for time in (0.1, 0.5, 0.9):
        t = torch.full((n,), time, dtype=torch.float64)
        guess, error, scaled = linear_guess(interpolate(x0, noise, t), t, -0.5, 0.2)
        rest = noise - x0 - guess
        torch.testing.assert_close(
            rest.std() / error[0, 0], torch.ones(()).double(), atol=0.01, rtol=0
        )
        torch.testing.assert_close(scaled.std(), torch.ones(()).double(), atol=0.01, rtol=0)
        assert (rest * scaled).mean().abs() < 0.01 * error[0, 0] * 3  # nothing linear is left


def test_heun_beats_euler_at_equal_looks() -> None:
    noise = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    velocity, exact = gaussian_velocity(0.3, 0.4), 0.3 + 0.4 * noise
    *_, by_euler = euler(velocity, noise, steps=32)
    *_, by_heun = heun(velocity, noise, steps=16)
    assert (by_heun.x - exact).abs().max() < 0.5 * (by_euler.x - exact).abs().max()


def test_stops_lead_from_noise_to_data_with_smaller_steps_near_noise() -> None:
    assert time_steps(4) == [(1.0, 0.75), (0.75, 0.5), (0.5, 0.25), (0.25, 0.0)]
    shifted = time_steps(2, shift=2.0)
    assert shifted[0] == (1.0, pytest.approx(2 / 3))
    assert shifted[1] == (pytest.approx(2 / 3), 0.0)
    assert [a for a, _ in shifted[1:]] == [b for _, b in shifted[:-1]]


@pytest.mark.parametrize(("steps", "shift"), [(0, 1.0), (5, 0.0), (5, -1.0)])
def test_impossible_stops_are_refused(steps, shift) -> None:
    with pytest.raises(ValueError, match=f"found {steps} steps and shift {shift}; expected"):
        time_steps(steps, shift=shift)


def test_a_straight_path_needs_one_step(rng) -> None:
    x0, noise = torch.randn(2, 4, 3, generator=rng)
    (step,) = euler(lambda x, t: noise - x0, noise, steps=1)
    torch.testing.assert_close(step.x, x0)
    torch.testing.assert_close(step.x0, x0)
    assert step.t == 0


def tiny() -> tuple[TextFlow, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    model = TextFlow(10, channels=(16, 24), text_width=16, text_depth=1)
    ids = torch.tensor([[2, 5, 3], [2, 6, 3]])
    return model, ids, ids != 0


def test_guidance_by_its_definition(rng) -> None:
    model, ids, mask = tiny()
    for weight in model.unet.out.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    empty = torch.tensor([[2, 3, 0]] * 2)
    words = model.read(torch.cat([ids, empty]), torch.cat([mask, empty != 0]))
    told, nothing = Words(words[0][:2], words[1][:2]), Words(words[0][2:], words[1][2:])
    x, t = torch.randn(2, 3, 32, 32, generator=rng), torch.full((2,), 0.5)
    v_told, v_free = model(x, t, told), model(x, t, nothing)
    assert (v_told - v_free).abs().max() > 1e-3
    for w, expected in ((0.0, v_free), (1.0, v_told), (3.0, v_free + 3 * (v_told - v_free))):
        torch.testing.assert_close(model.guided(words, w)(x, t), expected, atol=1e-5, rtol=1e-4)
    other = torch.roll(ids, 1, dims=0)
    third = Words(*(torch.cat(two) for two in zip(words, model.read(other, mask), strict=True)))
    v_other = model(x, t, Words(third[0][4:], third[1][4:]))
    expected = v_free + 3 * (v_told - v_free) + 2 * (v_told - v_other)
    found = model.guided(third, 3.0, away=2.0)(x, t)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    looks = []
    model.guided(third, 3.0, looks, away=2.0)(x, t)
    assert all(len(weights) == 2 for weights in looks.pop())
    model.guided(words, 3.0, looks)(x, t)
    assert len(looks) == 1 and all(len(weights) == 2 for weights in looks[0])


def test_pictures_in_mind_are_in_range_at_any_time(rng) -> None:
    """Also at time 0, where nothing may be divided by it, and for weights of any size."""
    model, ids, mask = tiny()
    for weight in model.unet.out.parameters():
        torch.nn.init.normal_(weight, std=5.0)
    words, x = model.read(ids, mask), torch.randn(2, 3, 32, 32, generator=rng)
    for t in (1.0, 0.5, SOONEST):
        with torch.no_grad():
            in_mind = x - t * model(x, torch.full((2,), t), words)
        assert in_mind.abs().max() <= 1 + 1e-4
    assert model(x, torch.zeros(2), words).isfinite().all()


def test_a_fresh_network_has_black_paper_in_mind(rng) -> None:
    model, ids, mask = tiny()
    x, t = torch.randn(2, 3, 32, 32, generator=rng), torch.full((2,), 0.5)
    paper = torch.full_like(x, math.tanh(DARK))
    torch.testing.assert_close(x - 0.5 * model(x, t, model.read(ids, mask)), paper)


def test_its_loss_is_that_of_the_velocity(rng) -> None:
    model, ids, mask = tiny()
    x0, tell = torch.rand(2, 3, 32, 32, generator=rng), make_rng(1)
    found = model.loss(x0, ids, mask, rng=tell)
    again = make_rng(1)
    noise = torch.randn(x0.shape, generator=again)
    t = (torch.randn(2, generator=again) * TIME_SPREAD + TIME_MIDDLE).sigmoid()
    x = interpolate(x0, noise, t)
    _, error, _ = linear_guess(x, t, model.data_mean, model.data_std)
    off = model(x, t, model.read(ids, mask)) - (noise - x0)
    torch.testing.assert_close(found, (off / error).square().mean())


def test_a_summary_reaches_pixels_without_attention(rng) -> None:
    """With `summarise`, half the attention goes; other words still make another picture."""
    torch.manual_seed(0)
    model = TextFlow(10, channels=(16, 24), text_width=16, text_depth=1, summarise=True)
    for weight in model.unet.out.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    for block in (model.unet.before, model.unet.deep, model.unet.after):
        for layer in block.blocks:
            torch.nn.init.normal_(layer.conv_2.weight, std=0.1)
    _, ids, mask = tiny()
    x, t, looks = torch.randn(1, 3, 32, 32, generator=rng), torch.full((1,), 0.5), []
    words = model.read(ids, mask)
    one, two = (Words(v[None], m[None]) for v, m in zip(*words, strict=True))
    v = model(x, t, one, looks)
    assert [weights.shape[2] for weights in looks] == [16, 16]  # pixels of 4 x 4
    for reader in model.unet.deep.readers:  # deaf to single words
        torch.nn.init.zeros_(reader.words.output.weight)
    deaf = [model(x, t, words) for words in (one, two)]
    assert (deaf[0] - deaf[1]).abs().max() > 1e-3
    assert v.shape == x.shape


def test_it_learns_and_the_average_follows() -> None:
    """Two captions, two plain pictures: after a short training each caption draws its own."""
    model, ids, mask = tiny()
    x0 = torch.stack([torch.full((3, 32, 32), -0.9), torch.full((3, 32, 32), 0.5)])
    rng = make_rng(0)
    average = AveragedModel(model, decay=0.9)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    batch = (x0.repeat(4, 1, 1, 1), ids.repeat(4, 1), mask.repeat(4, 1))
    losses = []
    for at in fit(
        lambda b: model.loss(*b, rng=rng), [batch] * 80, optimizer, steps=80, schedule=warm_cosine
    ):
        average.update(model)
        losses.append(at.loss)
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])
    words = average.model.read(torch.cat([ids, ids]), torch.cat([mask, mask]))
    with torch.no_grad():
        *_, last = euler(
            average.model.guided(words, 1.0), torch.randn(2, 3, 32, 32, generator=rng), steps=10
        )
    assert last.x[1].mean() - last.x[0].mean() > 0.7


def test_decay_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="decay is 1.0; expected 0 <= decay < 1"):
        AveragedModel(torch.nn.Linear(1, 1), decay=1.0)


def test_naming_is_asked_only_of_cells_with_a_digit(rng) -> None:
    """Its loss falls to zero as the right name gains, and a picture without digits has none."""
    model = TextFlow(10, channels=(16, 24), text_width=16, text_depth=1)
    last = model.unet.names[-1]
    ids, mask = torch.tensor([[1, 2]]), torch.ones(1, 2, dtype=torch.bool)
    x0, digits = torch.zeros(1, 3, 32, 32), torch.full((1, 8, 8), -1)
    digits[0, 3, 4] = 7

    def naming(bias: float) -> float:
        torch.nn.init.zeros_(last.weight)
        last.bias.data = torch.zeros(10).index_fill(0, torch.tensor([7]), bias)
        with torch.no_grad():
            plain, named = (
                model.loss(x0, ids, mask, *more, rng=torch.Generator().manual_seed(0))
                for more in ((), (digits,))
            )
        return (named - plain).item() / NAMING

    assert naming(0.0) == pytest.approx(math.log(10), abs=1e-4)
    assert naming(30.0) == pytest.approx(0.0, abs=1e-4)
