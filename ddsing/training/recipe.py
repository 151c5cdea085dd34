"""What is trained, and for how long: a file of ``gin/models``, and what is changed in it.

The files are composed by include and macro, as ddsp's own. Here they are only read, as data
(`ddsing.formats.gin_text`), so that a page can show them without TensorFlow; a run hands the same text to gin
(`ddsing.engine.tf.gin_config`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cache, lru_cache
from pathlib import Path

from ddsing.constants import HOP_SAMPLES, POWER, TRACKERS
from ddsing.errors import SettingsError
from ddsing.formats.gin_text import read_bindings
from ddsing.model.config import ModelConfig
from ddsing.model.gin import read_config
from ddsing.model.teaching import LIMITS as MACROS
from ddsing.model.teaching import OF_Z, Teaching
from ddsing.resources import resource

GIN = resource("gin")
DEFAULT_CONFIG = "singing"
Z_RATES = (125, 250, 500)  # z in 4 seconds: a vowel, a syllable, nearly a consonant
EXPORTS = ("chosen", "latest", "best")  # see `ddsing.training.choice`
LIMITS: dict[str, tuple[float, float]] = {
    "steps": (1, 10_000_000),
    "batch_size": (1, 1024),
    "save_every": (1, 1_000_000),
    "learning_rate": (1e-7, 1.0),
    "lr_end": (1e-4, 1.0),
    "n_harmonics": (1, 512),
    "n_noise_bands": (3, 1025),
    "z_dims": (1, 64),
    "seed": (0, 2**31 - 1),
    "keep": (1, 1000),
    "head_start_steps": (0, 100_000),
}
_FRACTIONS = ("learning_rate", "lr_end")  # all others are whole numbers
_NUMBER = r"\d{1,6}(?:\.\d{1,9})?(?:e-?\d{1,2})?"
_PARTS = ("base",)  # files of gin/models that are no model by themselves
_INCLUDE = re.compile(r"^include '([a-z0-9_/]+\.gin)'$", re.MULTILINE)
_MACROS = (
    "steps",
    "batch_size",
    "save_every",
    "learning_rate",
    "n_harmonics",
    "n_noise_bands",
    "z_time_steps",
    "z_dims",
    "centred_frames",
    "head_start_steps",
)


@dataclass(frozen=True)
class Recipe:
    """What a training is asked to do; None means as the file says, or as the training was begun.

    Attributes
    ----------
    config : str or None
        A file of ``gin/models``, without its ending.
    steps : int or None
        To train in all, those of earlier runs included.
    batch_size, save_every, n_harmonics, n_noise_bands : int or None
    learning_rate : float or None
    lr_end : float or None
        The share of it that is left at the last step, to which it falls by the same part at each; otherwise it falls as
        the file says.
    z_time_steps : int or None
        How often in 4 seconds a model that follows timbre hears it: one of `Z_RATES`.
    z_dims : int or None
        In how many numbers it hears it; fewer let less of the recording's singer through.
    centred_frames : bool or None
        Whether features stand where they were heard, see `ddsing.training.listening`.
    head_start_steps : int or None
        See `ddsing.engine.head_start`; before the first step, and not counted.
    macros : tuple of (str, float) pairs or None
        Other ways of teaching, by the names of `ddsing.model.teaching.Teaching`; given as such pairs, or as a mapping.
    voicing : bool or None
        Whether the model hears how sure the pitch is, beside the pitch itself.
    seed : int or None
        Of the first weights, the order of the windows, and the noise.
    mixed_precision : bool
    export : str
        Which checkpoint becomes the instrument at the end: one of `EXPORTS`.
    tracker : str or None
        With which the dataset is prepared, if it has to be; None means its own, see `ddsing.training.preparing`.
    keep : int
        How many of the last checkpoints are kept, beside that with the lowest loss and the chosen one.
    full_band : bool or None
        Whether the instrument gets a top from the voice's recordings, at each export; None means only where the one
        before had a top, see `ddsing.training.export`.
    """

    config: str | None = None
    steps: int | None = None
    batch_size: int | None = None
    save_every: int | None = None
    learning_rate: float | None = None
    lr_end: float | None = None
    n_harmonics: int | None = None
    n_noise_bands: int | None = None
    z_time_steps: int | None = None
    z_dims: int | None = None
    centred_frames: bool | None = None
    head_start_steps: int | None = None
    macros: tuple[tuple[str, float], ...] | None = None
    voicing: bool | None = None
    seed: int | None = None
    mixed_precision: bool = False
    export: str = EXPORTS[0]
    tracker: str | None = None
    keep: int = 5
    full_band: bool | None = None

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            wanted = (int, float) if name in _FRACTIONS else int
            if value is None and name != "keep":
                continue
            if isinstance(value, bool) or not isinstance(value, wanted) or not low <= value <= high:
                raise SettingsError(f"The training's {name} is {value!r}; it must be {low:g} to {high:g}.")
        if self.config is not None:
            config_file(self.config)
        if self.macros is not None:
            object.__setattr__(self, "macros", _macros(self.macros))
        if self.export not in EXPORTS:
            raise SettingsError(
                f"The training's export is {self.export!r}; it must be {', '.join(EXPORTS[:-1])} or {EXPORTS[-1]}."
            )
        if self.z_time_steps not in (None, *Z_RATES) or isinstance(self.z_time_steps, bool):
            raise SettingsError(
                f"The training's z_time_steps is {self.z_time_steps!r}; it must be {', '.join(map(str, Z_RATES))}."
            )
        if self.tracker is not None and self.tracker not in TRACKERS:
            raise SettingsError(f"Unknown pitch tracker {self.tracker!r}; use {', '.join(TRACKERS)}.")
        for name, kinds in (
            ("mixed_precision", bool),
            ("centred_frames", bool | None),
            ("full_band", bool | None),
            ("voicing", bool | None),
        ):
            if not isinstance(getattr(self, name), kinds):
                raise SettingsError(f"The training's {name} must be true or false.")

    @classmethod
    def from_options(cls, options: Mapping) -> "Recipe":
        """A recipe from plain values such as a job's options, of which others than a recipe's are passed over."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in options.items() if name in known and value is not None})

    def to_json(self) -> dict:
        """Plain values, for `from_options`."""
        return asdict(self)

    def overrides(self) -> dict[str, bool | int | float]:
        """The macros that this recipe sets otherwise than its file."""
        own = {name: getattr(self, name) for name in _MACROS if getattr(self, name) is not None}
        return own | dict(self.macros or ())

    @property
    def names_a_model(self) -> bool:
        """Whether it says anything about the model itself."""
        named = (
            self.config,
            self.n_harmonics,
            self.n_noise_bands,
            *self._of_z,
            self.centred_frames,
            self.voicing,
            self.macros,
        )
        return any(value is not None for value in named)

    @property
    def _of_z(self) -> tuple[int | None, ...]:
        return self.z_time_steps, self.z_dims

    @property
    def says_how_timbre_is_followed(self) -> bool:
        """Whether it says anything that only a model with z can do."""
        return any(value is not None for value in self._of_z) or any(name in OF_Z for name, _ in self.macros or ())

    def merged(self, begun: Mapping) -> "Recipe":
        """The recipe with what it leaves open taken from the one with which a training was begun."""
        before = Recipe.from_options(begun)
        chosen = {
            name: getattr(before, name)
            for name in ("config", "seed", "macros", "full_band", "lr_end", "voicing", *_MACROS)
            if getattr(self, name) is None
        }
        return replace(self, **chosen)


