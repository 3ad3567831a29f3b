"""A small 3D U-Net without residuals, and two of them joined for CT and PET.

Plain torch layers: they are all that is needed here, and importing MONAI would make every inference worker start five
seconds later. Channel counts in multiples of 16 keep the CPU's matrix units full (other counts are ten times slower).

Shapes: B batch, C channels, Z, Y, X voxels; Z, Y and X are multiples of 2 ** (levels - 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

SLOPE = 0.01


class ConvPair(nn.Sequential):
    """Two 3 x 3 x 3 convolutions with instance normalization; the first may halve the grid."""

    def __init__(self, inside: int, outside: int, stride: int = 1) -> None:
        layers: list[nn.Module] = []
        for count, step in ((inside, stride), (outside, 1)):
            layers += [
                nn.Conv3d(count, outside, 3, stride=step, padding=1, bias=False),
                nn.GroupNorm(outside, outside),  # a group a channel is instance normalization, and compiles well
                nn.LeakyReLU(SLOPE, inplace=True),
            ]
        super().__init__(*layers)


class UNet(nn.Module):
    """(B, C, Z, Y, X) to features (B, channels[0], Z, Y, X)."""

    def __init__(self, inputs: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            ConvPair(before, after, 1 if level == 0 else 2)
            for level, (before, after) in enumerate(zip([inputs, *channels], channels, strict=False))
        )
        pairs = list(pairwise(channels))[::-1]
        self.up = nn.ModuleList(nn.ConvTranspose3d(deep, shallow, 2, stride=2, bias=False) for shallow, deep in pairs)
        self.joined = nn.ModuleList(ConvPair(2 * shallow, shallow) for shallow, _ in pairs)

    def forward(self, image: Tensor) -> Tensor:
        """Features of every voxel."""
        kept: list[Tensor] = []
        for stage in self.down:
            image = stage(image)
            kept.append(image)
        image = kept.pop()
        for up, joined in zip(self.up, self.joined, strict=True):
            image = joined(torch.cat([kept.pop(), up(image)], dim=1))
        return image


class VoxelHead(nn.Sequential):
    """Features to logits, voxel by voxel; with `hidden` channels between, where many labels share few features."""

    def __init__(self, features: int, outputs: int, hidden: int = 0) -> None:
        layers: list[nn.Module] = []
        if hidden:
            layers += [nn.Conv3d(features, hidden, 1), nn.LeakyReLU(SLOPE, inplace=True)]
        super().__init__(*layers, nn.Conv3d(hidden or features, outputs, 1))


class SegmentationNet(nn.Module):
    """One U-Net: logits (B, outputs, Z, Y, X) of all heads, one after the other."""

    def __init__(self, inputs: int, channels: Sequence[int], outputs: int, hidden: int = 0) -> None:
        super().__init__()
        self.body = UNet(inputs, channels)
        self.head = VoxelHead(channels[0], outputs, hidden)

    def features(self, image: Tensor) -> Tensor:
        """(B, channels[0], Z, Y, X): what the head decides by."""
        return self.body(image)

    def forward(self, image: Tensor) -> Tensor:
        """Logits."""
        return self.head(self.features(image))


class FusionNet(nn.Module):
    """Early and late fusion of CT and PET: one U-Net sees everything, a smaller one CT and PET; their features meet.

    The idea of two chained streams is that of Jin 2021 (DeepTarget, Med Image Anal 68:101909). The channel `flag`
    (constant 1 with PET, 0 without) silences the second stream where there is no PET.
    """

    def __init__(
        self, inputs: int, channels: Sequence[int], outputs: int, late: Sequence[int], seen: Sequence[int], flag: int
    ) -> None:
        super().__init__()
        self.seen, self.flag = list(seen), flag
        self.early = UNet(inputs, channels)
        self.late = UNet(len(self.seen), late)
        self.head = VoxelHead(channels[0] + late[0], outputs)

    def features(self, image: Tensor) -> Tensor:
        """(B, channels[0] + late[0], Z, Y, X): what the head decides by."""
        late = self.late(image[:, self.seen]) * image[:, self.flag : self.flag + 1]
        return torch.cat([self.early(image), late], dim=1)

    def forward(self, image: Tensor) -> Tensor:
        """Logits (B, outputs, Z, Y, X)."""
        return self.head(self.features(image))


class TwoBranchNet(nn.Module):
    """A node seen at its own scale and at a fixed one: logits (B, outputs) from crops (B, 2 * inputs, Z, Y, X).

    The first half of the channels is the crop in which every node is equally large (texture and border, whatever the
    size), the second the one in millimeters (size and surroundings). A `first_stride` of 2 halves the grid at once, as
    the crops are finer than the scans that they are cut from.
    """

    def __init__(self, inputs: int, channels: Sequence[int], outputs: int, first_stride: int = 1) -> None:
        super().__init__()
        self.inputs = inputs
        self.branches = nn.ModuleList(self._branch(inputs, channels, first_stride) for _ in range(2))
        self.head = nn.Sequential(
            nn.Linear(4 * channels[-1], 64), nn.LeakyReLU(SLOPE), nn.Dropout(0.3), nn.Linear(64, outputs)
        )

    @staticmethod
    def _branch(inputs: int, channels: Sequence[int], first_stride: int) -> nn.Sequential:
        return nn.Sequential(
            *(
                ConvPair(before, after, first_stride if level == 0 else 2)
                for level, (before, after) in enumerate(zip([inputs, *channels], channels, strict=False))
            )
        )

    def forward(self, image: Tensor) -> Tensor:
        """Logits; each branch gives its mean and its highest features."""
        halves = (image[:, : self.inputs], image[:, self.inputs :])
        found: list[Tensor] = []
        for branch, half in zip(self.branches, halves, strict=True):
            features = branch(half)
            found += [features.mean(dim=(2, 3, 4)), features.amax(dim=(2, 3, 4))]
        return self.head(torch.cat(found, dim=1))
