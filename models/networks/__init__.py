"""Network architectures: layers and shapes, without weights, sizes or use."""
