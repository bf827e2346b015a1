"""Wrong answers to the questions of the whole system."""

WRONG = {
    "wilson": [
        (
            "middle = p + z**2 / (2 * n)\n"
            "    spread = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))\n"
            "    scale = 1 + z**2 / n",
            "middle = p\n    spread = z * math.sqrt(p * (1 - p) / n)\n    scale = 1",
            "the plain interval",
        ),
        ("scale = 1 + z**2 / n", "scale = 1", "not divided"),
        (
            "middle = p + z**2 / (2 * n)\n"
            "    spread = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))",
            "middle = p + z**2 / 2 * n\n"
            "    spread = z * math.sqrt(p * (1 - p) / n + z**2 / 4 * n**2)",
            "multiplied by n",
        ),
        ("middle = p + z**2 / (2 * n)", "middle = p", "middle not moved"),
        ("spread = z * ", "spread = ", "one deviation"),
        ("math.sqrt(", "(", "root forgotten"),
        ("(1 - p) / n + z**2 / (4 * n**2)", "(1 - p) / n", "only the first term under the root"),
        (
            "return (middle - spread) / scale, (middle + spread) / scale",
            "return (middle + spread) / scale, (middle - spread) / scale",
            "ends exchanged",
        ),
        (
            "return (middle - spread) / scale, (middle + spread) / scale",
            "return middle / scale, spread / scale",
            "middle and spread for the ends",
        ),
        (
            "return (middle - spread) / scale, (middle + spread) / scale",
            "return (middle - spread) / scale",
            "kind: type",
        ),
        ("1.96", "1.65", "kind: wrong"),
    ],
    "paired": [
        (
            "gained = (second",
            "first, second = second, first; gained = (second",
            "first minus second",
        ),
        ("gained + 0.5, lost + 0.5, len(first) + 2", "gained, lost, len(first)", "no halves added"),
        ("len(first) + 2", "len(first)", "n left as it is"),
        ("math.sqrt(", "(", "root forgotten"),
        ("g + lo - (g - lo) ** 2 / n", "g + lo", "the difference not taken off the variance"),
        ("(first & ~second).sum().item()", "0", "gained only"),
        (
            "spread = 1.96 * math.sqrt(g + lo - (g - lo) ** 2 / n) / n",
            "p, q = first.double().mean().item(), second.double().mean().item(); spread = "
            "1.96 * math.sqrt((p * (1 - p) + q * (1 - q)) / len(first))",
            "as if the captions were others",
        ),
        ("spread = 1.96 *", "spread =", "one deviation"),
        ("return difference, middle", "return middle, middle", "halves in the difference too"),
        ("middle - spread, middle + spread", "middle, spread", "middle and spread for the ends"),
        ("1.96", "1.65", "kind: wrong"),
        ("return difference, ", "return ", "kind: type"),
    ],
    "keep_better": [
        ("if gain > 0:", "if True:", "the newest kept"),
        ("gain > 0", "gain < 0", "the worse kept"),
        ("gain > 0", "gain >= 0", "ties go to the newest"),
        (
            "in enumerate(rows.tolist())",
            "in enumerate(range(len(rows)))",
            "place of the try for place of the caption",
        ),
        ("            agree[row] = agree_again[k]\n", "", "agreement not kept with the picture"),
        ("            agree[row] =", "        agree[row] =", "agreement of the newest"),
        (
            "agree_again[k] - agree[row]",
            "agree_again[k] - agree[k]",
            "compared with another caption",
        ),
        ("pictures[row] = again[k]\n", "pass\n", "pictures not kept with their agreement"),
        ("if gain > 0:", "if False:", "nothing kept"),
        ("if gain > 0:", "if agree_again[k] == 1:", "only perfect ones kept"),
        ("agree = pictures.clone(), agree.clone()", "agree = pictures, agree", "kind: changed"),
        ("pictures[row] = again[k]", "pictures[row] = again[0]", "kind: wrong"),
        ("return pictures, agree", "return pictures", "kind: type"),
    ],
    "right_within": [
        ("1 - (1 - p) ** tries", "p * tries", "added up"),
        ("1 - (1 - p) ** tries", "p**tries", "all of them right"),
        ("return 1 - (1", "return (1", "none right"),
        ("(1 - p) **", "p **", "not all right"),
        ("** tries", "** (tries - 1)", "one try too few"),
        ("1 - (1 - p) ** tries", "tries * p * (1 - p) ** (tries - 1)", "exactly one right"),
    ],
    "flattery": [
        ("reported - true", "reported", "what is reported"),
        ("reported - true", "true", "what is right"),
        (
            "true = right",
            "reported, right, kept = passed[:, 0].double().mean(), right, 0 * kept; true = right",
            "one try only",
        ),
        ("reported - true", "true - reported", "sign"),
        ("right.gather(1, kept)", "right.any(dim=1)", "right if any try was"),
        ("(reported - true)", "((reported - true) / reported)", "share of the reported"),
        ("passed.any(dim=1).double().mean()", "passed.double().mean()", "kind: wrong"),
    ],
}
