"""Wrong answers to the questions of words that meet pixels."""

WRONG = {
    "film": [
        ("(e * real).sum(dim=1) / real.sum(dim=1)", "e.mean(dim=1)", "padding counted as words"),
        (
            "(e * real).sum(dim=1) / real.sum(dim=1)",
            "(e * real).mean(dim=1)",
            "padding counted, but left out of the sum",
        ),
        (" / real.sum(dim=1)", "", "sum of the words"),
        ("(1 + gamma)", "gamma", "not the identity at first"),
        ("gamma, beta =", "beta, gamma =", "shift for scale"),
        ("* x + beta", "* (x + beta)", "shifted before scaled"),
        (" + beta", "", "pixels only weighed"),
        ("(1 + gamma) * x", "x", "pixels only shifted"),
        (
            "[:, None].chunk(2, dim=2)",
            "[:, None].unflatten(2, (-1, 2)).unbind(3)",
            "every other number",
        ),
        (" + bias", "", "kind: wrong"),
        ("s @ weight.T", "s.detach() @ weight.T", "kind: gradient"),
        ("(s @ weight.T + bias)", "s @ weight", "kind: raised"),
    ],
    "pixel_weights": [
        ("softmax(dim=2)", "softmax(dim=1)", "softmax over pixels"),
        (
            "scores.softmax(dim=2)",
            "scores.flatten(1).softmax(dim=1).view(scores.shape)",
            "softmax over pixels and words",
        ),
        (" / x.shape[2] ** 0.5", "", "not scaled"),
        (" ** 0.5", "", "scaled by the width"),
        ("scores.masked_fill(~mask[:, None], -torch.inf)", "scores", "padding looked at"),
        (
            "    scores = scores.masked_fill(~mask[:, None], -torch.inf)\n"
            "    return scores.softmax(dim=2)",
            "    return scores.softmax(dim=2) * mask[:, None]",
            "mask after softmax",
        ),
        ("-torch.inf", "0.0", "padding scores zero"),
        ("~mask", "mask", "real words hidden"),
        ("scores.softmax(dim=2)", "scores.sigmoid()", "each weight by itself"),
        ("mask[:, None]", "mask[:, :, None]", "kind: shape"),
        ("-torch.inf", "-1.0", "kind: wrong"),
    ],
    "contrastive_loss": [
        (
            "F.normalize(u, dim=1), F.normalize(w, dim=1)",
            "F.normalize(u, dim=0), F.normalize(w, dim=0)",
            "normalised down the columns",
        ),
        ("F.normalize(u, dim=1), F.normalize(w, dim=1)", "u, w", "not normalised"),
        (
            "(F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2",
            "F.cross_entropy(scores, own)",
            "pictures only ask",
        ),
        (
            "(F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2",
            "F.cross_entropy(scores.T, own)",
            "captions only ask",
        ),
        (") / 2", ")", "half forgotten"),
        ("scale * u @ w.T", "u @ w.T / scale", "scale for temperature"),
        ("scale * u @ w.T", "u @ w.T", "scale ignored"),
        (
            "(F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2",
            "sum((t - 1e9 * torch.eye(len(t))).logsumexp(1).mean() / 2 - t.trace() / len(t) / 2 "
            "for t in (scores, scores.T))",
            "its own left out below",
        ),
        (") / 2", ") / 2 * len(u)", "sum over pairs"),
        (
            "(F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2",
            "-scores.diagonal().mean()",
            "scores of the diagonal only",
        ),
        ("F.normalize(u, dim=1), F.normalize", "u, F.normalize", "kind: wrong"),
        ("F.normalize(w, dim=1)\n", "F.normalize(w, dim=1).detach()\n", "kind: gradient"),
        ("F.cross_entropy(scores, own)", "F.cross_entropy(scores, own).item()", "kind: gradient"),
    ],
    "lowest_loss": [
        ("math.log(1 + (n - 1) * math.exp(-scale))", "math.log(n)", "guessing"),
        ("(n - 1)", "n", "its own counted twice"),
        ("exp(-scale)", "exp(scale)", "the wrong ones score higher"),
        ("math.log(1 + ", "1 / (1 + ", "the share, not its logarithm"),
        ("return math", "return -math", "sign of the logarithm"),
        ("-scale", "-1 / scale", "scale for temperature"),
    ],
    "learned_scale": [
        ("range(2000)", "range(0)", "not trained"),
        ("return s", "return 1 / s", "temperature for scale"),
        ("return s", "return s * gap", "gap left out"),
        ("(1 - wrong)", "wrong", "right and wrong exchanged"),
        ("return s", "return chance", "the share of right pairs"),
        ("range(2000)", "range(5)", "kind: wrong"),
    ],
}
