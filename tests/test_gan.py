import math

import pytest
import torch
from torch import nn
from torch.distributions import MixtureSameFamily, Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import cross_entropy, interpolate
from torch.nn.utils.parametrizations import spectral_norm

from llmvis_course.data.digits import load_handwriting
from llmvis_course.models.game import (
    Hinge,
    Minimax,
    NonSaturating,
    Relativistic,
    game_value,
    jensen_shannon,
    optimal_discriminator,
    r1,
)
from llmvis_course.models.gan import GAN, Discriminator, Generator
from llmvis_course.training.play import Player, Turn, move, play
from llmvis_course.training.repro import make_rng

GAMES = [Minimax(), NonSaturating(), Hinge(), Relativistic()]
LOG4 = math.log(4)


def small_gan(game, **options) -> GAN:
    torch.manual_seed(0)
    networks = Generator(6, size=8, width=4), Discriminator(size=8, width=4, features=8)
    return GAN(*networks, game, code=6, **options)


def players(gan: GAN, rng: torch.Generator, lr: float = 1e-2) -> tuple[Player, Player]:
    return (
        Player(
            lambda x: gan.discriminator_loss(x, rng=rng),
            torch.optim.Adam(gan.discriminator.parameters(), lr=lr),
        ),
        Player(
            lambda x: gan.generator_loss(x, rng=rng),
            torch.optim.Adam(gan.generator.parameters(), lr=lr),
        ),
    )


@pytest.fixture
def logits(rng) -> tuple[torch.Tensor, torch.Tensor]:
    real, drawn = 3 * torch.randn(2, 9, generator=rng, dtype=torch.float64)
    return real.requires_grad_(), drawn.requires_grad_()


def test_the_losses_are_the_cross_entropy_of_telling_real_from_drawn(logits) -> None:
    real, drawn = logits
    ones, zeros = torch.ones_like(real), torch.zeros_like(real)
    expected = {
        "discriminator": bce(real, ones) + bce(drawn, zeros),
        "minimax": -bce(drawn, zeros),
        "non-saturating": bce(drawn, ones),
    }
    found = {
        "discriminator": Minimax().discriminator(real, drawn),
        "minimax": Minimax().generator(None, drawn),
        "non-saturating": NonSaturating().generator(None, drawn),
    }
    for name, loss in expected.items():
        torch.testing.assert_close(found[name], loss)
        slopes = [torch.autograd.grad(each, drawn)[0] for each in (found[name], loss)]
        torch.testing.assert_close(*slopes)


def test_the_other_games_by_hand() -> None:
    real, drawn = torch.tensor([2.0, 0.0]), torch.tensor([-1.0, 1.0])
    assert Hinge().discriminator(real, drawn).item() == (0 + 1) / 2 + (0 + 2) / 2
    assert Hinge().generator(None, drawn).item() == 0
    pairs = [math.log1p(math.exp(gap)) for gap in (-3, 1)]  # drawn less real
    assert Relativistic().discriminator(real, drawn).item() == pytest.approx(sum(pairs) / 2)
    back = [math.log1p(math.exp(gap)) for gap in (3, -1)]
    assert Relativistic().generator(real, drawn).item() == pytest.approx(sum(back) / 2)
    same = [Relativistic().generator(real + 5, drawn + 5), Relativistic().generator(real, drawn)]
    torch.testing.assert_close(*same)  # only the difference counts


def test_minimax_saturates_where_the_other_pulls() -> None:
    poor = torch.tensor([-8.0], requires_grad=True)
    slopes = [
        torch.autograd.grad(g.generator(None, poor), poor)[0].item()
        for g in (Minimax(), NonSaturating())
    ]
    assert -0.001 < slopes[0] < 0 and slopes[1] < -0.99


def test_undecided_the_value_is_minus_log_4(rng) -> None:
    half = torch.zeros(5)
    assert Minimax().discriminator(half, half).item() == pytest.approx(LOG4)
    p = torch.rand(30, generator=rng)
    p = p / p.sum() / 0.1
    assert game_value(torch.full((30,), 0.5), p, p, cell=0.1).item() == pytest.approx(-LOG4)


def two_densities() -> tuple[MixtureSameFamily, Normal, torch.Tensor, float]:
    parts = Normal(torch.tensor([-1.5, 1.5]), torch.tensor([0.5, 0.7]))
    p = MixtureSameFamily(torch.distributions.Categorical(torch.tensor([0.3, 0.7])), parts)
    return p, Normal(0.3, 1.0), torch.linspace(-8, 8, 1601), 0.01


