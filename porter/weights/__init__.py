"""Weights: lazy tensors, the ledger that accounts for them, and neutral weight files."""
