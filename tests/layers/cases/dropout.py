"""Rows of the layers that only act while training: in inference they hand their input on."""

from __future__ import annotations

from tests.layers.cases.case import LayerCase, feed, row

CASES: tuple[LayerCase, ...] = (
    row("dropout", "Dropout", feed(4, 6), rate=0.4),
    row("dropout_noise_shape", "Dropout", feed(4, 6), rate=0.4, noise_shape=(None, 1, 6)),
    row("dropout_seeded", "Dropout", feed(6), rate=0.2, seed=3),
    row("alpha_dropout", "AlphaDropout", feed(4, 6), rate=0.3),
    row("gaussian_dropout", "GaussianDropout", feed(4, 6), rate=0.3),
    row("gaussian_noise", "GaussianNoise", feed(4, 6), stddev=0.3),
    row("spatial_dropout1d", "SpatialDropout1D", feed(5, 3), rate=0.3),
    row("spatial_dropout2d", "SpatialDropout2D", feed(4, 5, 3), rate=0.3),
    row("spatial_dropout2d_first", "SpatialDropout2D", feed(3, 4, 5), rate=0.3, data_format="channels_first"),
    row("spatial_dropout3d", "SpatialDropout3D", feed(3, 4, 5, 2), rate=0.3),
)  # fmt: skip
