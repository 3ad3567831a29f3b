"""Models that others made: nnU-Net folders, MONAI bundles, TorchScript, ONNX, TotalSegmentator."""
