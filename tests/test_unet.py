import torch

from llmvis_course.layers.unet import ResidualBlock, UNet, Words, time_features


def make_words(rng: torch.Generator, b: int = 2, m: int = 5) -> Words:
    return Words(torch.randn(b, m, 16, generator=rng), torch.ones(b, m, dtype=torch.bool))


def small_unet() -> UNet:
    """A U-Net whose last layer is not zero, so that what it does can be seen."""
    torch.manual_seed(0)
    net = UNet(channels=(16, 24), text_width=16, heads=2)
    for weight in net.parameters():
        if (weight == 0).all():
            torch.nn.init.normal_(weight, std=0.05)
    return net.eval()


def test_starts_by_predicting_nothing(rng) -> None:
    net = UNet(channels=(16, 24), text_width=16, heads=2)
    out = net(
        torch.randn(2, 3, 32, 32, generator=rng), torch.rand(2, generator=rng), make_words(rng)
    )
    torch.testing.assert_close(out, torch.zeros(2, 3, 32, 32))


def test_residual_block_starts_as_the_identity(rng) -> None:
    block = ResidualBlock(16, time_width=8)
    x = torch.randn(2, 16, 8, 8, generator=rng)
    torch.testing.assert_close(block(x, torch.randn(2, 8, generator=rng)), x)


def test_words_time_and_picture_all_matter(rng) -> None:
    net = small_unet()
    x, t, words = (
        torch.randn(2, 3, 32, 32, generator=rng),
        torch.tensor([0.2, 0.7]),
        make_words(rng),
    )
    base = net(x, t, words)
    others = [
        net(x + 0.1, t, words),
        net(x, t + 0.2, words),
        net(x, t, words._replace(vectors=words.vectors.flip(0))),
    ]
    for other in others:
        assert (base - other).abs().mean() > 1e-4


def test_rows_do_not_see_each_other_and_padding_is_not_seen(rng) -> None:
    net = small_unet().double()
    x = torch.randn(3, 3, 32, 32, generator=rng, dtype=torch.float64)
    t = torch.rand(3, generator=rng, dtype=torch.float64)
    vectors = torch.randn(3, 5, 16, generator=rng, dtype=torch.float64)
    mask = torch.tensor([[True] * 5, [True] * 5, [True, True, True, False, False]])
    together = net(x, t, Words(vectors, mask))
    alone = net(x[2:], t[2:], Words(vectors[2:, :3], mask[2:, :3]))
    torch.testing.assert_close(together[2:], alone)


def test_looks_are_shares_over_words(rng) -> None:
    looks = []
    small_unet()(
        torch.randn(2, 3, 32, 32, generator=rng),
        torch.rand(2, generator=rng),
        make_words(rng),
        looks,
    )
    assert [tuple(look.shape) for look in looks] == [(2, 2, n, 5) for n in (64, 16, 16, 64, 64)]
    for look in looks:
        torch.testing.assert_close(look.sum(dim=-1), torch.ones(look.shape[:-1]))


def test_time_features_by_hand() -> None:
    """The slowest wave has period 4 in time: at t = 1 it is a quarter turn on."""
    found = time_features(torch.tensor([0.0, 1.0]), 8)
    torch.testing.assert_close(found[0], torch.tensor([1.0] * 4 + [0.0] * 4))
    torch.testing.assert_close(found[1, [0, 4]], torch.tensor([0.0, 1.0]), atol=1e-6, rtol=0)
