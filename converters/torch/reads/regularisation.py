"""What only training does."""

from __future__ import annotations

from converters.torch.call import OpCall
from converters.torch.rules import rules
from porter.graph.model import Value
from porter.graph.ops.elementwise import Dropout


@rules.reads("dropout", "native_dropout")
def read_dropout(call: OpCall) -> Value:
    return _dropped(call, "dropout", ())


@rules.reads("feature_dropout")
def read_feature_dropout(call: OpCall) -> Value:
    return _dropped(call, "dropout", tuple(range(2, call.x.rank)))


@rules.reads("alpha_dropout", "feature_alpha_dropout")
def read_alpha_dropout(call: OpCall) -> Value:
    return _dropped(call, "alpha", ())


def _dropped(call: OpCall, kind: str, shared: tuple[int, ...]) -> Value:
    if call["train"]:
        raise call.refuse(
            "it is active in inference", "call module.eval() first, and pass training=self.training"
        )
    rate = float(call["p"])
    return call.one(Dropout(rate, kind, shared), call.x) if 0 < rate < 1 else call.x
