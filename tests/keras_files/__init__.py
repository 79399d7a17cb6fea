"""Saved Keras files of every format: what is read from them, and what is refused."""
