"""Lambda layers: the bytecode in a file is read as data and understood symbolically. It is never executed."""
