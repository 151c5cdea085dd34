"""A training by ddsp itself, as `ddsp_run` does it: its gin, its records, its Trainer; the peer of two benchmarks.

A model that trains on shorter windows than the records gets each cut at a place drawn for it, which ddsp's provider
can't do.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ddsing.constants import HOP_SAMPLES
from ddsing.engine.tf import runtime
from ddsing.model.config import VOICING_KEY
from ddsing.training.recipe import Recipe, resolved

_FEATURES = ("audio", "f0_hz", "loudness_db")


def trainer(recipe: Recipe) -> Any:
    """ddsp's Trainer of a recipe's model, built by gin."""
    runtime.ddsp()
    import gin

    tf, training = runtime.tensorflow(), runtime.ddsp().training
    gin.clear_config()
    gin.parse_config(resolved(recipe).text)
    tf.random.set_seed(recipe.seed or 0)
    return training.trainers.Trainer(training.models.get_model(), tf.distribute.get_strategy())


def batches(recipe: Recipe, dataset: Path) -> Iterator[dict]:
    """ddsp's batches of a dataset's training windows, for ever."""
    tf, config = runtime.tensorflow(), resolved(recipe)
    provider = runtime.ddsp().training.data.TFRecordProvider(file_pattern=f"{dataset}/train.tfrecord*")
    names = (*_FEATURES, VOICING_KEY) if config.model.voicing else _FEATURES
    n_frames = config.window_frames

    def cut(record: dict) -> dict:
        start = tf.random.uniform([], 0, provider._feature_length - n_frames + 1, tf.int32)
        lengths = {name: HOP_SAMPLES if name == "audio" else 1 for name in names}
        return {
            name: tf.ensure_shape(record[name][start * unit : (start + n_frames) * unit], [n_frames * unit])
            for name, unit in lengths.items()
        }

    windows = provider.get_dataset(shuffle=True).map(cut, num_parallel_calls=tf.data.AUTOTUNE).repeat()
    yield from windows.batch(recipe.batch_size or config.batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)
