"""Registry, cards, networks and synthetic patients."""
