"""Wrong answers to the questions of generative adversarial networks."""

WRONG = {
    "discriminator_loss": [
        (
            "(real).mean() - F.logsigmoid(-made)",
            "(made).mean() - F.logsigmoid(-real)",
            "labels swapped",
        ),
        ("-made", "made", "all ones as labels"),
        (" - F.logsigmoid(-made).mean()", "", "real pictures only"),
        (
            "return -F.logsigmoid(real).mean() - F.logsigmoid(-made).mean()",
            "return (-F.logsigmoid(real).mean() - F.logsigmoid(-made).mean()) / 2",
            "half of it",
        ),
        (
            "-F.logsigmoid(real).mean() - F.logsigmoid(-made).mean()",
            "-torch.sigmoid(real).log().mean() - (1 - torch.sigmoid(made)).log().mean()",
            "logarithm of zero",
        ),
        (
            "-F.logsigmoid(real).mean() - F.logsigmoid(-made).mean()",
            "-torch.sigmoid(real).clamp(1e-12).log().mean()"
            " - (1 - torch.sigmoid(made)).clamp(min=1e-12).log().mean()",
            "logarithm clamped",
        ),
        (
            "-F.logsigmoid(real).mean() - F.logsigmoid(-made).mean()",
            "-F.logsigmoid(real).sum() - F.logsigmoid(-made).sum()",
            "sum for mean",
        ),
        (
            "return -F.logsigmoid(real).mean() -",
            "return F.logsigmoid(real).mean() +",
            "the value for the loss",
        ),
        (
            "-F.logsigmoid(real).mean() - F.logsigmoid(-made).mean()",
            "-F.logsigmoid(torch.cat([real, -made])).mean()",
            "one mean over both",
        ),
        ("real", "real.detach()", "kind: gradient"),
        ("- F.logsigmoid(-made).mean()", "- F.logsigmoid(-made)", "kind: shape"),
        ("F.logsigmoid(real)", "F.sigmoid(real)", "kind: wrong"),
    ],
    "generator_loss": [
        ("-F.logsigmoid(made)", "F.logsigmoid(-made)", "the saturating loss"),
        ("F.logsigmoid(made)", "F.logsigmoid(-made)", "the discriminator's side"),
        ("return -", "return ", "sign forgotten"),
        ("F.logsigmoid(made)", "torch.sigmoid(made).log()", "logarithm of zero"),
        ("F.logsigmoid(made)", "torch.sigmoid(made).clip(1e-12).log()", "logarithm clamped"),
        (".mean()", ".sum()", "sum for mean"),
        ("F.logsigmoid(made)", "made", "score without logarithm"),
        ("F.logsigmoid(made)", "made.sigmoid()", "probability without logarithm"),
        (".mean()", "", "kind: shape"),
        ("(made)", "(made.detach())", "kind: gradient"),
        (".mean()", ".mean().item()", "kind: gradient"),
    ],
    "critic_loss": [
        (".detach()", "", "no detach"),
        (
            ".detach()\n    yes, no = real @ weight, made @ weight",
            "\n    yes, no = real @ weight, (made @ weight).detach()",
            "score detached for the picture",
        ),
        (
            "return -F.logsigmoid(yes).mean() - F.logsigmoid(-no).mean()",
            "return (-F.logsigmoid(yes).mean() - F.logsigmoid(-no).mean()).detach()",
            "everything detached",
        ),
        (".detach()\n", "\n    weight = weight.detach()\n", "discriminator detached"),
        (
            "yes, no = real @ weight, made @ weight",
            "no, yes = real @ weight, made @ weight",
            "labels swapped",
        ),
        ("-no", "no", "all ones as labels"),
        (" - F.logsigmoid(-no).mean()", "", "made pictures left out"),
        (
            "yes, no = real @ weight, made @ weight",
            "yes, no = real @ weight, real @ weight",
            "kind: wrong",
        ),
        ("(noise @ generator).detach()", "noise.detach() @ generator", "no detach"),
        ("-F.logsigmoid(yes)", "-F.logsigmoid(yes.detach())", "kind: gradient"),
    ],
    "jensen_shannon": [
        ("0.5 * (from_p + from_q)", "from_p", "only one of the two"),
        ("0.5 * (from_p + from_q)", "0.5 * from_p", "half of one"),
        ("0.5 * (from_p + from_q)", "from_p + from_q", "halves forgotten"),
        ("(p + q) / 2", "p + q", "mixture not halved"),
        ("0.5 * (from_p + from_q)", "0.5 * (from_p + from_q) / torch.tensor(2.0).log()", "in bits"),
        (
            "(torch.xlogy(p, p) - torch.xlogy(p, m)).sum(dim=-1)\n"
            "    from_q = (torch.xlogy(q, q) - torch.xlogy(q, m))",
            "(p * (p / m).log()).sum(dim=-1)\n    from_q = (q * (q / m).log())",
            "zero times infinity",
        ),
        (
            "(torch.xlogy(p, p) - torch.xlogy(p, m)).sum(dim=-1)\n"
            "    from_q = (torch.xlogy(q, q) - torch.xlogy(q, m))",
            "torch.xlogy(p, p / m).sum(dim=-1)\n    from_q = torch.xlogy(q, q / m)",
            "zero divided by zero",
        ),
        (
            "(torch.xlogy(p, p) - torch.xlogy(p, m))",
            "(p * torch.log(p / m))",
            "zero times infinity",
        ),
        ("torch.xlogy(q, m)", "torch.xlogy(q, p)", "kind: wrong"),
        ("xlogy(p, m)).sum(dim=-1)", "xlogy(p, m)).sum(dim=0)", "kind: shape"),
        ("0.5 * (from_p + from_q)", "(0.5 * (from_p + from_q)) ** 0.5", "kind: wrong"),
        ("m = (p + q) / 2", "m = (p * q) ** 0.5", "kind: wrong"),
    ],
    "best_discriminator": [
        ("p / (p + q)", "q / (p + q)", "the generator's share"),
        ("p / (p + q)", "p / q", "the odds"),
        ("p / (p + q)", "torch.log(p / q)", "the logit"),
        ("(p + q)", "(p + q) * 2", "kind: wrong"),
    ],
    "value_of": [
        ("return math.log(share) +", "return -math.log(share) -", "the loss for the value"),
        (" + math.log(1 - share)", "", "real pictures only"),
        ("+ math.log(1", "- math.log(1", "logarithm of the product's negative"),
    ],
    "gradient_ratio": [
        ("wanted / minimax", "minimax / wanted", "the wrong way round"),
        ("abs(wanted / minimax).item()", "(wanted / minimax).item()", "sign kept"),
        (
            "abs(wanted / minimax).item()",
            "abs(wanted / minimax).log().item()",
            "logarithm of the ratio",
        ),
    ],
}
