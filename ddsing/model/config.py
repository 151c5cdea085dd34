"""The shape of a DDSP singing model: what it decodes from, how large it is, how its outputs are scaled.

A `ModelConfig` is data: it comes from an instrument's manifest or from a gin file that was only read, and
everything that builds a model builds it from this by constructor arguments. Weight names are the paths that
TensorFlow's object graph gives ddsp's `Autoencoder`, without the leading ``model/``, for instance
``decoder/rnn/rnn/cell/kernel``.

Reference: Engel et al., "DDSP: Differentiable Digital Signal Processing", ICLR 2020;
`ddsp.training.decoders.RnnFcDecoder`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ddsing.constants import DB_RANGE, POWER
from ddsing.errors import InstrumentError

AMP_RESAMPLE_METHODS = ("window", "linear", "nearest")  # of ddsp's, all but cubic
Z_SPECTRA = {63: (2048, 1024), 125: (1024, 512), 250: (1024, 256), 500: (512, 128), 1000: (256, 64)}
VOICING_KEY = "f0_confidence"  # the decoder's input of how sure the pitch is
N_MFCCS = 30  # ddsp's MfccTimeDistributedRnnEncoder feeds 30 MFCCs


@dataclass(frozen=True)
class ZConfig:
    """ddsp's `MfccTimeDistributedRnnEncoder`: MFCCs of the audio → GRU → z."""

    rnn_channels: int = 512
    z_dims: int = 16
    z_time_steps: int = 125  # z frames per 4-second window

    @property
    def spectrum(self) -> tuple[int, int]:
        """FFT size and hop of the MFCCs, in samples: ddsp's for its rate that is nearest to `z_time_steps`."""
        return Z_SPECTRA[min(Z_SPECTRA, key=lambda steps: abs(steps - self.z_time_steps))]


