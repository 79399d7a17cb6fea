"""What each bytecode instruction does, of any version, in the steps of `machine.py` and `flow.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from converters.keras.lambdas.marshalled import Code
from converters.keras.lambdas.opcodes import COMPARISONS, NUMBERED_OPERATORS, OPERATORS, Dialect

Actions = list[tuple[str, Any]]
Rule = Callable[[int, Code, Dialect], Actions]


def by_prefix(name: str) -> Rule | None:
    """The operators, which are named alike."""
    kind, _, rest = name.partition("_")
    if kind in ("BINARY", "INPLACE") and rest in OPERATORS:
        action = "divide" if rest == "DIVIDE" else {"BINARY": "binary", "INPLACE": "in_place"}[kind]
        return lambda argument, code, dialect: [(action, OPERATORS[rest])]
    return None


def _plain(action: str, operand: Any = None) -> Rule:
    return lambda argument, code, dialect: [(action, operand)]


def _counted(action: str) -> Rule:
    return lambda argument, code, dialect: [(action, argument)]


def _variable(argument: int, code: Code) -> str:
    return code.varnames[argument]


def _load_global(argument: int, code: Code, dialect: Dialect) -> Actions:
    if dialect.layout != "3.11":
        return [("global", code.names[argument])]
    load = ("global", code.names[argument >> 1])
    gap = [("nothing", None)] if argument & 1 else []
    return [load, *gap] if dialect.versions == "3.13" else [*gap, load]


def _load_attr(argument: int, code: Code, dialect: Dialect) -> Actions:
    if dialect.versions not in ("3.12", "3.13"):
        return [("attribute", code.names[argument])]
    gap = [("nothing", None)] if argument & 1 else []
    return [("attribute", code.names[argument >> 1]), *gap]


def _load_method(argument: int, code: Code, dialect: Dialect) -> Actions:
    gap = [("nothing", None)] if dialect.layout == "3.11" else []
    return [("attribute", code.names[argument]), *gap]


def _call_function(argument: int, code: Code, dialect: Dialect) -> Actions:
    """Before 3.6 the low byte counts arguments and the high byte pairs of a name and an argument."""
    if dialect.form == "bytes":
        return [("call_pairs", (argument & 0xFF, argument >> 8))]
    return [("call", argument)]


def _compare(argument: int, code: Code, dialect: Dialect) -> Actions:
    shift = {"3.12": 4, "3.13": 5}.get(dialect.versions, 0)
    place = argument >> shift
    if place < len(COMPARISONS):
        return [("compare", COMPARISONS[place])]
    return [OLD_COMPARISONS.get(place, ("unknown", f"comparison {place}"))]


def _binary_op(argument: int, code: Code, dialect: Dialect) -> Actions:
    again, place = divmod(argument, len(NUMBERED_OPERATORS))
    return [("in_place" if again else "binary", NUMBERED_OPERATORS[place])]


def _store_fast(argument: int, code: Code, dialect: Dialect) -> Actions:
    return [("store", _variable(argument, code))]


def _two_variables(first: str, second: str) -> Rule:
    """One instruction of 3.13 for two variables, whose places share a byte."""

    def make(argument: int, code: Code, dialect: Dialect) -> Actions:
        loaded = {"local": _load_fast, "store": _store_fast}
        return [
            *loaded[first](argument >> 4, code, dialect),
            *loaded[second](argument & 15, code, dialect),
        ]

    return make


def _intrinsic(argument: int, code: Code, dialect: Dialect) -> Actions:
    return {5: [("positive", None)], 6: [("list_to_tuple", None)]}.get(
        argument, [("unknown", f"intrinsic {argument}")]
    )


OLD_COMPARISONS: Mapping[int, tuple[str, Any]] = {
    6: ("contains", False),
    7: ("contains", True),
    8: ("identical", False),
    9: ("identical", True),
}
"""Before 3.9 `in` and `is` were comparisons."""


def _load_fast(argument: int, code: Code, dialect: Dialect) -> Actions:
    """3.13 loads a variable as such by the instruction that loads its value."""
    name = _variable(argument, code)
    shared = dialect.versions == "3.13" and name in code.shared
    return [("closure", name)] if shared else [("local", name)]


def _make_function(argument: int, code: Code, dialect: Dialect) -> Actions:
    """In 3.11 a function lost its name on the stack, and before 3.6 defaults were counted."""
    named = " named" if dialect.layout in ("3.0", "3.8") else ""
    form = "counted" if dialect.form == "bytes" else "flagged"
    return [("function", (form + named, 0 if dialect.versions == "3.13" else argument))]


def _make_closure(argument: int, code: Code, dialect: Dialect) -> Actions:
    named = " named" if dialect.layout == "3.0" else ""
    return [("function", ("counted closed" + named, argument))]


def _copy_several(argument: int, code: Code, dialect: Dialect) -> Actions:
    return [("copy", argument)] * argument


def _jump(action: str, wanted: bool | None = None) -> Rule:
    return lambda argument, code, dialect: [(action, argument if wanted is None else (argument, wanted))]


def _call_spread(argument: int, code: Code, dialect: Dialect) -> Actions:
    return [("call_spread", (dialect.layout == "3.11", argument))]


def _call_var(argument: int, code: Code, dialect: Dialect) -> Actions:
    """Before 3.6: only where all arguments are in the list."""
    return [("unknown", "CALL_FUNCTION_VAR")] if argument else [("call_spread", (False, 0))]


RULES: Mapping[str, Rule] = {
    "BINARY_OP": _binary_op,
    "BINARY_SLICE": _plain("index_slice", 3),
    "BINARY_SUBSCR": _plain("index"),
    "BUILD_CONST_KEY_MAP": _counted("map_of_names"),
    "BUILD_LIST": _counted("list"),
    "BUILD_MAP": lambda argument, code, dialect: [("map", 0 if dialect.layout == "2" else argument)],
    "BUILD_SLICE": _counted("slice"),
    "BUILD_TUPLE": _counted("tuple"),
    "CALL": _counted("call_beside"),
    "CALL_FUNCTION": _call_function,
    "CALL_FUNCTION_EX": _call_spread,
    "CALL_FUNCTION_KW": _counted("call_named"),
    "CALL_FUNCTION_VAR": _call_var,
    "CALL_INTRINSIC_1": _intrinsic,
    "CALL_KW": _counted("call_named_beside"),
    "CALL_METHOD": _counted("call"),
    "BREAK_LOOP": _plain("leave_loop"),
    "COMPARE_OP": _compare,
    "CONTAINS_OP": lambda argument, code, dialect: [("contains", bool(argument))],
    "CONTINUE_LOOP": _jump("jump"),
    "COPY": _counted("copy"),
    "COPY_FREE_VARS": lambda argument, code, dialect: [],
    "DELETE_FAST": lambda argument, code, dialect: [("forget", _variable(argument, code))],
    "DUP_TOP": _plain("copy", 1),
    "DUP_TOPX": _copy_several,
    "DUP_TOP_TWO": lambda argument, code, dialect: _copy_several(2, code, dialect),
    "FOR_ITER": _jump("next"),
    "GEN_START": lambda argument, code, dialect: [],
    "GET_ITER": _plain("iterate"),
    "IMPORT_FROM": lambda argument, code, dialect: [("import_from", code.names[argument])],
    "IMPORT_NAME": lambda argument, code, dialect: [("import", code.names[argument])],
    "IS_OP": lambda argument, code, dialect: [("identical", bool(argument))],
    "JUMP_ABSOLUTE": _jump("jump"),
    "JUMP_BACKWARD": _jump("jump"),
    "JUMP_FORWARD": _jump("jump"),
    "JUMP_IF_FALSE_OR_POP": _jump("jump_or_drop", False),
    "JUMP_IF_TRUE_OR_POP": _jump("jump_or_drop", True),
    "KW_NAMES": lambda argument, code, dialect: [("names", code.consts[argument])],
    "LIST_APPEND": _counted("append"),
    "LIST_EXTEND": _plain("extend"),
    "LIST_TO_TUPLE": _plain("list_to_tuple"),
    "LOAD_ATTR": _load_attr,
    "LOAD_CLOSURE": lambda argument, code, dialect: [("closure", code.closed[argument])],
    "LOAD_CONST": lambda argument, code, dialect: [("constant", code.consts[argument])],
    "LOAD_DEREF": lambda argument, code, dialect: [("cell", code.closed[argument])],
    "LOAD_FAST": _load_fast,
    "LOAD_FAST_AND_CLEAR": lambda argument, code, dialect: [("clear", _variable(argument, code))],
    "LOAD_FAST_CHECK": lambda argument, code, dialect: [("local", _variable(argument, code))],
    "LOAD_FAST_LOAD_FAST": _two_variables("local", "local"),
    "LOAD_GLOBAL": _load_global,
    "LOAD_METHOD": _load_method,
    "MAKE_CELL": lambda argument, code, dialect: [],
    "MAKE_CLOSURE": _make_closure,
    "MAKE_FUNCTION": _make_function,
    "NOP": lambda argument, code, dialect: [],
    "POP_BLOCK": _plain("close_loop"),
    "POP_JUMP_BACKWARD_IF_FALSE": _jump("jump_if", False),
    "POP_JUMP_BACKWARD_IF_NONE": _jump("jump_if_none", True),
    "POP_JUMP_BACKWARD_IF_NOT_NONE": _jump("jump_if_none", False),
    "POP_JUMP_BACKWARD_IF_TRUE": _jump("jump_if", True),
    "POP_JUMP_FORWARD_IF_FALSE": _jump("jump_if", False),
    "POP_JUMP_FORWARD_IF_NONE": _jump("jump_if_none", True),
    "POP_JUMP_FORWARD_IF_NOT_NONE": _jump("jump_if_none", False),
    "POP_JUMP_FORWARD_IF_TRUE": _jump("jump_if", True),
    "POP_JUMP_IF_FALSE": _jump("jump_if", False),
    "POP_JUMP_IF_NONE": _jump("jump_if_none", True),
    "POP_JUMP_IF_NOT_NONE": _jump("jump_if_none", False),
    "POP_JUMP_IF_TRUE": _jump("jump_if", True),
    "POP_TOP": _plain("drop"),
    "PRECALL": lambda argument, code, dialect: [],
    "PUSH_NULL": _plain("nothing"),
    "RESUME": lambda argument, code, dialect: [],
    "RETURN_CONST": lambda argument, code, dialect: [("constant", code.consts[argument]), ("return", None)],
    "RETURN_GENERATOR": _plain("constant"),
    "RETURN_VALUE": _plain("return"),
    "ROT_TWO": _plain("rotate", 2),
    "ROT_THREE": _plain("rotate", 3),
    "ROT_FOUR": _plain("rotate", 4),
    "SETUP_LOOP": _jump("open_loop"),
    "SET_FUNCTION_ATTRIBUTE": _counted("equip_function"),
    "SLICE+0": _plain("index_slice", 0),
    "SLICE+1": _plain("index_slice", 1),
    "SLICE+2": _plain("index_slice", 2),
    "SLICE+3": _plain("index_slice", 3),
    "STORE_DEREF": lambda argument, code, dialect: [("share", code.closed[argument])],
    "STORE_FAST": _store_fast,
    "STORE_FAST_LOAD_FAST": _two_variables("store", "local"),
    "STORE_FAST_STORE_FAST": _two_variables("store", "store"),
    "STORE_MAP": _plain("store_map"),
    "STORE_SUBSCR": _plain("store_item"),
    "SWAP": _counted("swap"),
    "TO_BOOL": _plain("truth"),
    "UNARY_INVERT": _plain("unary", "~"),
    "UNARY_NEGATIVE": _plain("unary", "-"),
    "UNARY_NOT": _plain("unary", "not"),
    "UNARY_POSITIVE": _plain("positive"),
    "UNPACK_EX": _counted("unpack_rest"),
    "UNPACK_SEQUENCE": _counted("unpack"),
    "YIELD_VALUE": _plain("give"),
}
