"""The smallest network that inference is tested on: its shape, its heads and its grid."""

from models.card import Head

SPACING = (2.0, 2.0, 2.0)
SHAPE = {"kind": "unet", "inputs": 2, "channels": [16, 32], "outputs": 5}
HEADS = (Head("anatomy", "softmax", ("aorta", "trachea")), Head("lesion", "sigmoid", ("tumor", "node")))
