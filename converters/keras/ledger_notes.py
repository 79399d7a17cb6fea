"""Why an array of a Keras file may stay unused: state of training or of random generators."""

from __future__ import annotations

TRAINING_GROUPS = {
    "optimizer": "optimizer state",
    "optimizer_weights": "optimizer state",
    "_optimizer": "optimizer state",
    "metrics": "metric state",
    "_metrics": "metric state",
    "compile_metrics": "metric state",
    "_compile_metrics": "metric state",
    "compiled_metrics": "metric state",
    "_compile_loss": "loss state",
    "compiled_loss": "loss state",
    "loss_tracker": "metric state",
    "_loss_tracker": "metric state",
}
GENERATOR_PARTS = {"seed_generator", "_seed_generator", "random_generator", "_random_generator"}
GENERATOR_NAMES = {"seed_generator_state", "StateVar", "state_var"}


def reason_unused(path: str) -> str:
    """The reason why the array at `path` is no parameter of the model, or "" for none."""
    parts = path.split("/")
    if parts[0] in TRAINING_GROUPS:
        return TRAINING_GROUPS[parts[0]]
    if GENERATOR_PARTS & set(parts[:-1]) or parts[-1].split(":")[0] in GENERATOR_NAMES:
        return "state of a random generator"
    return ""
