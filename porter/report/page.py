"""The page: a template filled with the facts of a report; every string in it is escaped."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from porter.compare.verdict import LAYER_LIMIT, LIMIT
from porter.report.curve import curve
from porter.report.picture import data_uri

Facts = Mapping[str, Any]

SIDES = (("a", "a", "side a"), ("b", "b", "as it has come down"), ("isolated", "b alone", "from true inputs"))

FIGURES = (
    ("largest", "largest difference", "largest"),
    ("mean", "mean difference", "mean"),
    ("largest_relative", "largest relative difference", "figures"),
    ("mean_relative", "mean relative difference", "figures"),
    ("ulps", "largest, in units in the last place", "figures"),
    ("cosine", "cosine", "figures"),
    ("sqnr", "signal to noise (dB)", "figures"),
    ("top1", "same first class", "figures"),
    ("top5", "same first five", "figures"),
    ("gaps", "NaN or infinite on one side only", "figures"),
    ("atol", "smallest absolute tolerance that passes", "figures"),
    ("rtol", "smallest relative tolerance that passes", "figures"),
    ("both", "smallest of both at once", "figures"),
)


def page(facts: Facts) -> str:
    """The whole file."""
    facts = {**facts, "conversion": {"ledger": [], "transposes": [], **facts["conversion"]}}
    layers = facts["layers"]
    return rendered(
        "page.html",
        title=f"{_headline(facts)} · {facts['a']} and {facts['b']}",
        good=facts["equivalent"],
        facts=facts,
        headline=_headline(facts),
        sentence=_sentence(facts),
        curve=curve(layers, facts["diverges"]),
        drawn=[row for row in facts["outputs"] if row["heat"] and row["heat"]["top"]],
        first=next((k for k, row in enumerate(layers) if _begins(row, facts)), None),
        compared=sum(row["b"] is not None for row in layers),
        off=sum(not row["equivalent"] for row in layers),
        worst=_worst(facts),
        loosest=_loosest(facts),
        limits=(LIMIT, LAYER_LIMIT),
        rest=_rest(facts["environment"]),
    )


def rendered(template: str, **known: Any) -> str:
    """A template filled; every string in it is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("porter.report", "template"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": number,
        "share": share,
        "times": times,
        "shape": shape,
        "size": size,
        "begun": begun,
    }
    made.globals |= {"picture": data_uri, "figures": figures_of, "flat": flat}
    script = _text("page.js")
    return made.get_template(template).render(
        **known,
        script=script,
        style=_text("page.css"),
        # nothing but our own script may run, whatever a name that came from a file looks like
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _rest(environment: Facts) -> dict[str, Any]:
    """What is not of one side: memory without its heading, inputs told in words elsewhere."""
    kept = {key: value for key, value in environment.items() if key not in ("a", "b", "inputs", "memory")}
    return {**kept, **(environment.get("memory") or {})}


def _text(name: str) -> str:
    return (files("porter.report") / "template" / name).read_text(encoding="utf-8")


def _headline(facts: Facts) -> str:
    return "Equivalent" if facts["equivalent"] else str(facts["verdict"]).partition(":")[0].capitalize()


def _sentence(facts: Facts) -> str:
    rest = str(facts["verdict"]).partition(": ")[2]
    return rest[:1].upper() + rest[1:] + "."


def _begins(row: Facts, facts: Facts) -> bool:
    return bool(facts["diverges"]) and row["name"] == facts["diverges"] and not row["equivalent"]


def _worst(facts: Facts) -> float | None:
    """Times the noise of the output that is furthest off; None where one cannot be compared."""
    found = [row["b"]["times"] for row in facts["outputs"]]
    return None if None in found or not found else float(max(found))


def _loosest(facts: Facts) -> float | None:
    """The tolerance with which all outputs would pass."""
    found = [row["apart"] and row["apart"]["both"] for row in facts["outputs"]]
    return None if None in found or not found else float(max(found))


def figures_of(row: Facts) -> dict[str, Any]:
    """A table of all figures of one row: which sides there are, and a line for each figure that one has."""
    sides = [(label, title, row[key]) for key, label, title in SIDES if row.get(key) is not None]
    lines = []
    for key, label, where in FIGURES:
        values = [_figure(distance, key, where) for _, _, distance in sides]
        if any(value is not None for value in values) and not (key == "gaps" and not any(values)):
            lines.append((label, key, values))
    return {"sides": sides, "lines": lines}


def _figure(distance: Facts, key: str, where: str) -> Any:
    if where != "figures":
        return distance[key]
    return None if distance["figures"] is None else distance["figures"][key]


UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
"""Characters that show nothing themselves and change how others show: a name could pose as another one."""


def visible(value: object) -> object:
    """Text from outside with what cannot be seen spelled out; anything else, and our own markup, as it is."""
    if type(value) is not str:
        return value
    return UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", value)


def number(value: float | None, missing: str = "∞") -> str:
    """A figure, short: 3.1e-7."""
    if value is None:
        return missing
    if value == 0 or 0.01 <= abs(value) < 100000:
        return f"{value:.4g}"
    mantissa, _, power = f"{value:.1e}".partition("e")
    return f"{mantissa}e{int(power)}"


def begun(text: str) -> str:
    """Words as they stand at the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def share(value: float | None) -> str:
    """A part of the whole: 99.2 %."""
    return "–" if value is None else f"{100 * value:.4g} %"


def times(value: float | None) -> str:
    """A multiple of the noise."""
    if value is None:
        return "∞"
    return f"{value:.2g}" if value < 1000 else number(float(f"{value:.1e}"))


def shape(sizes: list[int | None]) -> str:
    """Sizes as people write them; an open batch is a dot."""
    return " × ".join("·" if size is None else str(size) for size in sizes) or "scalar"


def size(count: float) -> str:
    """Bytes as people read them."""
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.4g} {unit}"
        count /= 1024
    return f"{count:.3g} GiB"


def flat(told: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested facts as rows of two columns."""
    if prefix.endswith("bytes") and isinstance(told, int):
        yield f"{prefix.removesuffix('_bytes').replace('_', ' ')} memory", size(told)
        return
    if isinstance(told, Mapping):
        for key, value in told.items():
            yield from flat(value, f"{prefix} {key}".strip())
    elif isinstance(told, list) and any(isinstance(part, (Mapping, list)) for part in told):
        for place, value in enumerate(told):
            yield from flat(value, f"{prefix} {place}".strip())
    elif told not in (None, "", []):
        yield prefix.replace("_", " "), ", ".join(map(str, told)) if isinstance(told, list) else str(told)
