"""Keras 0 and 1, and Keras on Theano: their spelling, their files and their arithmetic, in one form."""
