"""Registrum: an open, self-hosted registry of model and data artifacts."""
