"""Live models of Keras 3 and of tf.keras 2.

A model of known layers has an architecture, and goes the road of files. Any other is called on symbolic
tensors, and what it calls is recorded (`recorder`, with `keras3` and `keras2` for what differs), merged over
two batch sizes (`merging`) and nested as the model nests its layers (`nesting`). Either way a ModelSpec comes
out, which the layer rules read; `variables` then finds the live variable for each of their slots.

Keras is imported here by nobody: whoever holds a live model has it already.
"""
