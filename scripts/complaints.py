"""Old complaints, brought back: files for each, written into the folder where this is run (runs Keras).

    python -m scripts.complaints

`docs/complaints.md` says what people complained of, and runs porter on these files.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

import porter

FIXTURE = Path(__file__).parents[1] / "fixtures/legacy/keras1.2.2-theano0.9.0/imdb_cnn_small_lambda"
IMAGES, SIZE = 3, (48, 60)

FUNCTIONS = '''import numpy as np
from PIL import Image


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB").resize((32, 32), Image.BILINEAR), "float32")


def of_all_images(path):
    """As in training: by the mean and deviation of the data set."""
    return (pixels(path) - 118.0) / 61.0


def of_each_image(path):
    """As in the service: by those of the image itself."""
    x = pixels(path)
    return (x - x.mean()) / x.std()
'''


def main() -> None:
    """Write all of them."""
    import keras

    keras.utils.set_random_seed(1)
    _autoencoder(keras)
    _in_training(_normalised(keras), "normalised")
    _in_training(_with_dropout(keras), "dropout")
    shutil.copytree(FIXTURE, "imdb", dirs_exist_ok=True)
    Path("prepare.py").write_text(FUNCTIONS, encoding="utf-8")
    _images()


def _autoencoder(keras: Any) -> None:
    given = keras.Input((784,))
    x = keras.layers.Dense(32, activation="relu", name="encoded")(given)
    keras.Model(given, keras.layers.Dense(784, activation="sigmoid", name="decoded")(x)).save(
        "autoencoder.keras"
    )


def _normalised(keras: Any) -> Any:
    given = keras.Input((200,))
    x = keras.layers.BatchNormalization(name="norm")(keras.layers.Dense(5, name="scores")(given))
    return keras.Model(given, keras.layers.Activation("softmax", name="shares")(x))


def _with_dropout(keras: Any) -> Any:
    given = keras.Input((28, 28))
    x = keras.layers.Dense(64, activation="relu", name="hidden")(keras.layers.Flatten(name="flat")(given))
    x = keras.layers.Dropout(0.5, name="dropout")(x)
    return keras.Model(given, keras.layers.Dense(10, activation="softmax", name="digits")(x))


def _in_training(model: Any, name: str) -> None:
    """A port of a model to PyTorch that was left in training mode."""
    model.save(f"{name}.keras")
    porter.convert(f"{name}.keras", to="torch", out=name, verify=False, force=True)
    code = Path(name, "model.py")
    text = code.read_text(encoding="utf-8")
    code.write_text(text.replace("return model.eval()", "return model"), encoding="utf-8")


def _images() -> None:
    from PIL import Image

    Path("images").mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]] / 9.0
    for place in range(IMAGES):
        waves = np.stack([np.sin(rows * (1 + k) + columns * rng.uniform(0.3, 2)) for k in range(3)], -1)
        picture = np.clip(60 + 45 * place + 50 * waves, 0, 255).astype("uint8")
        Image.fromarray(picture).save(f"images/{place}.png")


if __name__ == "__main__":
    main()
