"""Wrong answers to the questions of attention."""

WRONG = {
    "attend": [
        (" / q.shape[-1] ** 0.5", "", "no division by the square root of d"),
        (" ** 0.5", "", "division by d"),
        ("q.shape[-1] ** 0.5", "k.shape[-2] ** 0.5", "division by the root of the number of keys"),
        ("q.shape[-1]", "q.size(1)", "division by the root of the number of heads"),
        ("dim=-1", "dim=2", "softmax over the wrong axis"),
        ("scores = scores.masked_fill(", "scores.masked_fill(", "mask ignored"),
        ("~mask, -torch.inf", "~mask, 0", "masked scores set to zero"),
        ("~mask", "mask", "mask the wrong way round"),
        (
            "    scores = scores.masked_fill(~mask, -torch.inf)\n"
            "    return scores.softmax(dim=-1) @ v",
            "    return torch.mul(scores.softmax(dim=-1), mask) @ v",
            "mask after the softmax",
        ),
        ("    scores = scores.masked_fill(~mask, -torch.inf)\n", "", "mask ignored"),
        ("dim=-1", "dim=1", "kind: nan"),
        ("scores.softmax(dim=-1) @ v", "scores.softmax(dim=-1).mT @ v", "kind: raised"),
        ("scores.softmax(dim=-1) @ v", "scores.softmax(dim=-1).detach() @ v", "kind: gradient"),
        ("scores = q @", "scores = q.mul_(1.5) @", "kind: changed"),
        ("k.transpose(-2, -1)", "k", "kind: raised"),
        ("@ v", "@ v, scores", "kind: type"),
        ("return scores", "scores", "kind: none"),
        ("@ v", "@ v * float('nan')", "kind: nan"),
        ("@ v", "@ v.float()", "kind: raised"),
    ],
    "multi_head": [
        (
            "q = (x @ query.T).view(b, n, heads, d // heads).transpose(1, 2)",
            "q = (x @ query.T).view(b, heads, n, d // heads)",
            "kind: wrong",
        ),
        ("(d // heads) ** 0.5", "d**0.5", "scaled by the full width"),
        (" / (d // heads) ** 0.5", "", "no division by the square root of d"),
        (" @ output.T", "", "no last projection"),
        (
            "(weights @ v).transpose(1, 2).reshape(b, n, d)",
            "(weights @ v).reshape(b, n, d)",
            "heads joined without moving the axis back",
        ),
        (
            "    b, n, d = x.shape\n"
            "    q = (x @ query.T).view(b, n, heads, d // heads).transpose(1, 2)\n"
            "    k = (x @ key.T).view(b, n, heads, d // heads).transpose(1, 2)\n"
            "    v = (x @ value.T).view(b, n, heads, d // heads).transpose(1, 2)\n"
            "    weights = (q @ k.transpose(-2, -1) / (d // heads) ** 0.5).softmax(dim=-1)\n"
            "    found = (weights @ v).transpose(1, 2).reshape(b, n, d)\n",
            "    b, n, d = x.shape\n"
            "    q = (x @ query.T).view(b, heads, n, d // heads)\n"
            "    k = (x @ key.T).view(b, heads, n, d // heads)\n"
            "    v = (x @ value.T).view(b, heads, n, d // heads)\n"
            "    weights = (q @ k.transpose(-2, -1) / (d // heads) ** 0.5).softmax(dim=-1)\n"
            "    found = (weights @ v).view(b, n, d)\n",
            "heads cut and joined without moving an axis",
        ),
        ("    b, n, d = x.shape", "    b, n, d = x.shape; heads = 1", "one head only"),
        ("softmax(dim=-1)", "softmax(dim=1)", "kind: wrong"),
        ("softmax(dim=-1)", "softmax(dim=-2)", "kind: wrong"),
        ("output.T", "output", "kind: wrong"),
        ("(x @ key.T)", "(x @ query.T)", "kind: wrong"),
        (
            "    b, n, d = x.shape",
            "    b, n, d = x.shape\n"
            "    query, key, value, output = query.T, key.T, value.T, output.T",
            "weights not transposed",
        ),
        ("output.T", "output.T.detach()", "kind: gradient"),
    ],
    "causal_mask": [
        ("tril(m - n)", "tril()", "the first of the positions for the last"),
        ("tril(m - n)", "tril(m - n - 1)", "not even itself"),
        ("tril(m - n)", "triu(m - n)", "looks ahead"),
        (".bool()", "", "numbers for truths"),
        ("tril(m - n)", "tril(m - n + 1)", "one place ahead"),
        (
            "return torch.ones(n, m).tril(m - n).bool()",
            "return torch.ones(n, m).tril(m - n) == 0",
            "the wrong way round",
        ),
        (
            "return torch.ones(n, m).tril(m - n).bool()",
            "return torch.full((n, m), float('-inf')).triu(m - n + 1)",
            "scores to add",
        ),
        ("torch.ones(n, m)", "torch.ones(m, n)", "kind: shape"),
        (".bool()", ".bool()[None]", "kind: shape"),
        ("tril(m - n)", "tril(n - m)", "the diagonal moved to the left"),
        (".bool()", ".bool().tolist()", "kind: type"),
    ],
    "padded_weights": [
        ('float("-inf")', "0", "masked scores set to zero"),
        ("~real", "real", "mask the wrong way round"),
        ("dim=-1", "dim=-2", "softmax over the wrong axis"),
        (
            '    scores = scores.masked_fill(~real[:, None, :], float("-inf"))\n'
            "    return scores.softmax(dim=-1)",
            "    return scores.softmax(dim=-1) * real.unsqueeze(1)",
            "mask after the softmax",
        ),
        (
            '    scores = scores.masked_fill(~real[:, None, :], float("-inf"))\n',
            "",
            "padding ignored",
        ),
        ('float("-inf")', "1e-9", "masked scores set to zero"),
        ('float("-inf")', "-10", "padding given a low score"),
        ("[:, None, :]", "[:, :, None]", "kind: shape"),
        ('float("-inf")', "-torch.inf).masked_fill(scores < 0, 0.0", "kind: wrong"),
        ("scores = scores.masked_fill(", "scores = scores.masked_fill_(", "kind: changed"),
        ("scores.softmax(dim=-1)", "scores.log_softmax(dim=-1)", "kind: nan"),
        ("return scores", "return 2 * scores", "kind: wrong"),
    ],
    "number_of_scores": [
        (" * heads", "", "heads forgotten"),
        ("batch * ", "", "one caption only"),
    ],
    "spread_of_scores": [
        (".std()", ".var()", "variance for standard deviation"),
        (".std()", ".mean()", "the mean of the scores"),
        ("(q * k).sum(dim=1)", "(q * k).sum(dim=1).div(d**0.5)", "already divided"),
        (
            "(q * k).sum(dim=1).std()",
            "(q * k).sum(dim=1).abs().mean()",
            "the mean distance from zero",
        ),
        ("k = torch.randn(20_000, d, generator=rng)", "k = q", "each vector with itself"),
        (
            "q = torch.randn(20_000, d, generator=rng)\n"
            "    k = torch.randn(20_000, d, generator=rng)",
            "q, k = torch.rand(2, 20_000, d, generator=rng)",
            "numbers from 0 to 1",
        ),
    ],
}
