"""Registrum: an open, self-hosted registry of model and data artifacts."""

__version__ = "0.1.0.dev0"
