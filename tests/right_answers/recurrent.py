"""Right answers to the questions of recurrent networks."""

import math

import torch
from torch import nn


def rnn_step(x, h, w, u, b):
    return torch.tanh(x @ w.T + h @ u.T + b)


def rnn_step__one_matrix(inputs, state, w, u, bias):
    both = torch.cat([inputs, state], dim=1)
    return torch.tanh(nn.functional.linear(both, torch.cat([w, u], dim=1), bias))


def rnn_step__loops(x, h, w, u, b):
    rows = []
    for x_row, h_row in zip(x, h, strict=True):
        sums = [(w[k] * x_row).sum() + (u[k] * h_row).sum() + b[k] for k in range(len(b))]
        rows.append(torch.stack(sums))
    total = torch.stack(rows)
    return (total.exp() - (-total).exp()) / (total.exp() + (-total).exp())


def gru_step(x, h, w, u, b, c):
    r_x, z_x, new_x = (x @ w.T + b).chunk(3, dim=1)
    r_h, z_h, new_h = (h @ u.T + c).chunk(3, dim=1)
    r = torch.sigmoid(r_x + r_h)
    z = torch.sigmoid(z_x + z_h)
    new = torch.tanh(new_x + r * new_h)
    return (1 - z) * new + z * h


def gru_step__difference(x, h, w, u, b, c):
    d = h.shape[1]
    gates = torch.sigmoid(x @ w[: 2 * d].T + b[: 2 * d] + h @ u[: 2 * d].T + c[: 2 * d])
    new = x @ w[2 * d :].T + b[2 * d :] + gates[:, :d] * (h @ u[2 * d :].T + c[2 * d :])
    return new.tanh() + gates[:, d:] * (h - new.tanh())


def gru_step__library(x, h, w, u, b, c):
    cell = nn.GRUCell(x.shape[1], h.shape[1])
    weights = {"weight_ih": w, "weight_hh": u, "bias_ih": b, "bias_hh": c}
    return torch.func.functional_call(cell, weights, (x, h))


def read_sequence(x, w, u, b):
    h = torch.zeros(len(x), len(b), dtype=x.dtype)
    states = []
    for x_t in x.unbind(dim=1):
        h = torch.tanh(x_t @ w.T + h @ u.T + b)
        states.append(h)
    return torch.stack(states, dim=1)


def read_sequence__in_place(x, w, u, b):
    states = x.new_zeros(x.shape[0], x.shape[1] + 1, len(b))
    for t in range(x.shape[1]):
        now = torch.tanh(x[:, t] @ w.T + states[:, t].clone() @ u.T + b)
        states = torch.cat([states[:, : t + 1], now[:, None], states[:, t + 2 :]], dim=1)
    return states[:, 1:]


def read_sequence__library(x, w, u, b):
    net = nn.RNN(x.shape[2], len(b), batch_first=True).double()
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    weights = dict(zip(names, (w, u, b, torch.zeros_like(b)), strict=True))
    return torch.func.functional_call(net, weights, (x,))[0]


def clip_gradients(grads, limit):
    length = sum((grad**2).sum() for grad in grads) ** 0.5
    factor = min(1.0, limit / length)
    return [grad * factor for grad in grads]


def clip_gradients__library(grads, limit):
    holders = [nn.Parameter(torch.zeros_like(grad)) for grad in grads]
    for holder, grad in zip(holders, grads, strict=True):
        holder.grad = grad.clone()
    nn.utils.clip_grad_norm_(holders, limit)
    return tuple(holder.grad for holder in holders)


def clip_gradients__norm_of_norms(grads, limit):
    length = math.hypot(*(grad.norm().item() for grad in grads))
    return tuple(grad / max(1.0, length / limit) for grad in grads)


def count_gru(inputs, width):
    return 3 * (width * inputs + width * width + 2 * width)


def count_gru__library(i, d):
    return sum(weight.numel() for weight in nn.GRUCell(i, d, device="meta").parameters())


def gradient_left(u, steps):
    start = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    h = start
    for _ in range(steps):
        h = torch.tanh(u * h)
    h.backward()
    return abs(start.grad.item())


def gradient_left__chain_rule(u, steps):
    h, product = 0.5, 1.0
    for _ in range(steps):
        h = math.tanh(u * h)
        product *= u * (1 - h * h)
    return abs(product)
