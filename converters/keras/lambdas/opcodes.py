"""The numbers of the bytecode instructions that straight-line expressions are made of, Python 2.7 to 3.13.

Only numbers and caches are told here, as each Python's own `opcode` module has them; `decoding.py` says what
the instructions do. Versions that agree on all of these share a dialect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from converters.keras.lambdas.marshalled import Layout

OPERATORS: Mapping[str, str] = {
    "ADD": "+",
    "AND": "&",
    "FLOOR_DIVIDE": "//",
    "LSHIFT": "<<",
    "MATRIX_MULTIPLY": "@",
    "MULTIPLY": "*",
    "MODULO": "%",
    "OR": "|",
    "POWER": "**",
    "RSHIFT": ">>",
    "SUBTRACT": "-",
    "TRUE_DIVIDE": "/",
    "XOR": "^",
    "DIVIDE": "/",
}
NUMBERED_OPERATORS = ("+", "&", "//", "<<", "@", "*", "%", "|", "**", ">>", "-", "/", "^")
"""BINARY_OP's operators by its argument, since 3.11; after them once more for `+=` and so on."""

COMPARISONS = ("<", "<=", "==", "!=", ">", ">=")


@dataclass(frozen=True)
class Dialect:
    """The instructions of some versions of Python."""

    versions: str
    layout: Layout
    opcodes: Mapping[int, str]
    form: Literal["bytes", "words"] = "words"  # one or three bytes an instruction, or two
    caches: Mapping[str, int] = field(default_factory=dict)  # words behind an instruction


_SHARED = {
    1: "POP_TOP",
    9: "NOP",
    10: "UNARY_POSITIVE",
    11: "UNARY_NEGATIVE",
    12: "UNARY_NOT",
    15: "UNARY_INVERT",
    25: "BINARY_SUBSCR",
    83: "RETURN_VALUE",
    92: "UNPACK_SEQUENCE",
    100: "LOAD_CONST",
    102: "BUILD_TUPLE",
    103: "BUILD_LIST",
    105: "BUILD_MAP",
    106: "LOAD_ATTR",
    107: "COMPARE_OP",
    108: "IMPORT_NAME",
    109: "IMPORT_FROM",
    116: "LOAD_GLOBAL",
    124: "LOAD_FAST",
    125: "STORE_FAST",
    133: "BUILD_SLICE",
}
_CLASSIC = {
    **_SHARED,
    2: "ROT_TWO",
    3: "ROT_THREE",
    4: "DUP_TOP",
    19: "BINARY_POWER",
    20: "BINARY_MULTIPLY",
    22: "BINARY_MODULO",
    23: "BINARY_ADD",
    24: "BINARY_SUBTRACT",
    26: "BINARY_FLOOR_DIVIDE",
    27: "BINARY_TRUE_DIVIDE",
    28: "INPLACE_FLOOR_DIVIDE",
    29: "INPLACE_TRUE_DIVIDE",
    55: "INPLACE_ADD",
    56: "INPLACE_SUBTRACT",
    57: "INPLACE_MULTIPLY",
    59: "INPLACE_MODULO",
    62: "BINARY_LSHIFT",
    63: "BINARY_RSHIFT",
    64: "BINARY_AND",
    65: "BINARY_XOR",
    66: "BINARY_OR",
    67: "INPLACE_POWER",
    131: "CALL_FUNCTION",
    135: "LOAD_CLOSURE",
    136: "LOAD_DEREF",
}
_PYTHON_2 = {
    **_CLASSIC,
    5: "ROT_FOUR",
    21: "BINARY_DIVIDE",
    30: "SLICE+0",
    31: "SLICE+1",
    32: "SLICE+2",
    33: "SLICE+3",
    54: "STORE_MAP",
    58: "INPLACE_DIVIDE",
    145: "EXTENDED_ARG",
}
_EARLY_3 = {**_CLASSIC, 16: "BINARY_MATRIX_MULTIPLY", 17: "INPLACE_MATRIX_MULTIPLY", 144: "EXTENDED_ARG"}
_WORDS = {
    **_EARLY_3,
    6: "ROT_FOUR",
    82: "LIST_TO_TUPLE",
    117: "IS_OP",
    141: "CALL_FUNCTION_KW",
    156: "BUILD_CONST_KEY_MAP",
    160: "LOAD_METHOD",
    161: "CALL_METHOD",
    162: "LIST_EXTEND",
}
_SINCE_311 = {
    **_SHARED,
    2: "PUSH_NULL",
    99: "SWAP",
    117: "IS_OP",
    120: "COPY",
    122: "BINARY_OP",
    135: "MAKE_CELL",
    136: "LOAD_CLOSURE",
    137: "LOAD_DEREF",
    144: "EXTENDED_ARG",
    149: "COPY_FREE_VARS",
    151: "RESUME",
    156: "BUILD_CONST_KEY_MAP",
    162: "LIST_EXTEND",
    171: "CALL",
    172: "KW_NAMES",
}
_IN_313 = {
    4: "BINARY_SLICE",
    5: "BINARY_SUBSCR",
    30: "NOP",
    32: "POP_TOP",
    34: "PUSH_NULL",
    36: "RETURN_VALUE",
    41: "UNARY_INVERT",
    42: "UNARY_NEGATIVE",
    43: "UNARY_NOT",
    45: "BINARY_OP",
    46: "BUILD_CONST_KEY_MAP",
    47: "BUILD_LIST",
    48: "BUILD_MAP",
    50: "BUILD_SLICE",
    52: "BUILD_TUPLE",
    53: "CALL",
    55: "CALL_INTRINSIC_1",
    57: "CALL_KW",
    58: "COMPARE_OP",
    61: "COPY",
    62: "COPY_FREE_VARS",
    71: "EXTENDED_ARG",
    74: "IMPORT_FROM",
    75: "IMPORT_NAME",
    76: "IS_OP",
    81: "LIST_EXTEND",
    82: "LOAD_ATTR",
    83: "LOAD_CONST",
    84: "LOAD_DEREF",
    85: "LOAD_FAST",
    87: "LOAD_FAST_CHECK",
    88: "LOAD_FAST_LOAD_FAST",
    91: "LOAD_GLOBAL",
    94: "MAKE_CELL",
    103: "RETURN_CONST",
    110: "STORE_FAST",
    111: "STORE_FAST_LOAD_FAST",
    112: "STORE_FAST_STORE_FAST",
    115: "SWAP",
    117: "UNPACK_SEQUENCE",
    149: "RESUME",
}

