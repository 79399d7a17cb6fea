"""The JAX reader, room by room; `read.py` puts them together."""
