"""The operations of TensorFlow's graph by name: which function makes each, and from which inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from porter.dataclass import dataclass

DTYPES: Mapping[str, str] = {
    "DT_BFLOAT16": "bfloat16",
    "DT_BOOL": "bool",
    "DT_DOUBLE": "float64",
    "DT_FLOAT": "float32",
    "DT_HALF": "float16",
    "DT_INT16": "int16",
    "DT_INT32": "int32",
    "DT_INT64": "int64",
    "DT_INT8": "int8",
    "DT_UINT16": "uint16",
    "DT_UINT32": "uint32",
    "DT_UINT64": "uint64",
    "DT_UINT8": "uint8",
}


@dataclass(frozen=True)
class Raw:
    """The function that an operation stands for: what its inputs and attributes are called there."""

    function: str
    inputs: tuple[str, ...] = ("x",)  # "*name": all that are left, as a list
    attributes: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)


_PAIR = ("x", "y")
_REDUCED = ("input_tensor", "axis")
_KEEP = {"keep_dims": "keepdims"}
_WINDOW = {"ksize": "ksize", "strides": "strides", "padding": "padding", "data_format": "data_format"}
_STEPS = {"strides": "strides", "padding": "padding", "data_format": "data_format", "dilations": "dilations"}

ONE: Mapping[str, str] = {
    "Abs": "math.abs", "Ceil": "math.ceil", "Cos": "math.cos", "Elu": "nn.elu", "Erf": "math.erf",
    "Exp": "math.exp",
    "Expm1": "math.expm1", "Floor": "math.floor", "Identity": "identity", "IsFinite": "math.is_finite",
    "IsInf": "math.is_inf", "IsNan": "math.is_nan", "Log": "math.log", "Log1p": "math.log1p",
    "LogSoftmax": "nn.log_softmax", "LogicalNot": "math.logical_not", "Neg": "math.negative",
    "OnesLike": "ones_like", "Reciprocal": "math.reciprocal", "Relu": "nn.relu", "Relu6": "nn.relu6",
    "Rint": "math.rint", "Round": "math.round", "Rsqrt": "math.rsqrt", "Selu": "nn.selu",
    "Sigmoid": "math.sigmoid",
    "Sign": "math.sign", "Sin": "math.sin", "Softmax": "nn.softmax", "Softplus": "math.softplus",
    "Softsign": "nn.softsign", "Sqrt": "math.sqrt", "Square": "math.square", "StopGradient": "stop_gradient",
    "Tan": "math.tan", "Tanh": "math.tanh", "ZerosLike": "zeros_like",
}  # fmt: skip
TWO: Mapping[str, str] = {
    "Add": "math.add", "AddV2": "math.add", "Div": "math.divide", "DivNoNan": "math.divide_no_nan",
    "Equal": "math.equal", "FloorDiv": "math.floordiv", "FloorMod": "math.floormod",
    "Greater": "math.greater",
    "GreaterEqual": "math.greater_equal", "Less": "math.less", "LessEqual": "math.less_equal",
    "LogicalAnd": "math.logical_and", "LogicalOr": "math.logical_or", "Maximum": "math.maximum",
    "Minimum": "math.minimum", "Mul": "math.multiply", "NotEqual": "math.not_equal", "Pow": "math.pow",
    "RealDiv": "math.divide", "SquaredDifference": "math.squared_difference", "Sub": "math.subtract",
}  # fmt: skip
REDUCED: Mapping[str, str] = {
    "All": "all", "Any": "any", "Max": "max", "Mean": "mean", "Min": "min", "Prod": "prod", "Sum": "sum",
}  # fmt: skip

RAW: Mapping[str, Raw] = {
    **{name: Raw(function, ("",)) for name, function in ONE.items()},
    **{name: Raw(function, _PAIR) for name, function in TWO.items()},
    **{name: Raw(f"math.reduce_{function}", _REDUCED, _KEEP) for name, function in REDUCED.items()},
    "AddN": Raw("math.add_n", ("*inputs",)),
    "ArgMax": Raw("math.argmax", ("input", "axis"), {"output_type": "output_type"}),
    "ArgMin": Raw("math.argmin", ("input", "axis"), {"output_type": "output_type"}),
    "AvgPool": Raw("nn.avg_pool", ("input",), _WINDOW),
    "BatchMatMul": Raw("linalg.matmul", ("a", "b"), {"adj_x": "adjoint_a", "adj_y": "adjoint_b"}),
    "BatchMatMulV2": Raw("linalg.matmul", ("a", "b"), {"adj_x": "adjoint_a", "adj_y": "adjoint_b"}),
    "BiasAdd": Raw("nn.bias_add", ("value", "bias"), {"data_format": "data_format"}),
    "BroadcastTo": Raw("broadcast_to", ("input", "shape")),
    "Cast": Raw("cast", ("x",), {"DstT": "dtype"}),
    "ClipByValue": Raw("clip_by_value", ("t", "clip_value_min", "clip_value_max")),
    "Conv2D": Raw("nn.conv2d", ("input", "filter"), _STEPS),
    "Conv3D": Raw("nn.conv3d", ("input", "filter"), _STEPS),
    "Cumprod": Raw("math.cumprod", ("x", "axis"), {"exclusive": "exclusive", "reverse": "reverse"}),
    "Cumsum": Raw("math.cumsum", ("x", "axis"), {"exclusive": "exclusive", "reverse": "reverse"}),
    "DepthToSpace": Raw(
        "nn.depth_to_space", ("input",), {"block_size": "block_size", "data_format": "data_format"}
    ),
    "DepthwiseConv2dNative": Raw("nn.depthwise_conv2d", ("input", "filter"), _STEPS),
    "ExpandDims": Raw("expand_dims", ("input", "axis")),
    "Fill": Raw("fill", ("dims", "value")),
    "GatherNd": Raw("gather_nd", ("params", "indices")),
    "GatherV2": Raw("gather", ("params", "indices", "axis"), {"batch_dims": "batch_dims"}),
    "LeakyRelu": Raw("nn.leaky_relu", ("features",), {"alpha": "alpha"}),
    "MatMul": Raw("linalg.matmul", ("a", "b"), {"transpose_a": "transpose_a", "transpose_b": "transpose_b"}),
    "MatrixBandPart": Raw("linalg.band_part", ("input", "num_lower", "num_upper")),
    "MaxPool": Raw("nn.max_pool", ("input",), _WINDOW),
    "MirrorPad": Raw("pad", ("tensor", "paddings"), {"mode": "mode"}),
    "OneHot": Raw("one_hot", ("indices", "depth", "on_value", "off_value"), {"axis": "axis", "T": "dtype"}),
    "Pack": Raw("stack", ("*values",), {"axis": "axis"}),
    "Pad": Raw("pad", ("tensor", "paddings")),
    "PadV2": Raw("pad", ("tensor", "paddings", "constant_values")),
    "Range": Raw("range", ("start", "limit", "delta")),
    "Reshape": Raw("reshape", ("tensor", "shape")),
    "ReverseV2": Raw("reverse", ("tensor", "axis")),
    "SelectV2": Raw("where", ("condition", "x", "y")),
    "Shape": Raw("shape", ("input",), {"out_type": "out_type"}),
    "Size": Raw("size", ("input",), {"out_type": "out_type"}),
    "Slice": Raw("slice", ("input_", "begin", "size")),
    "SpaceToDepth": Raw(
        "nn.space_to_depth", ("input",), {"block_size": "block_size", "data_format": "data_format"}
    ),
    "Split": Raw("split", ("axis", "value"), {"num_split": "num_or_size_splits"}),
    "SplitV": Raw("split", ("value", "num_or_size_splits", "axis")),
    "Squeeze": Raw("squeeze", ("input",), {"squeeze_dims": "axis"}),
    "Tile": Raw("tile", ("input", "multiples")),
    "TopKV2": Raw("math.top_k", ("input", "k"), {"sorted": "sorted"}),
    "Transpose": Raw("transpose", ("a", "perm")),
    "Unpack": Raw("unstack", ("value",), {"num": "num", "axis": "axis"}),
}
