"""Right answers to the questions of convolution."""

import torch
import torch.nn.functional as F


def convolve(x, weight, bias, stride, padding):
    x = F.pad(x, [padding] * 4)
    size = weight.shape[-1]
    down = (x.shape[2] - size) // stride + 1
    right = (x.shape[3] - size) // stride + 1
    rows = []
    for i in range(down):
        row = []
        for j in range(right):
            top, left = stride * i, stride * j
            window = x[:, None, :, top : top + size, left : left + size]
            row.append((window * weight).sum(dim=(2, 3, 4)) + bias)
        rows.append(torch.stack(row, dim=-1))
    return torch.stack(rows, dim=-2)


def convolve__library(x, kernels, bias, stride, padding):
    return F.conv2d(x, kernels, bias, stride, padding)


def convolve__unfold(x, weight, bias, stride, padding):
    k = weight.shape[-1]
    height, width = ((side + 2 * padding - k) // stride + 1 for side in x.shape[2:])
    columns = F.unfold(x, k, padding=padding, stride=stride)
    y = weight.flatten(1) @ columns + bias[:, None]
    return y.view(len(x), len(weight), height, width)


def max_pool(x, size, stride, padding):
    padded = F.pad(x, [padding] * 4, value=-torch.inf)
    windows = padded.unfold(2, size, stride).unfold(3, size, stride)
    return windows.amax(dim=(-2, -1))


def max_pool__library(x, size, stride, padding):
    return F.max_pool2d(x, size, stride, padding)


def max_pool__loops(x, size, stride, padding):
    h, w = x.shape[2:]
    rows = []
    for top in range(-padding, h + padding - size + 1, stride):
        row = []
        for left in range(-padding, w + padding - size + 1, stride):
            window = x[:, :, max(0, top) : top + size, max(0, left) : left + size]
            row.append(window.flatten(2).max(dim=2).values)
        rows.append(torch.stack(row, dim=2))
    return torch.stack(rows, dim=2)


def output_size(side, size, stride, padding):
    return (side + 2 * padding - size) // stride + 1


def output_size__counted(side, size, stride, padding):
    return len(range(0, side + 2 * padding - size + 1, stride))


def receptive_field(layers):
    seen, step = 1, 1
    for size, stride in layers:
        seen = seen + (size - 1) * step
        step = step * stride
    return seen


def receptive_field__backwards(layers):
    seen = 1
    for size, stride in layers[::-1]:
        seen = size + (seen - 1) * stride
    return seen


def receptive_field__recursion(layers):
    if not layers:
        return 1
    (size, stride), rest = layers[0], layers[1:]
    return size + stride * (receptive_field__recursion(rest) - 1)


def fuse(fine, coarse, weight):
    b, _, h, w = coarse.shape
    same = (weight @ coarse.flatten(2)).view(b, -1, h, w)
    large = same.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    return fine + large


def fuse__library(fine, coarse, weight):
    large = F.interpolate(coarse, size=fine.shape[2:])
    return fine + F.conv2d(large, weight[:, :, None, None])


def fuse__kron(fine, coarse, weight):
    same = torch.einsum("ce,behw->bchw", weight, coarse)
    return torch.kron(same, same.new_ones(2, 2)) + fine


def grad_cam(features, gradients):
    weights = gradients.mean(dim=(1, 2))
    total = (weights[:, None, None] * features).sum(dim=0)
    return torch.relu(total)


def grad_cam__loops(features, gradients):
    total = torch.zeros_like(features[0])
    for channel, gradient in zip(features, gradients, strict=True):
        total = total + channel * gradient.sum() / gradient.numel()
    return total.clamp(min=0)


def grad_cam__matrix(a, g):
    weights = g.flatten(1).mean(dim=1)
    return F.relu(weights @ a.flatten(1)).view(a.shape[1:])


def middle_share(depth):
    row = torch.zeros(2 * depth + 1, dtype=torch.float64)
    row[depth] = 1.0
    for _ in range(depth):
        padded = F.pad(row, [1, 1])
        row = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    cut = depth // 2
    return row[depth - cut : depth + cut + 1].sum().item()


def middle_share__polynomial(depth):
    paths = {0: 1}
    for _ in range(depth):
        ends = {}
        for place, count in paths.items():
            for move in (-1, 0, 1):
                ends[place + move] = ends.get(place + move, 0) + count
        paths = ends
    return sum(c for place, c in paths.items() if 2 * abs(place) <= depth) / 3**depth