def test_the_divergence_against_torch_and_monte_carlo() -> None:
    a, b, x, cell = Normal(0.0, 1.0), Normal(1.0, 0.6), torch.linspace(-9, 9, 3601), 0.005
    p, q = a.log_prob(x).exp(), b.log_prob(x).exp()
    kl = (torch.xlogy(p, p) - torch.xlogy(p, q.clamp_min(1e-38))).sum() * cell
    torch.testing.assert_close(kl, kl_divergence(a, b), rtol=1e-3, atol=1e-3)  # the grid is fine
    torch.manual_seed(0)
    m = MixtureSameFamily(
        torch.distributions.Categorical(torch.ones(2)),
        Normal(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.6])),
    )
    halves = [
        (f.log_prob(s) - m.log_prob(s)).mean() for f in (a, b) for s in [f.sample((200_000,))]
    ]
    torch.testing.assert_close(
        jensen_shannon(p, q, cell=cell), sum(halves) / 2, rtol=0.02, atol=1e-3
    )


def test_the_divergence_at_its_ends() -> None:
    p = torch.tensor([1.0, 0.0])
    assert jensen_shannon(p, p, cell=1.0).item() == 0
    assert jensen_shannon(p, p.flip(0), cell=1.0).item() == pytest.approx(math.log(2))
    torch.testing.assert_close(optimal_discriminator(torch.zeros(1), torch.zeros(1)),
                               torch.tensor([0.5]))  # fmt: skip


def test_rounding_does_not_make_the_value_infinite() -> None:
    p, q = torch.tensor([1.0, 1e-30]), torch.tensor([1e-30, 1.0])
    best = optimal_discriminator(p, q)
    assert best.tolist()[0] == 1  # rounded
    assert game_value(best, p, q, cell=1.0).item() == pytest.approx(0, abs=1e-6)


def test_no_answer_is_better_than_the_optimal_one(rng) -> None:
    p, q, x, cell = two_densities()
    p, q = p.log_prob(x).exp(), q.log_prob(x).exp()
    best = optimal_discriminator(p, q)
    value = game_value(best, p, q, cell=cell)
    torch.testing.assert_close(value, 2 * jensen_shannon(p, q, cell=cell) - LOG4)
    for _ in range(20):
        other = (best + 0.1 * torch.randn(len(x), generator=rng)).clamp(0.001, 0.999)
        assert game_value(other, p, q, cell=cell) < value


def test_a_trained_discriminator_finds_the_optimal_one(rng) -> None:
    p, q, x, cell = two_densities()
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)

    def loss(batch):
        return Minimax().discriminator(*(net(part[:, None])[:, 0] for part in batch))

    for k in range(600):
        optimizer.param_groups[0]["lr"] = 5e-3 * (1 - k / 600)
        move(Player(loss, optimizer), (p.sample((1024,)), q.sample((1024,))))
    dp, dq = p.log_prob(x).exp(), q.log_prob(x).exp()
    found = net(x[:, None])[:, 0].sigmoid().detach()
    far = ((found - optimal_discriminator(dp, dq)).abs() * (dp + dq) / 2).sum() * cell
    assert far < 0.02  # mean over the data
    expected = 2 * jensen_shannon(dp, dq, cell=cell) - LOG4
    torch.testing.assert_close(game_value(found, dp, dq, cell=cell), expected, rtol=0, atol=0.01)


@pytest.mark.parametrize("game", GAMES, ids=lambda game: type(game).__name__)
def test_a_move_leaves_the_other_player_as_it_was(game, rng) -> None:
    gan = small_gan(game, penalty=1.0)
    x = 2 * torch.rand(5, 1, 8, 8, generator=rng) - 1
    both = dict(zip(("discriminator", "generator"), players(gan, rng), strict=True))
    for name, other in (("discriminator", "generator"), ("generator", "discriminator")):
        still = list(getattr(gan, other).parameters())
        moving = list(getattr(gan, name).parameters())
        for p in still:
            p.grad = torch.full_like(p, 7.0)
        before = [p.clone() for p in still], [p.clone() for p in moving]
        move(both[name], x)
        assert all((p.grad == 7).all() for p in still)
        torch.testing.assert_close(before[0], still)
        stuck = sum(torch.equal(a, b) for a, b in zip(before[1], moving, strict=True))
        assert stuck == (name == "discriminator" and game.compares)  # a bias cancels there


