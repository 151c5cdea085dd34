"""How a model listens to a dataset: on which scale its loudness is, and at which moment a frame stands.

ddsp's preparation (padding 'same') lets a frame's window begin at the frame's time, so that f0 is that of the sound
32 ms later. A voice with vibrato is then asked for harmonics beside those that it hears, the more so the higher they
are, and learns to leave them out: it comes out dull. A model with `Config.centred_frames` is given the same features
where they were heard, as in a transfer.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ddsing.constants import HOP_SAMPLES
from ddsing.dataset import facts
from ddsing.dataset.voices import Voice
from ddsing.formats.tfrecord import Records
from ddsing.sound import loudness, pitch
from ddsing.training.recipe import Config

_F0_LEAD = 512 // HOP_SAMPLES  # frames: half of the pitch tracker's window
_LOUDNESS_LEAD = {1: 0, 3: 256 // HOP_SAMPLES}  # by generation: half of the spectrum's; the first never centres it


@dataclass(frozen=True)
class Listening:
    """How records are heard.

    Attributes
    ----------
    generation : int
        Scale of the loudness that the model hears, see `ddsing.sound.loudness`.
    recorded_generation : int
        Scale of the records' own; where it differs, loudness is computed from the audio.
    centred : bool
        Whether a frame tells what sounds at its time, or, as ddsp's preparation has it, what sounds from then on.
    """

    generation: int
    recorded_generation: int
    centred: bool = False

    @property
    def padding(self) -> str:
        """That of `ddsing.sound.loudness` and `ddsing.sound.pitch` with which sound is analysed on the same frames."""
        return "center" if self.centred else "same"

    def window(self, record: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """A record's audio and features, of matching lengths.

        What a record does not tell about its first frames is taken from the first that it tells.
        """
        n_frames = min(len(record["audio"]) // HOP_SAMPLES, len(record["f0_hz"]), len(record["loudness_db"]))
        audio = record["audio"][: n_frames * HOP_SAMPLES]
        leads = {"f0_hz": _F0_LEAD, "f0_confidence": _F0_LEAD, "loudness_db": _LOUDNESS_LEAD[self.recorded_generation]}
        window = {
            name: _later(record[name][:n_frames], lead if self.centred else 0)
            for name, lead in leads.items()
            if name in record
        }
        if self.generation != self.recorded_generation:
            window["loudness_db"] = self.loudness_db(audio)[:n_frames]
        return window | {"audio": audio}

    def loudness_db(self, audio: np.ndarray) -> np.ndarray:
        """The loudness of sound on the frames of `window`."""
        return loudness.compute(audio, generation=self.generation, padding=self.padding)

    def f0_hz(self, audio: np.ndarray) -> np.ndarray:
        """The pitch of sound on the frames of `window`, by the small tracker."""
        return self.pitch(audio)[0]

    def pitch(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The pitch of sound and how sure the small tracker is of it, on the frames of `window`."""
        return pitch.track(audio, tracker="tiny", padding=self.padding)


def of(source: Voice, records: Records, trained: Config) -> Listening:
    """How a model hears a voice's dataset."""
    recorded = facts.generation(source) or recorded_generation(records)
    return Listening(trained.model.generation, recorded, centred=trained.centred_frames)


def recorded_generation(records: Records, *, n_looked_at: int = 3) -> int:
    """On which generation's scale the records' loudness is: that with which it agrees better when computed anew."""
    errors = {1: 0.0, 3: 0.0}
    for number in range(min(n_looked_at, len(records))):
        record = records.read(number)
        for generation in errors:
            heard_db = loudness.compute(record["audio"], generation=generation, padding="same")
            n_frames = min(len(heard_db), len(record["loudness_db"]))
            errors[generation] += float(np.abs(heard_db[:n_frames] - record["loudness_db"][:n_frames]).mean())
    return min(errors, key=lambda generation: (errors[generation], -generation))


def _later(frames: np.ndarray, n: int) -> np.ndarray:
    """The frames moved by `n`, the first one held until then."""
    return np.concatenate([np.repeat(frames[:1], n), frames[: len(frames) - n]]) if n else frames
