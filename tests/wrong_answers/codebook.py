"""Wrong answers to the questions of codebooks and tokens."""

WRONG = {
    "nearest_codes": [
        ("argmin(dim=1)", "argmax(dim=1)", "the farthest code"),
        (
            "differences.square().sum(dim=2).argmin(dim=1)",
            "(z @ codes.T).argmax(dim=1)",
            "largest dot product",
        ),
        (
            "differences.square().sum(dim=2).argmin(dim=1)",
            "(F.normalize(z, dim=1) @ F.normalize(codes, dim=1).T).argmax(dim=1)",
            "largest cosine",
        ),
        (
            "differences.square().sum(dim=2).argmin(dim=1)",
            "((codes**2).sum(1) - z @ codes.T + (z**2).sum(1, True)).argmin(dim=1)",
            "a factor of two lost",
        ),
        ("argmin(dim=1)", "argmin(dim=0)", "a vector for each code"),
        (".square()", "", "differences not squared"),
        (".square()", ".abs()", "absolute for squared"),
        ("sum(dim=2)", "sum(dim=1)", "summed over the codes"),
        (".argmin(dim=1)", ".min(dim=1).values", "distances for tokens"),
        (
            "return differences.square().sum(dim=2).argmin(dim=1)",
            "return codes[differences.square().sum(dim=2).argmin(dim=1)]",
            "codes for tokens",
        ),
        ("argmin(dim=1)", "argmin(dim=1) + 1", "counted from one"),
        ("argmin(dim=1)", "argmin(dim=1).int()", "kind: dtype"),
        ("argmin(dim=1)", "argmin(dim=1, keepdim=True)", "kind: shape"),
        ("argmin(dim=1)", "argmin()", "kind: shape"),
    ],
    "quantise": [
        (
            "z + (z_q - z).detach()",
            "z.detach() + (z_q - z)",
            "the code's way left open, the vector's turned round",
        ),
        ("z + (z_q - z).detach()", "z + (z_q - z)", "no way to the vectors"),
        ("z + (z_q - z).detach()", "(z + z_q - z).detach()", "no way at all"),
        ("(z_q - z).detach()", "z_q - z.detach()", "the decoder moves the codes too"),
        ("z + (z_q - z).detach()", "z", "vectors passed on, not codes"),
        (" + beta * to_codes", "", "commitment missing"),
        ("to_vectors + beta * to_codes", "beta * to_codes", "codes not pulled"),
        ("to_vectors + beta * to_codes", "beta * to_vectors + to_codes", "beta on the other pull"),
        (
            "passed, to_vectors + beta * to_codes",
            "passed, (1 + beta) * F.mse_loss(z, z_q)",
            "pulls not cut",
        ),
        (
            "to_vectors + beta * to_codes",
            "((z.detach() - z_q) ** 2).sum() + beta * ((z - z_q.detach()) ** 2).sum()",
            "sum for mean",
        ),
        (
            "to_vectors + beta * to_codes",
            "(to_vectors + beta * to_codes) * z.shape[1]",
            "squared lengths for means",
        ),
        ("to_vectors + beta", "to_vectors - beta", "kind: wrong"),
        ("return passed, to_vectors", "return passed + to_vectors", "kind: type"),
        ("z_q = codes[tokens]", "z_q = codes[tokens].detach()", "kind: gradient"),
    ],
    "codebook_perplexity": [
        (
            "counts[counts > 0] / tokens.numel()",
            "counts / tokens.numel()",
            "NaN for unused codes",
        ),
        ("torch.exp(-(p * p.log()).sum())", "-(p * p.log()).sum()", "entropy for perplexity"),
        ("-(p", "(p", "sign forgotten"),
        ("p.log()", "p.log2()", "exponential of bits"),
        ("torch.exp(-(p * p.log()).sum())", "2 ** -(p * p.log()).sum()", "power of two of nats"),
        ("torch.exp(-(p * p.log()).sum())", "(counts > 0).sum()", "codes counted"),
        ("(p * p.log()).sum()", "(p * p.log()).sum() / size", "mean for sum"),
        (").sum())", ").mean())", "mean over the used codes for sum"),
        ("/ tokens.numel()", "/ size", "divided by the number of codes"),
        (".item()", ".item() / size", "share of the codebook"),
        ("tokens.numel()", "len(tokens)", "rows counted for tokens"),
        ("tokens.flatten()", "tokens[0].flatten()", "kind: wrong"),
        (".item()", "[None]", "kind: shape"),
    ],
    "move_codes": [
        ("chosen = ", "decay = 1 - decay; chosen = ", "old and new exchanged"),
        (
            "    sums = decay * sums + (1 - decay) * chosen.T @ z",
            "    used = used + decay * chosen.sum(0); sums = decay * sums + chosen.T @ z",
            "new part not weighed",
        ),
        (
            "chosen.T @ z",
            "torch.stack([z[tokens == k].mean(dim=0) for k in range(len(used))])",
            "mean of the batch for its sum",
        ),
        (
            "chosen.T @ z",
            "(chosen.T @ z) / chosen.sum(dim=0).clamp(min=1)[:, None]",
            "mean of the batch for its sum, 0 where there is none",
        ),
        ("sums / used[:, None]", "sums", "sums for codes"),
        (
            "    used = decay * used + (1 - decay) * chosen.sum(dim=0)",
            "    old = used; used = decay * used + (1 - decay) * chosen.sum(dim=0); "
            "return used, decay * sums + (1 - decay) * chosen.T @ z, "
            "(decay * sums + (1 - decay) * chosen.T @ z) / old[:, None]",
            "divided by the old counts",
        ),
        (
            "    used = decay",
            "    before = sums / used[:, None]\n"
            "    return (decay * used + (1 - decay) * chosen.sum(0),\n"
            "            decay * sums + (1 - decay) * chosen.T @ z, before)\n"
            "    used = decay",
            "codes of before",
        ),
        (
            "    sums = decay * sums + (1 - decay) * chosen.T @ z",
            "    none = chosen.sum(dim=0) == 0; used = torch.where(none, used / decay, used)\n"
            "    moved = decay * sums + (1 - decay) * chosen.T @ z\n"
            "    sums = torch.where(none[:, None], sums, moved)",
            "unused codes left out",
        ),
        (
            "    sums = decay * sums + (1 - decay) * chosen.T @ z",
            "    now = torch.zeros_like(sums); now[tokens] += z\n"
            "    sums = decay * sums + (1 - decay) * now",
            "one vector a code",
        ),
        ("return used, sums, sums / used[:, None]", "return sums / used[:, None]", "kind: type"),
        ("sums / used[:, None]", "sums / used", "kind: shape"),
        (
            "    used = decay * used",
            "    used.mul_(1); used *= decay; used = used",
            "kind: changed",
        ),
    ],
    "good_enough": [
        ("(1 / n)", "n", "the picture for the token"),
        ("share ** (1 / n)", "share", "the same for the token"),
        ("share ** (1 / n)", "1 - (1 - share) / n", "mistakes shared out"),
        ("share ** (1 / n)", "share / n", "divided by the tokens"),
        ("share ** (1 / n)", "1 - share ** (1 / n)", "the mistakes"),
    ],
    "times_smaller": [
        (".square().mean()", ".abs().mean()", "error not squared"),
        ("errors[0] / errors[1]", "errors[1] / errors[0]", "the other way round"),
        ("errors[0] / errors[1]", "errors[1]", "the error itself"),
        (
            "(torch.arange(size).double()[:, None] + 0.5) / size",
            "torch.linspace(0, 1, size).double()[:, None]",
            "codes at the ends",
        ),
        ("+ 0.5) / size", "+ 0.0) / size", "codes where the pieces begin"),
        ("errors[0] / errors[1]", "errors[0] - errors[1]", "kind: wrong"),
    ],
}
