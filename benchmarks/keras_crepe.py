"""CREPE as published, in Keras: what ddsing's network is measured against."""

import h5py

from ddsing.engine.tf import runtime
from ddsing.sound.pitch import weights


def keras_crepe(capacity):
    """The network as published, layer by layer, in Keras, with the file's own arrays."""
    layers = runtime.tensorflow().keras.layers
    with h5py.File(weights.path(capacity)) as file:

        def read(layer, *names):
            group = next(iter(file[layer].values()))
            return [group[f"{name}:0"][()] for name in names]

        x = inputs = layers.Input((1024,))
        x = layers.Reshape((1024, 1))(x)
        for number in range(1, 7):
            kernel, bias = read(f"conv{number}", "kernel", "bias")
            strides = 4 if number == 1 else 1
            convolution = layers.Conv1D(
                kernel.shape[2], kernel.shape[0], strides, "same", activation="relu", weights=[kernel, bias]
            )
            norm = read(f"conv{number}-BN", "gamma", "beta", "moving_mean", "moving_variance")
            x = layers.MaxPool1D(2)(layers.BatchNormalization(weights=norm)(convolution(x)))
        x = layers.Flatten()(x)
        outputs = layers.Dense(360, "sigmoid", weights=read("classifier", "kernel", "bias"))(x)
    return runtime.tensorflow().keras.Model(inputs, outputs)
