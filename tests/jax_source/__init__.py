"""JAX models read: live modules, functions, Linen; judged by JAX itself."""
