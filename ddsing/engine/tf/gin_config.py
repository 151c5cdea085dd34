"""A training's gin text handed to gin itself: ddsp's model is built from it, and its operative configuration told.

The only place that touches gin's state, which is global to the process: under one lock, cleared before and after. Only
texts composed from our own ``gin`` folder and validated numbers come here, never a file that someone brought.
"""

import threading
from types import ModuleType

from ddsing.constants import HOP_SAMPLES
from ddsing.engine.tf import runtime
from ddsing.model.config import VOICING_KEY
from ddsing.model.teaching import LIMITS as TEACHING  # written where they are on

_lock = threading.Lock()
_TRAIN = ("batch_size", "data_provider", "num_steps", "steps_per_save", "steps_per_summary")
_MACROS = ("batch_size", "steps", "save_every", "centred_frames", "head_start_steps")  # which only our own loop uses


def operative(text: str) -> str:
    """What ddsp writes as ``operative_config-0.gin`` when it trains the model of a gin text.

    ddsp's model is built by gin and run once, so that all that it was given, and all that it chose by itself, is in it.
    """
    tf, ddsp = runtime.tensorflow(), runtime.ddsp()
    import gin

    with _lock:
        gin.clear_config()
        try:
            gin.parse_config(text)
            model = ddsp.training.models.get_model()
            ddsp.training.trainers.Trainer(model, tf.distribute.get_strategy())
            n_frames = gin.query_parameter("%time_steps")
            n_samples = gin.query_parameter("%n_samples")
            n_audio = n_frames * HOP_SAMPLES
            if n_samples > n_audio:  # a model of ddsp-vst's: one step more than the sound is long
                n_frames = n_samples // (n_samples - n_audio)
            window = {
                "audio": tf.zeros([1, n_audio]),
                "f0_hz": tf.fill([1, n_frames], 220.0),
                "f0_confidence": tf.ones([1, n_frames]),
                "loudness_db": tf.fill([1, n_frames], -40.0),
                VOICING_KEY: tf.ones([1, n_frames, 1]),
            }
            model(window, return_losses=True, training=True)
            return _with_training(gin.operative_config_str(), gin)
        finally:
            gin.clear_config()


def _with_training(operative_text: str, gin: ModuleType) -> str:
    """Add what ddsp's training loop, had it run, would have added."""
    on = [name for name in TEACHING if gin.query_parameter(f"%{name}")]
    macros = "\n".join(f"{name} = {gin.query_parameter(f'%{name}')!r}" for name in (*_MACROS, *on))
    values = {name: gin.query_parameter(f"train.{name}") for name in _TRAIN}
    lines = "\n".join(f"train.{name} = {value!r}" for name, value in values.items())
    marker = f"# Macros:\n# {'=' * 78}\n"
    if marker not in operative_text:
        raise ValueError("gin's operative configuration no longer has a section of macros")
    return operative_text.replace(marker, f"{marker}{macros}\n") + f"\n# Parameters for train:\n# {'=' * 78}\n{lines}\n"
