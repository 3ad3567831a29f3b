"""Plans of synthetic patients, one module per group of cancers."""
