"""How Keras says each layer: one file per family, mirroring `porter/graph/ops`; found and imported by need.

`ops_*` are the operations of `keras.ops`, `tf_*` TensorFlow's own functions in models of tf.keras 2.
"""
