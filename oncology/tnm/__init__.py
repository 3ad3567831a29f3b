"""The TNM engine and its tables."""
