"""What training makes small: cross-entropy and Dice, first with foreground and background of equal weight.

Shapes: B batch, K outputs or labels, V voxels. With equal weights a network finds small lesions at all; without, its
probabilities become true ones and its false positives fewer.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from models.training.recipe import Head

IGNORED = 255
SMOOTH = 20.0  # voxels


def head_loss(logits: Tensor, targets: Tensor, heads: Sequence[Head], balance: float) -> Tensor:
    """Mean over heads.

    Args:
        logits: (B, K, V) of all heads.
        targets: (B, T, V) uint8: labels for a softmax head, 0, 1 or IGNORED for each output of a sigmoid head.
        balance: 1 for equal weights of foreground and background, 0 for the voxels' own.
    """
    losses, start, place = [], 0, 0
    for head in heads:
        part = logits[:, start : start + head.outputs].float()
        start += head.outputs
        if head.activation == "softmax":
            losses.append(softmax_loss(part, targets[:, place].long()))
            place += 1
        else:
            losses.append(sigmoid_loss(part, targets[:, place : place + head.outputs], balance))
            place += head.outputs
    return torch.stack(losses).mean()


def softmax_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy plus one minus the mean Dice of the labels that are there."""
    known = labels != IGNORED
    if not bool(known.any()):
        return logits.sum() * 0.0
    labels = torch.where(known, labels, torch.zeros_like(labels))
    log = functional.log_softmax(logits, dim=1)
    entropy = -(log.gather(1, labels[:, None])[:, 0] * known).sum() / known.sum()
    share = log.exp() * known[:, None]
    truth = torch.zeros_like(share).scatter_(1, labels[:, None], 1.0) * known[:, None]
    met = (share * truth).sum(dim=(0, 2))
    size = share.sum(dim=(0, 2)) + truth.sum(dim=(0, 2))
    there = truth.sum(dim=(0, 2)) > 0
    there[0] = False
    dice = (2.0 * met + 1.0) / (size + 1.0)
    return entropy + (1.0 - dice[there].mean() if bool(there.any()) else entropy * 0.0)


def sigmoid_loss(logits: Tensor, targets: Tensor, balance: float) -> Tensor:
    """Weighted binary cross-entropy plus, for outputs with foreground, one minus Dice."""
    known = (targets != IGNORED).float()
    truth = (targets == 1).float()
    entropy = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none") * known
    plain = entropy.sum() / known.sum().clamp_min(1.0)
    ahead, behind = truth, known - truth * known
    even = 0.5 * _mean(entropy, ahead) + 0.5 * _mean(entropy, behind)
    share = torch.sigmoid(logits) * known
    met, size = (share * truth).sum(dim=(0, 2)), share.sum(dim=(0, 2)) + truth.sum(dim=(0, 2))
    there = truth.sum(dim=(0, 2)) > 0
    dice = (2.0 * met + SMOOTH) / (size + SMOOTH)
    missed = 1.0 - dice[there].mean() if bool(there.any()) else plain * 0.0
    return balance * even + (1.0 - balance) * 4.0 * plain + missed


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean over outputs of each output's weighted mean; outputs without weight are left out."""
    total = weight.sum(dim=(0, 2))
    there = total > 0
    means = (values * weight).sum(dim=(0, 2))[there] / total[there]
    return means.mean() if means.numel() else values.sum() * 0.0
