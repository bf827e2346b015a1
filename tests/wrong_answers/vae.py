"""Wrong answers to the questions of variational autoencoders."""

WRONG = {
    "kl": [
        ("-0.5 *", "0.5 *", "sign"),
        ("log_var.exp()", "(2 * log_var).exp()", "square of the variance"),
        (
            "-0.5 * (1 + log_var - mu**2 - log_var.exp())",
            "-0.5 * (1 + 2 * log_var - mu**2 - log_var.exp() ** 2)",
            "log of the deviation for log of the variance",
        ),
        (
            "1 + log_var - mu**2 - log_var.exp()",
            "1 + log_var.log() - mu**2 - log_var",
            "variance for log variance",
        ),
        (".sum(dim=1)", ".mean(dim=1)", "mean for sum over the code"),
        ("-0.5 *", "-1 *", "half forgotten"),
        (".sum(dim=1)", ".sum()", "summed over the batch as well"),
        (".sum(dim=1)", ".sum(dim=1).mean()", "mean over the batch as well"),
        ("log_var.exp()", "log_var**2", "square of the log variance"),
        ("log_var.exp()", "log_var.exp() ** 2", "square of the variance"),
        ("log_var.exp()", "(log_var / 2).exp()", "deviation for variance"),
        ("mu**2", "mu.abs()", "square of the mean forgotten"),
        (".sum(dim=1)", ".sum(dim=0)", "kind: shape"),
        ("log_var.exp()", "log_var", "log variance for variance"),
        ("1 + log_var", "log_var", "kind: wrong"),
        ("log_var.exp()", "log_var.exp().detach()", "kind: gradient"),
    ],
    "draw_code": [
        ("0.5 * ", "", "variance for deviation"),
        ("torch.exp(0.5 * log_var)", "log_var", "log variance for deviation"),
        ("mu + sigma * noise", "mu + noise", "noise not scaled"),
        ("mu + sigma * noise", "mu", "no noise"),
        ("sigma * noise", "sigma.detach() * noise", "gradient cut at the deviation"),
        (
            "return mu + sigma * noise",
            "return (mu + sigma * noise).data",
            "gradient cut altogether",
        ),
        ("mu + sigma * noise", "sigma * (mu + noise)", "mean scaled too"),
        ("mu + sigma * noise", "sigma * noise", "mean forgotten"),
        ("torch.exp(0.5 * log_var)", "0.5 * torch.exp(log_var)", "half of the variance"),
        ("sigma * noise", "sigma * torch.randn_like(noise)", "kind: wrong"),
        ("mu + sigma", "mu - sigma", "kind: wrong"),
        ("0.5 * log_var", "-0.5 * log_var", "kind: wrong"),
    ],
    "negative_elbo": [
        ("lost.sum(dim=(1, 2, 3))", "lost.mean(dim=(1, 2, 3))", "mean for sum over pixels"),
        (".exp()).sum(dim=1)", ".exp()).mean(dim=1)", "mean over the code"),
        ("-0.5 *", "0.5 *", "KL with the wrong sign"),
        ("(x + 1) / 2", "x", "pictures not brought to [0, 1]"),
        ("lost + beta * nats", "beta * lost + nats", "beta on the likelihood"),
        ("beta * nats", "nats", "beta ignored"),
        (
            "F.softplus(logits) - y * logits",
            "(torch.sigmoid(logits) - y) ** 2",
            "squared distance for the likelihood",
        ),
        (".mean()", ".sum()", "sum over pictures"),
        ("lost.sum(dim=(1, 2, 3))", "lost.sum()", "pixels of all pictures in one sum"),
        (
            "lost.sum(dim=(1, 2, 3))\n"
            "    nats = -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(dim=1)",
            "lost.mean(dim=(1, 2, 3))\n"
            "    nats = -0.5 * (1 + log_var - mu**2 - log_var.exp()).mean(dim=1)",
            "means of both",
        ),
        ("y * logits", "y", "kind: wrong"),
        ("lost + beta * nats", "beta * nats - lost", "kind: wrong"),
        ("(lost + beta * nats).mean()", "lost + beta * nats", "kind: shape"),
        ("beta * nats", "beta * nats.detach()", "kind: gradient"),
    ],
    "log_evidence": [
        (
            "torch.logsumexp(ratios, dim=0) - math.log(len(ratios))",
            "ratios.mean(dim=0)",
            "mean of logs",
        ),
        (" - math.log(len(ratios))", "", "sum for mean inside the logarithm"),
        (
            "torch.logsumexp(ratios, dim=0) - math.log(len(ratios))",
            "torch.log(torch.exp(ratios).mean(dim=0))",
            "underflow",
        ),
        (" - log_posterior", "", "posterior forgotten"),
        ("- log_posterior", "+ log_posterior", "posterior multiplied"),
        (" + log_prior", "", "prior forgotten"),
        (
            "torch.logsumexp(ratios, dim=0) - math.log(len(ratios))",
            "ratios.max(dim=0).values",
            "the best sample only",
        ),
        ("- math.log(len(ratios))", "/ len(ratios)", "divided outside of the logarithm"),
        ("+ log_prior - log_posterior", "* log_prior / log_posterior", "logs multiplied"),
        ("dim=0", "dim=1", "kind: shape"),
        ("- math.log", "+ math.log", "kind: wrong"),
        ("- math.log(len(ratios))", "- math.log10(len(ratios))", "kind: wrong"),
    ],
    "bits_per_pixel": [
        ("nats / math.log(2) / pixels", "nats * math.log(2) / pixels", "multiplied by ln 2"),
        (" / math.log(2)", "", "nats a pixel"),
        (" / pixels", "", "bits a picture"),
    ],
    "monte_carlo_kl": [
        ("log_q - log_p", "log_p - log_q", "difference the wrong way round"),
        (" - math.log(sigma)", "", "log sigma forgotten in log q"),
        (
            "z = mu + sigma * torch",
            "sigma = sigma**0.5; z = mu + sigma * torch",
            "variance for deviation",
        ),
        ("z = mu + sigma * torch", "z = torch", "samples from the prior"),
        (
            "(log_q - log_p).mean()",
            "((log_q - log_p) * log_q.exp() / math.sqrt(2 * math.pi)).mean()",
            "weighed once more",
        ),
        (
            "z = mu + sigma * torch.randn(400_000, generator=rng)\n"
            "    log_q = -0.5 * ((z - mu) / sigma) ** 2 - math.log(sigma)\n"
            "    log_p = -0.5 * z**2",
            "z = torch.randn(400_000, generator=rng)\n"
            "    log_p = -0.5 * ((z - mu) / sigma) ** 2 - math.log(sigma)\n"
            "    log_q = -0.5 * z**2",
            "the other divergence",
        ),
    ],
}