def test_play_takes_turns(rng) -> None:
    seen = []
    weights = [nn.Parameter(torch.ones(1)) for _ in range(2)]
    sides = [
        Player(
            lambda batch, name=name, w=w: (seen.append((name, batch)), w.sum())[1],
            torch.optim.SGD([w], lr=0.1),
        )
        for name, w in zip("DG", weights, strict=True)
    ]
    told = list(play(*sides, range(10), steps=2, moves=2, schedule=lambda done: 1 - done))
    assert seen == [("D", 0), ("D", 1), ("G", 1), ("D", 2), ("D", 3), ("G", 3)]
    assert [t.step for t in told] == [1, 2] and isinstance(told[0], Turn)
    torch.testing.assert_close(weights[0].item(), 1 - 2 * 0.1 - 2 * 0.05)  # the rate halves
    torch.testing.assert_close(weights[1].item(), 1 - 0.1 - 0.05)
    assert len(list(play(*sides, range(3), steps=9))) == 3  # no more batches
    assert [t.step for t in play(*sides, range(9), steps=5, start=3)] == [4, 5]


def test_r1_by_hand(rng) -> None:
    """The slope of 3 x_1 + x_2^2 at (1, 2) is (3, 4): half of 25."""
    x = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    penalty = r1(lambda x: 3 * x[:, 0] + x[:, 1] ** 2, x)
    assert penalty.item() == (12.5 + 4.5) / 2
    linear = nn.Linear(4, 1)
    r1(lambda x: linear(x)[:, 0], torch.randn(3, 4, generator=rng)).backward()
    torch.testing.assert_close(linear.weight.grad, linear.weight)  # the slope is the weight
    assert linear.bias.grad is None


def test_the_penalty_counts_as_much_as_it_is_told(rng) -> None:
    x = 2 * torch.rand(6, 1, 8, 8, generator=rng) - 1
    plain = small_gan(NonSaturating()).discriminator_loss(x, rng=make_rng(3))
    for penalty, few in ((2.0, None), (5.0, 3)):
        gan = small_gan(NonSaturating(), penalty=penalty, penalised=few)
        found = gan.discriminator_loss(x, rng=make_rng(3))
        torch.testing.assert_close(found, plain + penalty * r1(gan.discriminator, x[:few]))
        assert found > plain


def test_content_is_asked_of_the_drawings_and_moves_only_the_generator(rng) -> None:
    x, label = 2 * torch.rand(6, 1, 8, 8, generator=rng) - 1, torch.arange(6)
    reader = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    gan = conditional(NonSaturating())
    gan.eval()  # batch normalisation would count the batches
    plain = gan.generator_loss(x, label, rng=make_rng(3))
    gan.content = lambda drawn, label: 0.5 * cross_entropy(reader(drawn), label)
    found = gan.generator_loss(x, label, rng=make_rng(3))
    drawn = gan.draw(6, label, rng=make_rng(3))
    torch.testing.assert_close(found, plain + 0.5 * cross_entropy(reader(drawn), label))
    optimizer = torch.optim.SGD(gan.generator.parameters(), lr=0.1)
    move(Player(lambda x: gan.generator_loss(x, label, rng=rng), optimizer), x)
    assert all(p.grad is None for p in reader.parameters())
    gan.content = lambda drawn, label: drawn.sum()
    unsaid = gan.discriminator_loss(x, label, rng=make_rng(3))
    gan.content = None
    torch.testing.assert_close(unsaid, gan.discriminator_loss(x, label, rng=make_rng(3)))


