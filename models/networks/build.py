"""A network from its plain description, as a card holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from models.networks.unet import FusionNet, SegmentationNet, TwoBranchNet
from oncology.errors import ModelError


def build_network(shape: Mapping[str, Any]) -> nn.Module:
    """The untrained network.

    Args:
        shape: `kind` (unet, fusion, two_branch), `inputs`, `channels`, `outputs`, and what that kind needs besides.

    Raises:
        ModelError: a kind that is not known, or sizes that do not fit.
    """
    sizes = {name: value for name, value in shape.items() if name != "kind"}
    kinds = {"unet": SegmentationNet, "fusion": FusionNet, "two_branch": TwoBranchNet}
    kind = kinds.get(str(shape.get("kind")))
    if kind is None:
        raise ModelError(f"network kind {shape.get('kind')!r} is not known; expected one of: {', '.join(kinds)}")
    try:
        network: nn.Module = kind(**sizes)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"a network of kind {shape['kind']} cannot be built from {sizes}; check the card") from error
    return network
