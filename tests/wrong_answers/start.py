"""Wrong answers to the warm-up questions."""

WRONG = {
    "for_screen": [
        (".clamp(0, 1)", "", "not cut"),
        ("(pictures + 1) / 2", "pictures", "cut only"),
        ("(pictures + 1)", "(pictures.clamp(0, 1) + 1)", "cut before it is moved"),
        ("permute(0, 2, 3, 1)", "permute(0, 3, 2, 1)", "rows and columns exchanged"),
        (
            "permute(0, 2, 3, 1)",
            "reshape(len(pictures), *pictures.shape[2:], -1)",
            "reshaped in place of permuted",
        ),
        (".permute(0, 2, 3, 1)", "", "colours left in front"),
        ("return light", "return 255 * light", "in steps of 255"),
        (" / 2", "", "not halved"),
        ("permute(0, 2, 3, 1)", "permute(2, 3, 1, 0)", "kind: shape"),
        ("(pictures + 1)", "pictures.add_(1)", "kind: changed"),
        ("return light", "return light.float()", "kind: dtype"),
        ("clamp(0, 1)", "clamp(0.1, 1)", "kind: wrong"),
    ],
    "drawn_right": [
        (".all(", ".any(", "one right attribute is enough"),
        (" | (said == -1)", "", "what is not said counts as wrong"),
        ("(said == -1)", "(said == -1) | (seen == -1)", "what cannot be seen counts as right"),
        ("(said == -1)", "(seen == -1)", "seen for said"),
        (".all(dim=1)", "", "each attribute on its own"),
        (".all(dim=1)", ".double().mean(dim=1)", "the share of right attributes"),
        ("return fits.all(dim=1)", "return ~fits.all(dim=1)", "wrong for right"),
        ("dim=1", "dim=0", "all pictures for all attributes"),
        (".all(dim=1)", ".all()", "kind: shape"),
        ("-1)", "0)", "kind: wrong"),
        (".all(dim=1)", ".prod(dim=1)", "kind: dtype"),
    ],
    "number_of_captions": [
        (
            "(colours + 1) * (sizes + 1) * (places + 1)",
            "colours * sizes * places",
            "everything named",
        ),
        (
            "digits * (colours + 1) * (sizes + 1) * (places + 1)",
            "digits + colours + sizes + places",
            "added up",
        ),
        ("digits *", "(digits + 1) *", "digit left open too"),
        ("(colours + 1) * (sizes + 1) * (places + 1)", "8", "powers of two"),
        (
            "(colours + 1) * (sizes + 1) * (places + 1)",
            "8 * colours * sizes * places",
            "twice for each",
        ),
    ],
    "spread_of_score": [
        (".std()", ".var()", "the variance"),
        (".mean(dim=1)", ".sum(dim=1)", "of the count"),
        (".mean(dim=1)", "", "of one picture"),
        (".std()", ".mean()", "the mean score"),
        ("return right", "return 1.96 * right", "the interval of 95 %"),
        ("20_000", "2", "kind: wrong"),
    ],
}
