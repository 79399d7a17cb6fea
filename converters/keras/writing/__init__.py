"""The Keras writer, room by room; `write.py` puts them together."""
