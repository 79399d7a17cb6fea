"""How JAX's primitives and Flax's layers are read: one file per family, found and imported by need."""
