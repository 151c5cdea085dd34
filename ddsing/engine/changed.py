"""A rendering that stands around another, such as one whose controls are changed after the network, frame by frame."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ddsing.engine.render import Renderable

if TYPE_CHECKING:
    from ddsing.engine.decoder import Controls
    from ddsing.model.config import ModelConfig


@dataclass(frozen=True, eq=False)
class Around:
    """What is rendered, as it is. A `ddsing.engine.render.Renderable`.

    Attributes
    ----------
    part : Renderable
    """

    part: Renderable[Any]

    @property
    def config(self) -> ModelConfig:
        """The part's."""
        return self.part.config

    @property
    def f0_hz(self) -> np.ndarray:
        """The part's [shape=(n_frames,), float]."""
        return self.part.f0_hz

    def initial_state(self) -> Any:
        """The part's state before the first frame."""
        return self.part.initial_state()

    def hear(self, frames: slice) -> Any:
        """What the part can be given of the frames."""
        return self.part.hear(frames)

    def decode(self, frames: slice, state: Any, heard: Any = None) -> tuple[Controls, Any]:
        """Controls of consecutive frames, and the state after them."""
        return self.part.decode(frames, state, heard)


@dataclass(frozen=True, eq=False)
class Changed(Around, ABC):
    """What is rendered, changed; the network hears nothing of it."""

    @abstractmethod
    def changed(self, controls: Controls, frames: slice) -> Controls:
        """The controls of some frames as they are to sound; each frame by itself, so that blocks don't matter."""

    def decode(self, frames: slice, state: Any, heard: Any = None) -> tuple[Controls, Any]:
        """Controls of consecutive frames, changed, and the state after them."""
        controls, state = super().decode(frames, state, heard)
        return self.changed(controls, frames), state
