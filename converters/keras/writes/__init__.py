"""How Keras says each op: one file per family, mirroring `porter/graph/ops`; found and imported by need."""
