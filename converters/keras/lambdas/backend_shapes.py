"""The functions of `keras.backend` that move numbers without changing them, as Keras 1 and 2 defined them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.keras.lambdas.backend_calls import METHODS, Caller, function
from converters.keras.lambdas.shapes import Extent, Shape, flat_sizes
from converters.keras.lambdas.terms import NotFollowed
from porter.graph.model import Value
from porter.graph.ops.reshaping import Reshape
from porter.graph.regroup import Kept


@function("shape")
def shape(world: Caller, x: Value) -> Shape:
    """The sizes of a tensor when running."""
    return Shape(x)


@function("int_shape", "get_variable_shape")
def int_shape(world: Caller, x: Value) -> tuple[int | None, ...]:
    """The sizes that are known."""
    return Shape(x).static()


@function("ndim")
def ndim(world: Caller, x: Value) -> int:
    """The number of axes."""
    return x.rank


@function("reshape")
def reshape(world: Caller, x: Value, *told: Any, shape: Any = None, newshape: Any = None) -> Value:
    """Row by row into another shape."""
    wanted = flat_sizes(next(item for item in (told or None, shape, newshape) if item is not None))
    target = [_target(x, size, place) for place, size in enumerate(wanted)]
    return world.layer.add(Reshape(tuple(target)), x)


def _target(x: Value, size: Any, place: int) -> int | Kept | None:
    if isinstance(size, Extent):
        if size.value is x or size.value.shape[size.axis] == x.shape[min(size.axis, x.rank - 1)]:
            return Kept(size.axis)
        raise NotFollowed("a size of another tensor in a reshape is not carried")
    if size is None and place == 0:
        return Kept(0)
    return None if size in (None, -1) else int(size)


@function("flatten")
def flatten(world: Caller, x: Value) -> Value:
    """Everything in one axis."""
    return world.layer.add(Reshape((None,)), x)


@function("batch_flatten")
def batch_flatten(world: Caller, x: Value) -> Value:
    """Each example in one axis."""
    return world.layer.add(Reshape((Kept(0), None)), x)


@function("expand_dims")
def expand_dims(world: Caller, x: Value, axis: int = -1, dim: int | None = None) -> Any:
    """An axis of size 1."""
    return world.operation("ExpandDims", x, axis if dim is None else dim)


@function("squeeze")
def squeeze(world: Caller, x: Value, axis: int) -> Any:
    """Without an axis of size 1."""
    return world.operation("Squeeze", x, axis)


@function("permute_dimensions")
def permute_dimensions(world: Caller, x: Value, pattern: Sequence[int]) -> Any:
    """Axes in another order."""
    return world.operation("Transpose", x, tuple(pattern))


@function("concatenate")
def concatenate(world: Caller, tensors: Sequence[Value], axis: int = -1) -> Any:
    """Tensors one after another."""
    return world.operation("Concatenate", list(tensors), axis=axis)


@function("stack", "pack")
def stack(world: Caller, x: Sequence[Value], axis: int = 0) -> Any:
    """Tensors along an axis of their own."""
    return world.operation("Stack", list(x), axis=axis)


@function("reverse")
def reverse(world: Caller, x: Value, axes: Any) -> Any:
    """The other way round."""
    return world.operation("Flip", x, axis=axes)


@function("tile")
def tile(world: Caller, x: Value, n: Any) -> Any:
    """Copies beside each other."""
    repeats = list(n) if isinstance(n, (list, tuple)) else [n]
    return world.operation("Tile", x, [1] * (x.rank - len(repeats)) + repeats)


@function("repeat")
def repeat(world: Caller, x: Value, n: int) -> Any:
    """A vector as a sequence of itself."""
    return world.layer_rule("RepeatVector", {"n": n}, x)


@function("repeat_elements")
def repeat_elements(world: Caller, x: Value, rep: int, axis: int) -> Any:
    """Each cell several times."""
    return world.operation("Repeat", x, rep, axis=axis)


@function("resize_images")
def resize_images(
    world: Caller, x: Value, height_factor: int, width_factor: int, data_format: str = "tf", **more: Any
) -> Any:
    """Pixels repeated."""
    told = {"th": "channels_first", "tf": "channels_last"}.get(data_format, data_format)
    aside = not world.layer.context.conventions.old_grid
    config = {"size": [height_factor, width_factor], "data_format": told, "half_pixel": aside, **more}
    return world.layer_rule("UpSampling2D", config, x)


@function("pool2d")
def pool2d(
    world: Caller,
    x: Value,
    pool_size: Sequence[int],
    strides: Sequence[int] = (1, 1),
    padding: str = "valid",
    data_format: str = "tf",
    pool_mode: str = "max",
    **older: Any,
) -> Any:
    """Windows reduced to one number each."""
    told = older.get("dim_ordering", data_format) or "tf"
    config = {
        "pool_size": list(pool_size),
        "strides": list(strides),
        "padding": older.get("border_mode", padding),
        "data_format": {"th": "channels_first", "tf": "channels_last"}.get(told, told),
    }
    return world.layer_rule({"max": "MaxPooling2D", "avg": "AveragePooling2D"}[pool_mode], config, x)


@function("temporal_padding")
def temporal_padding(world: Caller, x: Value, padding: Any = (1, 1)) -> Any:
    """Zeros before and after a sequence."""
    return world.layer_rule("ZeroPadding1D", {"padding": padding}, x)


@function("spatial_2d_padding")
def spatial_2d_padding(world: Caller, x: Value, padding: Any = (1, 1), data_format: str = "tf") -> Any:
    """Zeros around images."""
    told = {"th": "channels_first", "tf": "channels_last"}.get(data_format, data_format)
    return world.layer_rule("ZeroPadding2D", {"padding": padding, "data_format": told}, x)


@function("image_data_format", "config.image_data_format")
def image_data_format(world: Caller) -> str:
    """Keras's setting when the model was made: which way round its images lay."""
    found = world.layer.context.conventions.data_format
    if found is None:
        raise NotFollowed("which way round images lay where it was made is not told by the file's layers")
    world.layer.context.notices.append(
        f"{'/'.join(world.layer.path)} (Lambda) asks Keras for the ordering of images: {found} is taken, "
        "as the file's layers have it"
    )
    return found