@dataclass(frozen=True)
class ModelConfig:
    """Everything that fixes an `Autoencoder`'s decoder, synthesisers and input scaling.

    `generation` is the ddsp generation of loudness that the model was trained with (1: ddsp ≤ 1.9, 120 dB;
    3: ddsp ≥ 3, 80 dB); the network sees ``loudness_db / DB_RANGE[generation] + 1``. With
    `voicing` it also sees how sure the pitch is, 0 to 1, which no model of 2021 does. A model of generation `POWER` is
    one of ddsp-vst's: it hears power instead of loudness, and decides every fifth frame.
    """

    generation: int = 3
    rnn_channels: int = 512
    ch: int = 512
    layers_per_stack: int = 3
    n_harmonics: int = 100
    n_noise_bands: int = 65
    z: ZConfig | None = None
    noise_initial_bias: float = -5.0
    noise_window_size: int = 257
    normalize_below_nyquist: bool = True
    amp_resample_method: str = "window"
    scale_exponent: float = 10.0
    scale_max_value: float = 2.0
    scale_threshold: float = 1e-7
    voicing: bool = False

    def __post_init__(self) -> None:
        limits = {
            "rnn_channels": (1, 4096),
            "ch": (1, 4096),
            "layers_per_stack": (1, 16),
            "n_harmonics": (1, 512),
            "n_noise_bands": (3, 1025),
            "noise_initial_bias": (-100.0, 100.0),
            "noise_window_size": (0, 4096),
            "scale_exponent": (1.0, 1000.0),
            "scale_max_value": (1e-6, 1e3),
            "scale_threshold": (0.0, 1.0),
        }
        for field, (low, high) in limits.items():
            value = getattr(self, field)
            wanted = int if isinstance(low, int) else (int, float)
            if isinstance(value, bool) or not isinstance(value, wanted) or not low <= value <= high:
                raise InstrumentError(f"The model's {field} is {value!r}; ddsing plays models with {low} to {high}.")
        if self.generation not in DB_RANGE:
            known = ", ".join(map(str, DB_RANGE))
            raise InstrumentError(f"The model's ddsp generation is {self.generation!r}; it must be one of {known}.")
        if self.generation == POWER and (self.z is not None or self.voicing):
            raise InstrumentError("The model is one of ddsp-vst's, which follow no timbre (z) and hear no voicing.")
        if self.noise_window_size in (1, 2):  # ddsp's own filters come out empty then
            raise InstrumentError(
                f"The model's noise_window_size is {self.noise_window_size}; it must be 0 or at least 3."
            )
        if self.amp_resample_method not in AMP_RESAMPLE_METHODS:
            known = ", ".join(AMP_RESAMPLE_METHODS)
            raise InstrumentError(
                f"The model's amp_resample_method is {self.amp_resample_method!r}; ddsing plays {known}."
            )
        for field in ("normalize_below_nyquist", "voicing"):
            if not isinstance(getattr(self, field), bool):
                raise InstrumentError(f"The model's {field} must be true or false.")
        if self.z is not None:
            for field, high in (("rnn_channels", 4096), ("z_dims", 1024), ("z_time_steps", 1000)):
                value = getattr(self.z, field)
                if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= high:
                    raise InstrumentError(f"The model's z {field} is {value!r}; ddsing plays models with 1 to {high}.")

    @property
    def db_range(self) -> float:
        """DB below full scale that the model's loudness can express."""
        return DB_RANGE[self.generation]

    @property
    def hop_frames(self) -> int:
        """Frames of 4 ms from one of the network's steps to the next."""
        return 5 if self.generation == POWER else 1

    @property
    def input_keys(self) -> tuple[str, ...]:
        """The decoder's inputs, in the order of its stacks."""
        level = "pw_scaled" if self.generation == POWER else "ld_scaled"
        return (level, "f0_scaled") + (("z",) if self.z else ()) + ((VOICING_KEY,) if self.voicing else ())

    @property
    def output_splits(self) -> tuple[tuple[str, int], ...]:
        """The decoder's outputs and their widths."""
        return (("amps", 1), ("harmonic_distribution", self.n_harmonics), ("noise_magnitudes", self.n_noise_bands))

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every weight that a model of this configuration has, and no other."""
        widths = {"ld_scaled": 1, "pw_scaled": 1, "f0_scaled": 1, "z": self.z.z_dims if self.z else 0, VOICING_KEY: 1}
        n_stacks = len(self.input_keys)
        shapes: dict[str, tuple[int, ...]] = {}
        for index, key in enumerate(self.input_keys):
            shapes |= self._stack_shapes(f"decoder/input_stacks/{index}", widths[key])
        shapes |= _gru_shapes("decoder/rnn/rnn/cell", n_stacks * self.ch, self.rnn_channels)
        shapes |= self._stack_shapes("decoder/out_stack", n_stacks * self.ch + self.rnn_channels)
        shapes |= _dense_shapes("decoder/dense_out", self.ch, sum(width for _, width in self.output_splits))
        if self.z:
            shapes["encoder/z_norm/scale"] = shapes["encoder/z_norm/shift"] = (1, 1, 1, N_MFCCS)
            shapes |= _gru_shapes("encoder/rnn/rnn/cell", N_MFCCS, self.z.rnn_channels)
            shapes |= _dense_shapes("encoder/dense_out", self.z.rnn_channels, self.z.z_dims)
        return shapes

    def _stack_shapes(self, prefix: str, n_in: int) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in range(self.layers_per_stack):
            name = f"{prefix}/layer_with_weights-{layer}"
            shapes |= _dense_shapes(f"{name}/layer_with_weights-0", n_in if layer == 0 else self.ch, self.ch)
            shapes[f"{name}/layer_with_weights-1/beta"] = (self.ch,)
            shapes[f"{name}/layer_with_weights-1/gamma"] = (self.ch,)
        return shapes

    def to_json(self) -> dict:
        """A plain dictionary for an instrument's manifest."""
        document = asdict(self)
        return document if self.voicing else {name: x for name, x in document.items() if name != "voicing"}

    @classmethod
    def from_json(cls, data: Mapping) -> "ModelConfig":
        """The configuration in a manifest; unknown or ill-typed entries raise `InstrumentError`."""
        data = dict(data)
        z = data.pop("z", None)
        try:
            return cls(z=None if z is None else ZConfig(**z), **data)
        except TypeError as error:
            raise InstrumentError(f"The instrument's model configuration can't be read: {error}.") from None


def _dense_shapes(prefix: str, n_in: int, n_out: int) -> dict[str, tuple[int, ...]]:
    return {f"{prefix}/kernel": (n_in, n_out), f"{prefix}/bias": (n_out,)}


def _gru_shapes(prefix: str, n_in: int, channels: int) -> dict[str, tuple[int, ...]]:
    return {
        f"{prefix}/kernel": (n_in, 3 * channels),
        f"{prefix}/recurrent_kernel": (channels, 3 * channels),
        f"{prefix}/bias": (2, 3 * channels),
    }