DIALECTS: tuple[Dialect, ...] = (
    Dialect("2.7", "2", _PYTHON_2, "bytes"),
    Dialect("3.4 to 3.5", "3.0", _EARLY_3, "bytes"),
    Dialect("3.6 to 3.7", "3.0", _WORDS),
    Dialect("3.8 to 3.10", "3.8", _WORDS),
    Dialect(
        "3.11",
        "3.11",
        {**_SINCE_311, 82: "LIST_TO_TUPLE", 160: "LOAD_METHOD", 166: "PRECALL"},
        caches={
            "BINARY_SUBSCR": 4,
            "UNPACK_SEQUENCE": 1,
            "LOAD_ATTR": 4,
            "COMPARE_OP": 2,
            "LOAD_GLOBAL": 5,
            "BINARY_OP": 1,
            "LOAD_METHOD": 10,
            "PRECALL": 1,
            "CALL": 4,
        },
    ),
    Dialect(
        "3.12",
        "3.11",
        {
            **_SINCE_311,
            26: "BINARY_SLICE",
            121: "RETURN_CONST",
            127: "LOAD_FAST_CHECK",
            173: "CALL_INTRINSIC_1",
        },
        caches={
            "BINARY_SUBSCR": 1,
            "UNPACK_SEQUENCE": 1,
            "LOAD_ATTR": 9,
            "COMPARE_OP": 1,
            "LOAD_GLOBAL": 4,
            "BINARY_OP": 1,
            "CALL": 3,
        },
    ),
    Dialect(
        "3.13",
        "3.11",
        _IN_313,
        caches={
            "BINARY_SUBSCR": 1,
            "UNPACK_SEQUENCE": 1,
            "LOAD_ATTR": 9,
            "COMPARE_OP": 1,
            "LOAD_GLOBAL": 4,
            "BINARY_OP": 1,
            "CALL": 3,
        },
    ),
)
ARGUMENTS_FROM = 90
"""Classic bytecode: instructions from this number on have an argument."""
