"""What runs a model: one contract (`base`), one registry, and the backends of akrt."""