def test_spectral_norm_keeps_layers_from_stretching() -> None:
    torch.manual_seed(0)
    critic = Discriminator(size=8, width=4, features=8, wrap=spectral_norm)
    for _ in range(50):  # each forward pass improves the estimate
        critic(torch.zeros(1, 1, 8, 8))
    layers = [m for m in critic.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == 4
    for layer in layers:
        longest = torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item()
        assert longest == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("size, channels", [(28, 1), (32, 3)])
def test_shapes_and_chance(size, channels) -> None:
    torch.manual_seed(0)
    options = {"size": size, "channels": channels, "width": 8}
    gan = GAN(Generator(5, **options), Discriminator(**options), Hinge(), code=5)
    drawn = gan.sample(4, rng=make_rng(1))
    assert gan.generator.training  # as it was
    assert drawn.shape == (4, channels, size, size) and drawn.abs().max() <= 1
    torch.testing.assert_close(drawn, gan.sample(4, rng=make_rng(1)))
    assert not torch.equal(drawn, gan.sample(4, rng=make_rng(2)))
    z = torch.randn(4, 5, generator=make_rng(1))
    torch.testing.assert_close(drawn[:1], gan.generator.eval()(z[:1]))  # each by itself
    assert gan.discriminator(drawn).shape == (4,)


def conditional(game, size: int = 8) -> GAN:
    torch.manual_seed(0)
    generator = Generator(6, size=size, width=8, embed=nn.Embedding(10, 5), said=5)
    critic = Discriminator(size=size, width=8, features=16, embed=nn.Embedding(10, 16))
    return GAN(generator, critic, game, code=6, penalty=0.1)


def test_the_condition_reaches_both_players(rng) -> None:
    gan = conditional(Relativistic())
    labels = torch.tensor([3, 3, 4])
    z = torch.randn(1, 6, generator=rng).expand(3, -1)
    drawn = gan.generator.eval()(z, labels)
    torch.testing.assert_close(drawn[0], drawn[1])
    assert not torch.equal(drawn[1], drawn[2])
    score = gan.discriminator(drawn[:1].expand(3, -1, -1, -1), labels)
    torch.testing.assert_close(score[0], score[1])
    assert score[1] != score[2]
    gan.discriminator.embed.weight.data.zero_()
    blind = gan.discriminator(drawn[:1].expand(3, -1, -1, -1), labels)
    torch.testing.assert_close(blind[1], blind[2])


def test_it_learns_to_draw_what_is_asked() -> None:
    """White for 1, black for 0: a toy that is wrong half the time by chance."""
    gan = conditional(NonSaturating())
    rng = make_rng(0)
    optimizers = [
        torch.optim.Adam(part.parameters(), lr=2e-3, betas=(0.5, 0.99))
        for part in (gan.discriminator, gan.generator)
    ]
    losses = (gan.discriminator_loss, gan.generator_loss)
    sides = [
        Player(lambda batch, loss=loss: loss(*batch, rng=rng), optimizer)
        for loss, optimizer in zip(losses, optimizers, strict=True)
    ]

    def batches():
        while True:
            label = torch.randint(2, (16,), generator=rng)
            yield (2.0 * label - 1)[:, None, None, None].expand(-1, 1, 8, 8) * 0.8, label

    for _ in play(*sides, batches(), steps=150):
        pass
    asked = torch.arange(40) % 2
    light = gan.sample(40, asked, rng=rng).mean(dim=(1, 2, 3))
    assert ((light > 0) == (asked == 1)).float().mean() > 0.9


def test_it_learns_the_light_of_real_digits() -> None:
    torch.manual_seed(0)
    ink = load_handwriting().ink[:256, None]
    x = 2 * interpolate(ink, size=8, mode="area") - 1
    gan, rng = small_gan(NonSaturating(), penalty=0.1), make_rng(0)

    def far() -> float:
        return (gan.sample(200, rng=make_rng(1)).mean(dim=0) - x.mean(dim=0)).abs().mean().item()

    before = far()
    batches = (x[torch.randint(len(x), (32,), generator=rng)] for _ in range(200))
    for _ in play(*players(gan, rng, lr=2e-3), batches, steps=200):
        pass
    assert far() < 0.5 * before


def test_it_refuses(rng) -> None:
    with pytest.raises(ValueError, match="30 pixels; expected a multiple of 4"):
        Generator(2, size=30)
    with pytest.raises(ValueError, match="30 pixels; expected a multiple of 4"):
        Discriminator(size=30)
    with pytest.raises(ValueError, match="penalty is -1"):
        small_gan(Hinge(), penalty=-1.0)
    with pytest.raises(ValueError, match="no condition; expected one"):
        conditional(Hinge()).sample(2, rng=rng)
    with pytest.raises(ValueError, match="a condition; expected none"):
        small_gan(Hinge()).sample(2, torch.zeros(2), rng=rng)
    with pytest.raises(ValueError, match="no logits of real"):
        Relativistic().generator(None, torch.zeros(2))
    with pytest.raises(ValueError, match="density of -0.1"):
        optimal_discriminator(torch.ones(3), torch.full((3,), -0.1))
    with pytest.raises(ValueError, match="density of -1"):
        jensen_shannon(torch.ones(3), -torch.ones(3), cell=1.0)
    gan = small_gan(Hinge())
    side = players(gan, rng)[0]
    with pytest.raises(ValueError, match="both players move"):
        next(play(side, side, [0], steps=1))
    with pytest.raises(ValueError, match="moves is 0"):
        next(play(*players(gan, rng), [0], steps=1, moves=0))
