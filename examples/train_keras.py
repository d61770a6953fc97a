"""A Keras model of handwritten digits, on JAX unless KERAS_BACKEND says otherwise.

python examples/train_keras.py          plain files under .dash/
mldash show me/digits/keras             what it has logged
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
from sklearn.datasets import load_digits  # type: ignore[import-untyped]

from mldash.adapters.keras import MldashCallback


def main() -> None:
    """Train, and evaluate on the last fifth."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--epochs", type=int, default=10, help="(%(default)s)")
    given = parser.parse_args()
    pixels, digits = load_digits(return_X_y=True)
    pixels, cut = pixels / 16, len(digits) * 4 // 5
    keras.utils.set_random_seed(7)
    model = keras.Sequential(
        [keras.layers.Input((64,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(10)], name="digits"
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.005), loss=loss, metrics=["accuracy"])
    callback = MldashCallback("me/digits/keras", tags=["example"])
    model.fit(
        pixels[:cut],
        digits[:cut],
        epochs=given.epochs,
        validation_split=0.1,
        callbacks=[callback],
        verbose=0,
    )
    tested = model.evaluate(pixels[cut:], digits[cut:], callbacks=[callback], verbose=0, return_dict=True)
    callback.close()
    print(f"{callback.experiment.prefix}: accuracy {tested['accuracy']:.3f}")


if __name__ == "__main__":
    main()
