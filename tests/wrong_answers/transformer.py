"""Wrong answers to the questions of Transformers."""

WRONG = {
    "layer_norm": [
        (
            "((x - mean) ** 2).mean(dim=-1, keepdim=True)",
            "x.var(dim=-1, keepdim=True)",
            "variance divided by d - 1",
        ),
        ("(variance + 1e-5) ** 0.5", "(variance**0.5 + 1e-5)", "epsilon outside the root"),
        ("(variance + 1e-5)", "variance", "epsilon forgotten"),
        (" ** 0.5", "", "root forgotten"),
        (" * scale", "", "scale forgotten"),
        (" + shift", "", "shift forgotten"),
        (
            "mean = x.mean(dim=-1, keepdim=True)\n    variance = ((x - mean) ** 2).mean(dim=-1",
            "mean = x.mean(dim=1, keepdim=True)\n    variance = ((x - mean) ** 2).mean(dim=1",
            "normalised over positions",
        ),
        (
            "mean = x.mean(dim=-1, keepdim=True)\n    variance = ((x - mean) ** 2).mean(dim=-1",
            "mean = x.mean(dim=0, keepdim=True)\n    variance = ((x - mean) ** 2).mean(dim=0",
            "normalised over the batch",
        ),
        ("return (x - mean)", "return x", "mean not taken away"),
        (" * scale + shift", "", "neither scaled nor shifted"),
        ("(variance + 1e-5) ** 0.5", "(x.std(-1, keepdim=True) + 1e-5)", "the deviation of torch"),
        ("((x - mean) ** 2)", "(x**2)", "squares of x for squares of x - mean"),
        (
            "mean = x.mean(dim=-1, keepdim=True)\n    variance = ((x - mean) ** 2).mean(dim=-1, ",
            "mean = x.mean(dim=(1, 2), keepdim=True)\n"
            "    variance = ((x - mean) ** 2).mean(dim=(1, 2), ",
            "one mean for a whole sentence",
        ),
        (
            "mean = x.mean(dim=-1, keepdim=True)\n"
            "    variance = ((x - mean) ** 2).mean(dim=-1, keepdim=True)",
            "mean = x.mean()\n    variance = x.var(correction=0)",
            "one mean for everything",
        ),
        (
            "mean = x.mean(dim=-1, keepdim=True)\n"
            "    variance = ((x - mean) ** 2).mean(dim=-1, keepdim=True)",
            "mean = x.mean(dim=-1)\n    variance = x.var(dim=-1, correction=0)",
            "axes dropped",
        ),
        ("1e-5", "1e-3", "kind: wrong"),
        ("* scale + shift", "* (scale + shift)", "kind: wrong"),
        ("(variance + 1e-5)", "(variance.detach() + 1e-5)", "kind: gradient"),
    ],
    "think": [
        ("return x + y @ w2.T + b2", "return y @ w2.T + b2", "nothing carried on"),
        ("F.gelu(y @ w1.T + b1)", "F.relu(y @ w1.T + b1)", "ReLU for GELU"),
        ("F.gelu(y @ w1.T + b1)", "y @ w1.T + b1", "no bend"),
        (
            "F.gelu(y @ w1.T + b1)",
            "F.gelu(y @ w1.T + b1, approximate='tanh')",
            "the tanh form of GELU",
        ),
        ("y = F.gelu(y @", "x = y; y = F.gelu(y @", "the normalised copy carried on"),
        ("F.gelu(y @", "F.gelu(x @", "no normalisation"),
        (
            "    return x + y @ w2.T + b2",
            "    y = x + F.gelu(x @ w1.T + b1) @ w2.T + b2\n"
            "    return F.layer_norm(y, x.shape[2:], scale, shift)",
            "normalised behind the sum",
        ),
        (" + b2", "", "kind: wrong"),
        ("scale, shift)", "shift, scale)", "kind: wrong"),
        ("return x + y", "return x.detach() + y", "kind: gradient"),
    ],
    "next_token_loss": [
        ("logits[:, :-1]", "logits[:, 1:]", "kind: wrong"),
        (
            "    log_p = logits[:, :-1].log_softmax(dim=-1)\n    came = ids[:, 1:]\n"
            "    kept = real[:, 1:]",
            "    log_p = logits.log_softmax(dim=-1)\n    came = ids\n    kept = real",
            "no shift",
        ),
        (
            "    log_p = logits[:, :-1].log_softmax(dim=-1)\n    came = ids[:, 1:]\n"
            "    kept = real[:, 1:]",
            "    log_p = logits[:, 1:].log_softmax(dim=-1)\n    came = ids[:, :-1]\n"
            "    kept = real[:, :-1]",
            "shifted the wrong way",
        ),
        ("(lost * kept).sum() / kept.sum()", "lost.mean()", "padding counted"),
        (" / kept.sum()", "", "sum for mean"),
        ("kept.sum()", "kept.numel()", "padding counted in the denominator"),
        ("-log_p", "log_p", "sign forgotten"),
        ("real[:, 1:]", "real[:, :-1]", "padding at the predicting place hidden"),
        (
            "(lost * kept).sum() / kept.sum()",
            "((lost * kept).sum(1) / kept.sum(1)).mean()",
            "a mean of means",
        ),
        (
            "(lost * kept).sum() / kept.sum()",
            "((lost * kept).sum() / kept.sum()).item()",
            "kind: gradient",
        ),
        ("log_softmax(dim=-1)", "log_softmax(dim=1)", "softmax over positions"),
        ("log_softmax(dim=-1)", "softmax(dim=-1).log_softmax(dim=-1)", "softmax twice"),
        ("log_softmax(dim=-1)", "softmax(dim=-1).log2()", "in bits"),
        (
            "logits[:, :-1].log_softmax(dim=-1)",
            "logits[:, :-1].reshape(len(ids), -1, ids.shape[1] - 1).log_softmax(dim=1).mT",
            "reshaped for transposed",
        ),
        ("/ kept.sum()", "/ real.sum()", "first tokens counted in the denominator"),
        ("log_softmax", "softmax", "kind: wrong"),
    ],
    "keep_likely": [
        ("before < p", "ranked.cumsum(dim=-1) <= p", "the token that crosses p dropped"),
        ("    ranked = ranked / ranked.sum(dim=-1, keepdim=True)\n", "", "not scaled to one"),
        (
            "torch.zeros_like(shares).scatter(-1, order, ranked)",
            "ranked",
            "left in the order of rank",
        ),
        ("logits / temperature", "logits * temperature", "temperature multiplied"),
        ("logits / temperature", "logits", "temperature ignored"),
        ("descending=True", "descending=False", "the unlikely kept"),
        (
            "    ranked = ranked * (before < p)",
            "    keep = ranked.cumsum(dim=-1) < p\n    keep[:, 0] = True\n"
            "    ranked = ranked * keep",
            "only the first token saved",
        ),
        (
            "ranked * (before < p)\n    ranked = ranked / ranked.sum(dim=-1, keepdim=True)",
            "ranked * (ranked.cumsum(dim=-1) < p)\n"
            "    ranked = ranked / (ranked.sum(dim=-1, keepdim=True) + 1e-9)",
            "NaN hidden",
        ),
        ("dim=-1, keepdim=True", "dim=0, keepdim=True", "kind: nan"),
        (".scatter(-1, order, ranked)", ".gather(-1, order)", "kind: wrong"),
        (".softmax(dim=-1)", ".softmax(dim=0)", "kind: wrong"),
        (
            "torch.zeros_like(shares).scatter(-1, order, ranked)",
            "ranked.gather(-1, order)",
            "kind: wrong",
        ),
    ],
    "count_gpt": [
        (" + context * width", "", "no places"),
        ("depth * block + 2 * width", "depth * block", "no last norm"),
        (" + 2 * 2 * width", "", "no norms in the blocks"),
        ("2 * 2 * width", "2 * width", "one norm in each block"),
        (
            "4 * width + 4 * width +",
            "4 * width + width +",
            "biases of the network as wide as its input",
        ),
        ("return vocabulary * width", "return vocabulary * (width + 1)", "a bias in the head"),
        (
            "4 * (width * width + width)",
            "3 * (width * width + width)",
            "no output map in attention",
        ),
    ],
    "temperature_for": [
        ("return middle", "return 1 / middle", "the inverse temperature"),
        (".entropy() < entropy", ".entropy() < entropy * 0.6931471805599453", "entropy in bits"),
        ("(logits / middle)", "(logits * middle)", "kind: wrong"),
        (
            "low, high = 0.001, 1000.0",
            "low, high = 30.0, 0.03",
            "the wrong half kept",
        ),
        (
            "low, high = 0.001, 1000.0\n    for _ in range(60):\n"
            "        middle = (low * high) ** 0.5",
            "low, high = 30.0, 0.03\n    for _ in range(60):\n        middle = (low + high) / 2",
            "the wrong half kept, at plain middles",
        ),
    ],
}