@dataclass(frozen=True)
class Config:
    """A model that can be trained: a file of ``gin/models``, or one with a recipe's overrides.

    Attributes
    ----------
    name, title, description : str
        The file's name without its ending, its first line, and the rest of its header.
    model : ModelConfig
    window_frames : int
        Frames of 4 ms in a training window.
    steps, batch_size, save_every, learning_rate
        As the file says.
    lr_decay_steps, lr_decay_rate, grad_clip_norm : float
        As ddsp's Trainer takes them.
    centred_frames : bool
    head_start_steps : int
        See `Recipe`.
    teaching : Teaching
    text : str
        The whole gin text, its includes put in.
    """

    name: str
    title: str
    description: str
    model: ModelConfig
    window_frames: int
    steps: int
    batch_size: int
    save_every: int
    learning_rate: float
    lr_decay_steps: int
    lr_decay_rate: float
    grad_clip_norm: float
    centred_frames: bool
    head_start_steps: int
    teaching: Teaching
    text: str


def configs() -> tuple[Config, ...]:
    """All models that can be trained, the default first."""
    names = sorted(path.stem for path in (GIN / "models").glob("*.gin") if path.stem not in _PARTS)
    return tuple(config_file(name) for name in sorted(names, key=lambda name: (name != DEFAULT_CONFIG, name)))


@cache
def config_file(name: str) -> Config:
    """The model of a file in ``gin/models``."""
    path = GIN / "models" / f"{name}.gin"
    if not re.fullmatch(r"[a-z0-9_]+", str(name)) or name in _PARTS or not path.is_file():
        known = ", ".join(sorted(path.stem for path in (GIN / "models").glob("*.gin") if path.stem not in _PARTS))
        raise SettingsError(f"No model {str(name)[:60]!r} in gin/models; available: {known}.")
    return parsed(name, _with_includes(path), header=path.read_text("utf-8"))


