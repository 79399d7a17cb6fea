"""How torch's operators are read, keyed by their names in `aten`: one file per family, mirroring
`porter/graph/ops`; found and imported by need."""
