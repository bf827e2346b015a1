"""Right answers to the questions of a GAN that draws from text."""

import math

import torch
import torch.nn.functional as F


def caption_vectors(states, real):
    tokens = real[:, :, None].to(states)
    return (states * tokens).sum(dim=1) / tokens.sum(dim=1)


def caption_vectors__one_by_one(states, real):
    pairs = zip(states, real, strict=True)
    return torch.stack([vectors[tokens].mean(dim=0) for vectors, tokens in pairs])


def caption_vectors__einsum(states, mask):
    share = mask / mask.sum(dim=1, keepdim=True)
    return torch.einsum("bnd,bn->bd", states, share.to(states.dtype))


def caption_vectors__nanmean(states, real):
    return states.masked_fill(~real.unsqueeze(-1), float("nan")).nanmean(dim=1)


def play_round(pictures, codes, generator, critic, step):
    generator, critic = generator.detach().requires_grad_(), critic.detach().requires_grad_()
    drawn = torch.tanh(codes @ generator)
    loss = F.softplus(-(pictures @ critic)).mean() + F.softplus(drawn @ critic).mean()
    (slope,) = torch.autograd.grad(loss, critic)
    new_critic = critic - step * slope
    loss = F.softplus(-(drawn @ new_critic)).mean()
    (slope,) = torch.autograd.grad(loss, generator)
    return generator - step * slope, new_critic


def play_round__optimizers(pictures, codes, generator, critic, step):
    generator, critic = (torch.nn.Parameter(w.clone()) for w in (generator, critic))
    turns = {one: torch.optim.SGD([one], lr=step) for one in (critic, generator)}
    for player, optimizer in turns.items():
        score = torch.tanh(codes @ generator) @ critic
        one, no = torch.ones_like(score), torch.zeros_like(score)
        if player is critic:
            real = pictures @ critic
            loss = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
            loss = loss + F.binary_cross_entropy_with_logits(score, no)
        else:
            loss = F.binary_cross_entropy_with_logits(score, one)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return generator.detach(), critic.detach()


def play_round__slopes_by_hand(x, z, generator, critic, step):
    drawn = torch.tanh(z @ generator)
    to_real = (1 - (x @ critic).sigmoid()) / len(x)
    to_drawn = (drawn @ critic).sigmoid() / len(z)
    critic = critic + step * (to_real @ x - to_drawn @ drawn)
    wish = (1 - (drawn @ critic).sigmoid())[:, None] / len(z) * critic
    return generator + step * z.T @ (wish * (1 - drawn**2)), critic


def matching_loss(pictures, drawn, texts, weight):
    others = torch.roll(texts, -1, dims=0)
    right = ((pictures @ weight) * texts).sum(dim=1)
    wrong = ((pictures @ weight) * others).sum(dim=1)
    fake = ((drawn.detach() @ weight) * texts).sum(dim=1)
    no = F.softplus(wrong).mean() + F.softplus(fake).mean()
    return F.softplus(-right).mean() + no / 2


def matching_loss__one_by_one(pictures, drawn, texts, weight):
    n = len(pictures)
    loss = 0.0
    for i in range(n):
        loss = loss - F.logsigmoid(pictures[i] @ weight @ texts[i])
        loss = loss - 0.5 * F.logsigmoid(-(pictures[i] @ weight @ texts[(i + 1) % n]))
        loss = loss - 0.5 * F.logsigmoid(-(drawn[i].detach() @ weight @ texts[i]))
    return loss / n


def matching_loss__cross_entropies(pictures, drawn, texts, weight):
    others = torch.cat([texts[1:], texts[:1]])
    drawn = drawn.clone().detach()
    pairs = (pictures, texts, 1.0), (pictures, others, 0.0), (drawn, texts, 0.0)
    losses = []
    for x, text, label in pairs:
        score = torch.einsum("nd,dk,nk->n", x, weight, text)
        label = torch.full_like(score, label)
        losses.append(F.binary_cross_entropy_with_logits(score, label))
    return losses[0] + 0.5 * (losses[1] + losses[2])


def content_loss(pictures, eyes, asked):
    scores = torch.einsum("bd,qdv->bqv", pictures, eyes.detach())
    return F.cross_entropy(scores.flatten(0, 1), asked.flatten(), ignore_index=-1)


def content_loss__one_by_one(pictures, eyes, asked):
    lost = []
    for picture, row in zip(pictures, asked.tolist(), strict=True):
        for eye, answer in zip(eyes.detach(), row, strict=True):
            if answer >= 0:
                scores = picture @ eye
                lost.append(scores.logsumexp(dim=0) - scores[answer])
    return sum(lost) / len(lost)


def content_loss__frozen(pictures, eyes, asked):
    eyes = [eye.clone().detach() for eye in eyes]
    log_p = torch.stack([(pictures @ eye).log_softmax(dim=1) for eye in eyes], dim=1)
    rows, questions = torch.nonzero(asked != -1, as_tuple=True)
    return -log_p[rows, questions, asked[rows, questions]].mean()


def loss_at_rest(share):
    d = 1 / (2 - share)
    return -math.log(d) - (1 - share) * math.log(1 - d)


def loss_at_rest__searched(share):
    """No formula for D: the least of the loss on a fine grid."""
    d = torch.linspace(0.0005, 0.9995, 999001, dtype=torch.float64)
    return (-d.log() - (1 - share) * (1 - d).log()).min().item()


def text_heard(clear, share):
    bit = torch.tensor([1 - clear, clear])  # how probable 0 and 1 are where 1 is true
    right = torch.outer(bit, bit)
    drawn, wrong = right.flip(0), right.flip(1)
    table = torch.zeros(2, 2)
    for _ in range(1000):
        no = share * wrong + (1 - share) * drawn
        table = table + 5 * (right * (-table).sigmoid() - no * table.sigmoid())
    return (table[1, 1] - table[1, 0]).item()


def text_heard__closed_form(clear, share):
    odds = clear / (1 - clear)
    fits, misfits = odds, 1 / (share * odds + (1 - share) / odds)
    return math.log(fits) - math.log(misfits)