def resolved(recipe: Recipe) -> Config:
    """The model of a recipe, its overrides applied."""
    file = config_file(recipe.config or DEFAULT_CONFIG)
    if recipe.says_how_timbre_is_followed and file.model.z is None:
        raise SettingsError(
            f"The model {file.name} does not follow timbre, so it has no settings of z. Choose "
            f"{re.sub('^(singing|vst)', 'singing_z', file.name)}."
        )
    bindings = "".join(f"{name} = {value!r}\n" for name, value in recipe.overrides().items())
    if recipe.voicing is not None:
        bindings += f"RnnFcDecoder.input_keys = {replace(file.model, voicing=recipe.voicing).input_keys!r}\n"
    if recipe.lr_end is not None:
        n_steps = recipe.steps or file.steps
        bindings += f"Trainer.lr_decay_steps = {n_steps}\nTrainer.lr_decay_rate = {float(recipe.lr_end)!r}\n"
    return _changed(file.name, bindings)


@lru_cache(maxsize=256)  # parsing takes 12 ms, and a page asks for the cells of a grid anew in each run
def _changed(name: str, bindings: str) -> Config:
    """The model of a file, with bindings that go after its own."""
    file = config_file(name)
    return parsed(name, f"{file.text}\n{bindings}", header=f"# -*-Python-*-\n# {file.title}\n# {file.description}")


def parsed(name: str, text: str, *, header: str = "") -> Config:
    """A gin text, composed or operative, read as data; what it leaves open is as in ``gin/optimization/base.gin``."""
    bindings = read_bindings(text.encode(), last_wins=True)

    def number(selector: str, parameter: str) -> float | None:
        value = bindings.get((selector, parameter))
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return value if 0 < value < 1e12 else None

    title, description = _header(header)
    model = read_config(bindings)
    return Config(
        name=name,
        title=title,
        description=description,
        model=model,
        window_frames=_window_frames(model, number),
        steps=int(number("train", "num_steps") or 40_000),
        batch_size=int(number("train", "batch_size") or 32),
        save_every=int(number("train", "steps_per_save") or 250),
        learning_rate=float(number("Trainer", "learning_rate") or 3e-4),
        lr_decay_steps=int(number("Trainer", "lr_decay_steps") or 10_000),
        lr_decay_rate=float(number("Trainer", "lr_decay_rate") or 0.98),
        grad_clip_norm=float(number("Trainer", "grad_clip_norm") or 3.0),
        centred_frames=_macro(text, "centred_frames", "True|False") == "True",
        head_start_steps=int(_macro(text, "head_start_steps", r"\d{1,6}") or 0),
        teaching=Teaching(**{name: float(_macro(text, name, _NUMBER) or 0.0) for name in MACROS}),
        text=text,
    )


def _window_frames(model: ModelConfig, number: Callable[[str, str], float | None]) -> int:
    """Frames of 4 ms in a training window; a model of ddsp-vst's has one step more than the window is long."""
    if model.generation == POWER:
        return int(number("Harmonic", "n_samples") or 64_320) // HOP_SAMPLES - model.hop_frames
    return int(number("F0LoudnessPreprocessor", "time_steps") or 64_000 // HOP_SAMPLES)


def _macros(given: object) -> tuple[tuple[str, float], ...]:
    """Pairs of known names and numbers in range, in one order."""
    known = ", ".join(MACROS)
    try:
        pairs = dict(given)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        raise SettingsError(f"The training's macros must be names with numbers; known are {known}.") from None
    unknown = set(pairs) - set(MACROS)
    if unknown:
        raise SettingsError(f"The training has no macro {str(sorted(unknown, key=str)[0])[:60]!r}; known are {known}.")
    Teaching(**pairs)
    return tuple(sorted((name, float(value)) for name, value in pairs.items()))


def _macro(text: str, name: str, pattern: str) -> str:
    """What the text says last of a macro that only ddsing makes use of."""
    found = re.findall(rf"^{name} = ({pattern})$", text, re.MULTILINE)
    return found[-1] if found else ""


def _with_includes(path: Path) -> str:
    def included(match: re.Match[str]) -> str:
        return _with_includes(GIN / match[1])

    return _INCLUDE.sub(included, path.read_text("utf-8"))


def _header(text: str) -> tuple[str, str]:
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# ").rstrip())
    lines = [line for line in lines if line != "-*-Python-*-"]
    return (lines[0], "\n".join(lines[1:]).strip()) if lines else ("", "")
