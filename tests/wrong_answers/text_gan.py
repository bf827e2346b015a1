"""Wrong answers to the questions of a GAN that draws from text."""

WRONG = {
    "caption_vectors": [
        (
            "tokens = real[:, :, None].to(states)",
            "tokens = torch.ones_like(states)",
            "padding counted",
        ),
        ("/ tokens.sum(dim=1)", "/ real.shape[1]", "padding counted in the denominator"),
        (
            "(states * tokens).sum(dim=1) / tokens.sum(dim=1)",
            "(states * tokens).mean(dim=1)",
            "padding counted in the denominator",
        ),
        (" / tokens.sum(dim=1)", "", "sum for mean"),
        (
            "(states * tokens).sum(dim=1) / tokens.sum(dim=1)",
            "states[:, -1]",
            "the last place, padding or not",
        ),
        (
            "(states * tokens).sum(dim=1) / tokens.sum(dim=1)",
            "torch.stack([s[m][-1] for s, m in zip(states, real)])",
            "the last token",
        ),
        ("real[:, :, None]", "(~real)[:, :, None]", "padding only"),
        ("tokens.sum(dim=1)", "tokens.sum()", "one length for all"),
        ("tokens.sum(dim=1)", "real.sum(dim=1)", "lengths along the wrong axis"),
        ("return", "return states[:, 0];", "the first place"),
        (
            "/ tokens.sum(dim=1)",
            "/ (states * tokens).sum(1).norm(dim=1)[:, None]",
            "length 1 for all",
        ),
        (
            "(states * tokens).sum(dim=1) / tokens.sum(dim=1)",
            "states.masked_fill(tokens == 0, -1e9).max(dim=1).values",
            "largest for mean",
        ),
        (
            "(states * tokens).sum(dim=1) / tokens.sum(dim=1)",
            "torch.stack([s[: m.sum()].mean(0) for s, m in zip(states, real)])",
            "padding supposed at the end",
        ),
        ("(states * tokens).sum(dim=1)", "(states * tokens).detach().sum(dim=1)", "kind: gradient"),
        ("(states * tokens).sum(dim=1)", "(states * tokens).sum(dim=2)", "kind: shape"),
        ("tokens.sum(dim=1)", "tokens.sum(dim=1, keepdim=True)", "kind: shape"),
        ("states * tokens", "states + tokens", "kind: wrong"),
    ],
    "play_round": [
        (
            "F.softplus(drawn @ critic).mean()",
            "0",
            "no drawing reaches the critic",
        ),
        ("-(drawn @ new_critic)", "-drawn", "label of the pixels"),
        ("F.softplus(drawn @", "F.softplus(-drawn @", "all ones as labels"),
        (
            "F.softplus(-(pictures @ critic)).mean() + F.softplus(drawn @ critic)",
            "F.softplus(pictures @ critic).mean() + F.softplus(-drawn @ critic)",
            "labels swapped",
        ),
        (
            "F.softplus(-(drawn @ new_critic))",
            "-F.softplus(drawn @ new_critic)",
            "the saturating loss",
        ),
        (
            "-(drawn @ new_critic)",
            "drawn @ new_critic",
            "a generator that wants to be found out",
        ),
        ("drawn @ new_critic", "drawn @ critic", "against the critic of before"),
        ("+ F.softplus(drawn @", "- F.softplus(-drawn @", "a minus before the loss"),
        ("loss, critic", "loss / 2, critic", "half of the critic's loss"),
        (
            "loss, generator",
            "loss + F.softplus(drawn @ critic).mean(), generator",
            "slopes of both turns added",
        ),
        (
            "    drawn = torch.tanh(codes @ generator)\n",
            "    drawn = torch.tanh(codes @ generator)\n"
            "    (slope,) = torch.autograd.grad(F.softplus(-(drawn @ critic)).mean(), generator)\n"
            "    moved = generator - step * slope\n"
            "    loss = F.softplus(-(pictures @ critic)).mean()\n"
            "    loss = loss + F.softplus(torch.tanh(codes @ moved).detach() @ critic).mean()\n"
            "    return moved, critic - step * torch.autograd.grad(loss, critic)[0]\n",
            "the generator first",
        ),
        (
            "    drawn = torch.tanh(codes @ generator)\n",
            "    drawn = torch.tanh(codes @ generator)\n"
            "    yes, no = pictures @ critic, drawn @ critic\n"
            "    loss = F.softplus(-yes).mean() + (F.softplus(no) + F.softplus(-no)).mean()\n"
            "    slopes = torch.autograd.grad(loss, (generator, critic))\n"
            "    return generator - step * slopes[0], critic - step * slopes[1]\n",
            "one loss for both",
        ),
        (
            "drawn = torch.tanh(codes @ generator)",
            "step = -step; drawn = torch.tanh(codes @ generator)",
            "uphill",
        ),
        ("generator - step * slope, new_critic", "new_critic, generator - step * slope", "order"),
        (
            "    drawn = torch.tanh(codes @ generator)\n",
            "    loss = F.softplus(-(pictures @ critic)).mean()\n"
            "    new = critic - step * torch.autograd.grad(loss, critic)[0]\n"
            "    loss = F.softplus(-torch.tanh(codes @ generator)).mean()\n"
            "    return generator - step * torch.autograd.grad(loss, generator)[0], new\n",
            "no game",
        ),
        ("torch.tanh(codes @ generator)", "codes @ generator", "kind: wrong"),
        ("drawn @ new_critic)).mean()", "drawn @ new_critic)).sum()", "kind: wrong"),
        ("drawn @ new_critic", "drawn.detach() @ new_critic", "kind: raised"),
        (", new_critic", "", "kind: type"),
    ],
    "matching_loss": [
        ("F.softplus(wrong)", "F.softplus(-wrong)", "wrong captions called real"),
        (
            "F.softplus(wrong).mean() + F.softplus(fake).mean()",
            "2 * F.softplus(fake).mean()",
            "wrong captions left out",
        ),
        (
            "F.softplus(wrong).mean() + F.softplus(fake).mean()",
            "2 * F.softplus(wrong).mean()",
            "drawings left out",
        ),
        ("F.softplus(wrong).mean() + ", "", "no term for wrong captions"),
        (" + F.softplus(fake).mean()", "", "no term for drawings"),
        (
            "(pictures @ weight) * others",
            "(drawn.detach() @ weight) * others",
            "wrong captions for drawings",
        ),
        ("return F", "no = -no; return -F", "sign forgotten"),
        ("no / 2", "no / 2 + right.mean() - (wrong + fake).mean() / 2", "labels swapped"),
        (
            "    no = ",
            "    pairs = (pictures, texts), (pictures, others), (drawn.detach(), texts)\n"
            "    right, wrong, fake = (x @ weight @ t.T for x, t in pairs)\n    no = ",
            "each picture with each caption",
        ),
        ("no / 2", "no", "halves forgotten"),
        (
            "F.softplus(-right).mean() + no / 2",
            "torch.cat([F.softplus(-right), F.softplus(wrong), F.softplus(fake)]).mean()",
            "mean of three",
        ),
        ("torch.roll(texts, -1, dims=0)", "texts", "captions not exchanged"),
        ("dims=0", "dims=1", "rolled inside each caption"),
        (", dims=0", "", "rolled without an axis"),
        ("texts, -1, dims", "texts, 1, dims", "rolled the other way"),
        (
            "((drawn.detach() @ weight) * texts)",
            "((drawn.detach() @ weight) * others)",
            "drawings with wrong captions",
        ),
        (".detach()", "", "no detach"),
        ("F.softplus(fake)", "F.softplus(fake.detach())", "score detached for the drawing"),
        ("F.softplus(fake)", "F.softplus(-fake)", "drawings called real"),
        (
            "    no = ",
            "    right, wrong, fake = right.sigmoid(), wrong.sigmoid(), fake.sigmoid()\n    no = ",
            "a sigmoid twice",
        ),
        (
            "F.softplus(-right).mean() + no / 2",
            "len(texts) * (F.softplus(-right).mean() + no / 2)",
            "sum for mean",
        ),
        (
            "    no = F.softplus(wrong).mean() + F.softplus(fake).mean()\n"
            "    return F.softplus(-right)",
            "    no = -(1 - wrong.sigmoid()).log().mean() - (1 - fake.sigmoid()).log().mean()\n"
            "    return -right.sigmoid().log()",
            "logarithm of zero",
        ),
        ("F.softplus(wrong)", "-(1 - wrong.sigmoid()).clamp(1e-9).log()", "kind: wrong"),
        ("F.softplus(-right).mean()", "F.softplus(-right)", "kind: shape"),
        ("others = ", "weight = weight.detach(); others = ", "kind: gradient"),
        ("F.softplus(-right)", "F.relu(1 - right)", "kind: wrong"),
        (
            "((pictures @ weight) * others)",
            "((pictures @ weight).roll(-1, dims=0) * others)",
            "captions not exchanged",
        ),
    ],
    "content_loss": [
        ("eyes.detach()", "eyes", "the eyes learn too"),
        ("return F", "scores = scores.detach(); return F", "nothing passes the eyes"),
        ("return", "scores = scores.softmax(dim=2); return", "softmax twice"),
        ("bd,qdv->bqv", "bd,qdv->qbv", "questions first"),
        ("scores.flatten(0, 1), asked.flatten()", "scores, asked", "another axis for the answers"),
        (
            "return F.cross_entropy(scores.flatten(0, 1), asked.flatten(), ignore_index=-1)",
            "return (scores.argmax(dim=2) != asked)[asked >= 0].double().mean()",
            "how many are wrong",
        ),
        (
            "asked.flatten(), ignore_index=-1",
            "asked.flatten() % eyes.shape[2]",
            "-1 taken for the last answer",
        ),
        ("asked.flatten(), ignore_index=-1", "asked.flatten().clamp(0)", "-1 taken for answer 0"),
        (
            "ignore_index=-1)",
            "ignore_index=-1, reduction='none').mean()",
            "divided by all questions",
        ),
        (
            "return F.cross_entropy(scores.flatten(0, 1), asked.flatten(), ignore_index=-1)",
            "return torch.stack([F.cross_entropy(s, a, ignore_index=-1) "
            "for s, a in zip(scores, asked)]).mean()",
            "a mean of means over pictures",
        ),
        (
            "return F.cross_entropy(scores.flatten(0, 1), asked.flatten(), ignore_index=-1)",
            "return sum(F.cross_entropy(scores[:, j], asked[:, j], ignore_index=-1) "
            "for j in range(len(eyes))) / len(eyes)",
            "a mean of means over questions",
        ),
        ("ignore_index=-1)", "ignore_index=-1, reduction='sum')", "sum for mean"),
        (
            "ignore_index=-1)",
            "ignore_index=-1, reduction='sum') / len(pictures)",
            "mean over pictures of sums",
        ),
        (
            "F.cross_entropy(scores.flatten(0, 1)",
            "F.nll_loss(scores.flatten(0, 1)",
            "scores for log-probabilities",
        ),
        (
            "F.cross_entropy(scores.flatten(0, 1)",
            "F.nll_loss(scores.log_softmax(1).flatten(0, 1)",
            "softmax over the wrong axis",
        ),
        ("return F", "return -F", "sign forgotten"),
        ("pictures, eyes", "pictures.detach(), eyes", "nothing passes the eyes"),
        (", ignore_index=-1", "", "kind: raised"),
        ("asked.flatten()", "asked.T.flatten()", "kind: wrong"),
    ],
    "loss_at_rest": [
        ("d = 1 / (2 - share)", "d = 0.5", "one half as ever"),
        (
            "-math.log(d) - (1 - share) * math.log(1 - d)",
            "-math.log(d) - math.log(1 - d)",
            "drawings at full weight",
        ),
        ("- (1 - share) * math.log(1 - d)", "", "right pairs only"),
        ("return -math.log(d) - (1 - share) * math.log(1 - d)", "return d", "what the critic says"),
        ("d = 1", "share = 1 - share; d = 1", "shares exchanged"),
        (
            "-math.log(d) - (1 - share) * math.log(1 - d)",
            "math.log(4)",
            "log 4 as ever",
        ),
        (
            "-math.log(d) - (1 - share) * math.log(1 - d)",
            "-math.log2(d) - (1 - share) * math.log2(1 - d)",
            "in bits",
        ),
        (
            "-math.log(d) - (1 - share) * math.log(1 - d)",
            "math.log(d) + (1 - share) * math.log(1 - d)",
            "the value of the game",
        ),
    ],
    "text_heard": [
        ("range(1000)", "range(0)", "nothing heard"),
        ("share * wrong + (1 - share) * drawn", "wrong", "wrong captions only"),
        ("(1 - share) * drawn", "drawn", "drawings at full weight"),
        ("share * wrong + (1 - share) * drawn", "wrong + drawn", "share left out"),
        (", right.flip(1)", ", right.flip(0, 1)", "wrong pairs that look drawn"),
        ("right.flip(0),", "right.flip(0, 1),", "wrong captions only"),
        (
            "share * wrong + (1 - share) * drawn",
            "share * drawn + (1 - share) * wrong",
            "shares exchanged, or look for fit",
        ),
        ("table[1, 1] - table[1, 0]", "table[1, 0] - table[1, 1]", "the wrong way round"),
        ("table[1, 1] - table[1, 0]", "table[0, 1] - table[0, 0]", "pictures that look drawn"),
        (
            "table[1, 1] - table[1, 0]",
            "table[1, 1] - table[0, 1]",
            "shares exchanged, or look for fit",
        ),
        ("(table[1, 1] - table[1, 0])", "table[1, 1]", "one score only"),
        (
            "(table[1, 1] - table[1, 0])",
            "(table[1, 1].sigmoid() - table[1, 0].sigmoid())",
            "probabilities compared",
        ),
        ("range(1000)", "range(3)", "kind: wrong"),
    ],
}
