"""Recordings analysed one after the other, while the next one is read and the last one is finished.

The tracker's network hears one recording at a time, on all cores. What comes before and after it is Python on one core,
beside which the others would be idle; so two recordings are under way, and in memory.
"""

import functools
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager

from ddsing.dataset import analysis, layout, writing
from ddsing.dataset.layout import Place
from ddsing.dataset.scan import Memory, RecordingFacts
from ddsing.dataset.sounds import Sounds
from ddsing.dataset.voices import Voice
from ddsing.errors import Cancelled
from ddsing.sound.features import FeatureCache
from ddsing.units import n_frames

_N_AT_ONCE = 2


def analyse(
    voice: Voice,
    store: FeatureCache,
    new: list[RecordingFacts],
    tracker: str,
    progress: Callable[[float], None],
    kept: Sounds,
) -> dict[str, list[Place]]:
    """Analyse recordings; returns their windows, by the sound's hash.

    Parameters
    ----------
    progress : callable
        Told the fraction of it all, by any of the threads, one at a time; what it raises passes through.
    """
    memory, told, turn = Memory(voice), _Told(sum(facts.duration_s for facts in new), progress), threading.Lock()

    def one(facts: RecordingFacts) -> list[Place]:
        tell = told.of(facts)
        with told.stopping_all():
            tell(0.0)
            sound = kept.of(facts, check=functools.partial(tell, 0.0))
            features = analysis.analyse(store, sound, tracker, progress=tell, turn=turn)
            n_heard = n_frames(len(sound.audio), centred=False)
            memory.note_voiced(voice.path_of(facts.name), float(features.voiced[:n_heard].mean()))
            tell(1.0)
            return layout.places(facts.content_hash, writing.n_samples_of(facts), features)

    with ThreadPoolExecutor(_N_AT_ONCE) as pool:
        found = {facts.content_hash: pool.submit(one, facts) for facts in new}
        try:
            wait(found.values(), return_when=FIRST_EXCEPTION)
        finally:
            told.stop()
            pool.shutdown(cancel_futures=True)
    told.raise_failure()
    memory.save()
    return {content_hash: places.result() for content_hash, places in found.items()}


class _Told:
    """How far several threads are, told by one at a time; what goes wrong in one stops the others, too."""

    def __init__(self, total_s: float, progress: Callable[[float], None]):
        self._total_s, self._done_s, self._progress = total_s, 0.0, progress
        self._lock, self._stopped = threading.Lock(), False
        self._failure: BaseException | None = None

    def of(self, facts: RecordingFacts) -> Callable[[float], None]:
        """Tells the fraction that is done of a recording."""
        before_s = 0.0

        def tell(fraction: float) -> None:
            nonlocal before_s
            with self._lock:
                if self._stopped:
                    raise Cancelled
                self._done_s += fraction * facts.duration_s - before_s
                before_s = fraction * facts.duration_s
                self._progress(min(1.0, self._done_s / self._total_s))

        return tell

    @contextmanager
    def stopping_all(self):
        """Where one thread works: the first failure of any is that of all."""
        try:
            yield
        except BaseException as error:
            with self._lock:
                self._failure = self._failure or (None if self._stopped else error)
                self._stopped = True
            raise

    def stop(self) -> None:
        """Let no thread go on."""
        with self._lock:
            self._stopped = True

    def raise_failure(self) -> None:
        """Raise what stopped them, if anything did."""
        if self._failure is not None:
            raise self._failure
