"""What has no meaning in a converted model, and why."""

from __future__ import annotations

from converters.jax.rules import rules

rules.cannot_read(
    "random_bits",
    "random_seed",
    "random_wrap",
    "random_unwrap",
    "random_split",
    "random_fold_in",
    "random_gamma",
    "random_clone",
    "threefry2x32",
    "rng_bit_generator",
    "rng_uniform",
    because="draws random numbers, also in inference",
    hint="switch it off (model.eval(), deterministic=True, train=False) or hand the numbers in as an input",
)
rules.cannot_read(
    "pure_callback",
    "io_callback",
    "debug_callback",
    "debug_print",
    "outside_call",
    "ffi_call",
    because="calls back into Python or foreign code, which cannot come along",
    hint="remove the call, or write its body in jax.numpy",
)
rules.cannot_read(
    "xla_pmap",
    "shard_map",
    "psum",
    "psum_invariant",
    "pmax",
    "pmin",
    "all_gather",
    "all_to_all",
    "ppermute",
    "reduce_scatter",
    "axis_index",
    because="speaks to other devices",
    hint="give the model as one device runs it, without pmap, shard_map or axis_name",
)
rules.cannot_read(
    "fft",
    "complex",
    "imag",
    "conj",
    because="computes with complex numbers",
)
rules.cannot_read(
    "lgamma",
    "digamma",
    "polygamma",
    "igamma",
    "igammac",
    "regularized_incomplete_beta",
    "bessel_i0e",
    "bessel_i1e",
    "zeta",
    "nextafter",
    "population_count",
    "clz",
    "reduce_xor",
    "cummax",
    "cummin",
    "cumlogsumexp",
    "shift_right_logical",
    "approx_top_k",
    "bitcast_convert_type",
    "ragged_dot",
    "ragged_dot_general",
    because="is a function that porter has no op for",
)
rules.cannot_read(
    "cholesky",
    "eig",
    "eigh",
    "lu",
    "qr",
    "householder_product",
    "schur",
    "svd",
    "triangular_solve",
    "tridiagonal_solve",
    "linear_solve",
    "custom_linear_solve",
    because="decomposes or solves matrices, which no reading rule covers yet",
)
rules.cannot_read(
    "ref_get",
    "ref_set",
    "get",
    "swap",
    "addupdate",
    "run_state",
    "pallas_call",
    because="reads or writes memory in place",
    hint="write it without references or kernels",
)
