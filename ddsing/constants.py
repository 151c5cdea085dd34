"""Numbers that the whole project shares: the timebase, and the limits on what is read."""

SAMPLE_RATE = 16_000  # Hz, mono, everywhere inside ddsing
FRAME_RATE = 250  # feature frames per second
HOP_SAMPLES = SAMPLE_RATE // FRAME_RATE  # 64 samples, 4 ms
FULL_BAND_RATE = 3 * SAMPLE_RATE  # Hz, of what an instrument with a top sings

POWER = 50  # the "generation" of ddsp-vst's models: they hear plain power, 50 times a second
DB_RANGE = {1: 120.0, 3: 80.0, POWER: 80.0}  # dB below full scale that each ddsp generation can express
GENERATIONS = {1: "ddsp 1.x", 3: "ddsp 3.x", POWER: "ddsp-vst"}  # what a generation's loudness is called

TRACKERS = ("full", "fast", "tiny", "instant")  # how pitch is found, see ddsing.sound.pitch
TRACKER_WORDS = {"full": "Best", "fast": "Quicker", "tiny": "Draft", "instant": "Instant"}  # as the pages call them

GUIDE_BAND = (5.0, 6.0)  # of the total spectral loss in which the singing models of the notebooks were good

MAX_TRANSFER_S = 600.0  # longest recording a transfer takes
MAX_DATASET_S = 3 * 3600.0  # longest recording a dataset takes
MAX_INSTRUMENT_BYTES = 300 * 2**20  # largest instrument zip
MAX_F0_MIDI = 110.0  # highest note that a shifted f0 may reach, as in ddsp's colab_utils
