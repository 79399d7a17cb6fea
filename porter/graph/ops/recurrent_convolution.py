"""LSTM over sequences of images, with convolutions for products."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from porter.dataclass import dataclass
from porter.errors import GraphError
from porter.graph.dims import may_equal, show
from porter.graph.layouts import Layout, Orientation, Relaid, Request
from porter.graph.model import Spec
from porter.graph.ops.convolution import Conv, Padding, Pads, explicit, from_last, join, split, to_last
from porter.graph.ops.op import Array, Arrays, Op
from porter.graph.ops.recurrent import SIGMOID, TANH, Gaps, applied, ends_in_state
from porter.numerics import recurrent


@dataclass(frozen=True)
class ConvLstm(Op):
    """An LSTM whose products are convolutions; inputs and outputs as those of `Lstm`, states h and c.

    The input's is of any kind; the state's has strides of 1 and keeps the size: with an even kernel
    the smaller
    half of the zeros is in front, unless `state_padding` says otherwise.
    """

    PARAMS: ClassVar[Mapping[str, str]] = {
        "weight_ih": "({i f g o} u) c *k",
        "weight_hh": "({i f g o} u) h *k",
        "bias?": "({i f g o} u)",
    }
    STATES: ClassVar[int] = 2
    inputs: int
    units: int
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: Padding
    activation: Op | None = TANH
    recurrent_activation: Op | None = SIGMOID
    masked: bool = False
    started: bool = False
    gaps: Gaps = "repeat"
    orientation: Orientation = "last"
    state_padding: Pads | None = None

    @property
    def ends_in_state(self) -> bool:
        """Whether the output at the walk's last step is the first state after it."""
        return ends_in_state(self.masked, self.started, self.gaps)

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        x = inputs[0]
        wanted = 1 + int(self.masked) + self.STATES * int(self.started)
        if x.rank != len(self.kernel) + 3 or len(inputs) != wanted:
            raise GraphError(f"expects {wanted} inputs, the first a sequence of images, got {show(x.shape)}")
        step = Spec((x.shape[0], *x.shape[2:]), x.dtype)
        batch, sizes, channels = split(step, self.orientation)
        if not may_equal(channels, self.inputs):
            raise GraphError(f"expects {self.inputs} channels, got {show(x.shape)}")
        conv = Conv(self.inputs, self.units, self.kernel, self.strides, self.dilation, self.padding)
        (image,) = conv.infer(Spec((batch, *sizes, channels), x.dtype))
        shape = join(batch, image.shape[1:-1], self.units, self.orientation)
        state = Spec(shape, x.dtype)
        return (Spec((batch, x.shape[1], *shape[1:]), x.dtype), state, state, state)

    def meaning(self, inputs: Sequence[Array], params: Mapping[str, Array]) -> Arrays:
        x, *others = inputs
        walk: dict[str, Any] = {"zero_masked": self.gaps == "zeros", "state_shown": self.gaps == "state"}
        if self.masked:
            walk["mask"] = others.pop(0)
        x = self._at_each_step(x, to_last)
        states: list[Array | None] = [to_last(state, self.orientation) for state in others]
        pads = explicit(self.padding, x.shape[2:-1], self.kernel, self.strides, self.dilation)
        sequence, ends = recurrent.conv_lstm(
            x,
            params["weight_ih"],
            params["weight_hh"],
            params.get("bias"),
            *(states or [None, None]),
            strides=self.strides,
            dilation=self.dilation,
            padding=pads,
            state_padding=self.state_padding,
            activation=applied(self.activation),
            recurrent_activation=applied(self.recurrent_activation),
            **walk,
        )
        turned = [from_last(state, self.orientation) for state in (sequence[:, -1], *ends)]
        return (self._at_each_step(sequence, from_last), *turned)

    def _at_each_step(self, x: Array, turn: Callable[[Array, Orientation], Array]) -> Array:
        """A sequence whose images are turned."""
        images = turn(x.reshape(-1, *x.shape[2:]), self.orientation)
        return images.reshape(*x.shape[:2], *images.shape[1:])

    def relayout(self, request: Request) -> Relaid:
        state = Layout.oriented(request.inputs[0].rank - 1, self.orientation, request.target)
        # one axis more in front, of which the orientation knows nothing
        sequence = Layout((0, *(1 + axis for axis in state.perm)))
        mask = (Layout.identity(2),) * int(self.masked)
        starts = (state,) * (self.STATES * int(self.started))
        changed = replace(self, orientation=request.target)
        return Relaid(changed, (sequence, *mask, *starts), (sequence, state, state, state))