@function("image_dim_ordering")
def image_dim_ordering(world: Caller) -> str:
    """The same in the words of Keras 1."""
    return {"channels_first": "th", "channels_last": "tf"}[image_data_format(world)]


@function("backend")
def backend(world: Caller) -> str:
    """What Keras ran on."""
    found = world.layer.context.conventions.backend
    if found is None:
        raise NotFollowed("it asks what Keras ran on, which is not known; say it with --source-backend")
    return found


def dimshuffle(world: Caller, x: Value, *pattern: Any) -> Any:
    """Theano's reordering, where 'x' is an axis of size 1."""
    told = list(pattern[0]) if len(pattern) == 1 and isinstance(pattern[0], (list, tuple)) else list(pattern)
    kept = [axis for axis in told if axis != "x"]
    if sorted(kept) != list(range(x.rank)):
        raise NotFollowed("dimshuffle drops axes")
    value = world.operation("Transpose", x, tuple(kept)) if kept != sorted(kept) else x
    for place, axis in enumerate(told):
        if axis == "x":
            value = world.operation("ExpandDims", value, place)
    return value


def theano_flatten(world: Caller, x: Value, ndim: int = 1, outdim: int | None = None) -> Value:
    """All axes from some place on in one."""
    axes = ndim if outdim is None else outdim
    return world.layer.add(Reshape((*(Kept(axis) for axis in range(axes - 1)), None)), x)


METHODS.update(dimshuffle=dimshuffle, flatten=theano_flatten, reshape=reshape)
