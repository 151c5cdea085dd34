// Both synthesisers of `ddsing.engine.synthesis`, sample by sample: frame k stands 4 ms · k after the beginning, a control goes from
// its frame to the next.
//
// The harmonics are synthesised at the loudspeaker's own rate: at 16 kHz they are those of Python, at others the same waves, sampled elsewhere.
// The noise is made at 16 kHz and brought to that rate by a filter.

/** Cycles by which each end of a wave is further at 16 kHz than at another rate, since a sample has moved on already when it sounds. */
function leadOf(f0Hz, rate) {
  return (f0Hz * (1 / MODEL_RATE - 1 / rate)) / 2;
}

/** A bank of harmonics whose phase goes on. */
class Harmonics {
  constructor(model) {
    this.method = model.amp_resample_method;
    this.n = model.n_harmonics;
    this.cycles = null; // none before the first sample
  }

  /** How far the next frame's amplitudes have come in, 0 to 1, `share` of the way from one frame to the next. */
  rise(share) {
    if (this.method === "nearest") return 0;
    return this.method === "window" ? 0.5 - 0.5 * Math.cos(Math.PI * share) : share;
  }

  /**
   * The next sample.
   * @param {number} f0Hz where the sample is
   * @param {Float32Array} before @param {Float32Array} after amplitudes of the frames around it
   * @param {number} share of the way between them
   * @param {number} rate Hz
   */
  next(f0Hz, before, after, share, rate) {
    const lead = leadOf(f0Hz, rate);
    this.cycles = (this.cycles ?? lead) + f0Hz / rate;
    this.cycles -= Math.floor(this.cycles);
    if (!(f0Hz > 0)) return 0;
    const used = Math.min(this.n, Math.ceil(MODEL_RATE / 2 / f0Hz) - 1);
    const angle = 2 * Math.PI * (this.cycles + lead);
    const twice = 2 * Math.cos(angle);
    let last = 0;
    let wave = Math.sin(angle); // sin((k + 1) a) = 2 cos(a) sin(k a) - sin((k - 1) a)
    let first = 0;
    let second = 0;
    for (let k = 0; k < used; k++) {
      first += wave * before[k];
      second += wave * after[k];
      const following = twice * wave - last;
      last = wave;
      wave = following;
    }
    const rise = this.rise(share);
    return first * (1 - rise) + second * rise;
  }
}

/** Even chance from -1 to 1, the same for the same seed: sfc32 of Chris Doty-Humphrey's PractRand, public domain. */
function chance(seed) {
  let a = seed >>> 0;
  let b = Math.floor(seed / 2 ** 32) >>> 0;
  let c = 0x64647369;
  let d = 1;
  const next = () => {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 2 ** 31 - 1;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

/** White noise through a filter per frame, at 16 kHz; it comes out `delay` samples late, since the filters look ahead. */
class Noise {
  /** @param {ReturnType<typeof unpack>} pack @param {() => number} draw */
  constructor({ model, arrays }, draw) {
    this.hop = MODEL_RATE / FRAME_RATE;
    this.draw = draw;
    this.window = arrays["noise/window"].values;
    const order = arrays["noise/order"].values;
    this.taps = this.window.length;
    this.delay = Math.floor((this.taps - 1) / 2) - 1; // of ddsp's own
    const nBands = model.n_noise_bands;
    const size = 2 * (nBands - 1);
    this.nBands = nBands;
    this.cosines = new Float32Array((nBands * nBands)); // of a real, symmetric spectrum: half an inverse transform
    for (let lag = 0; lag < nBands; lag++) {
      for (let band = 0; band < nBands; band++) {
        const weight = band === 0 || band === nBands - 1 ? 1 : 2;
        this.cosines[lag * nBands + band] = (weight / size) * Math.cos((2 * Math.PI * ((lag * band) % size)) / size);
      }
    }
    this.lags = Int32Array.from(order, (at) => Math.min(at, size - at));
    this.none = new Float32Array(nBands);
    this.half = new Float32Array(nBands);
    this.impulse = new Float32Array(this.taps);
    this.sum = new Float32Array(this.hop + this.taps - 1); // what is still to come of all frames
    this.drawn = new Float32Array(this.hop);
  }

  /** @param {Float32Array} magnitudes of the next frame @param {(sample: number) => void} give called for its 64 samples */
  next(magnitudes, give) {
    const { hop, taps, sum, impulse, half, nBands, drawn } = this;
    dense(half, this.cosines, this.none, magnitudes, nBands, nBands);
    for (let i = 0; i < taps; i++) impulse[i] = half[this.lags[i]] * this.window[i];
    for (let n = 0; n < hop; n++) drawn[n] = this.draw();
    for (let n = 0; n < hop; n++) {
      const value = drawn[n];
      for (let i = 0; i < taps; i++) sum[n + i] += value * impulse[i];
    }
    for (let n = 0; n < hop; n++) give(sum[n]);
    sum.copyWithin(0, hop);
    sum.fill(0, sum.length - hop);
  }
}

const REACH = 16; // samples to each side that a resampled one depends on
const FINENESS = 512; // places between two samples for which the filter is known

/** A sound that comes in by the sample and is read at another rate, `REACH` samples late; at its own as it is. */
class Resampler {
  /** @param {number} rate Hz @param {number} from of what comes in, Hz */
  constructor(rate, from = MODEL_RATE) {
    this.step = from / rate;
    this.ring = new Float32Array(4096);
    this.mask = this.ring.length - 1;
    this.written = 0;
    this.at = 0; // of the sample that is read next
    this.through = rate === from;
    this.filter = this.through ? null : Resampler.windowedSinc(Math.min(1, 1 / this.step));
  }

  /** Values of a Kaiser-windowed sinc, `FINENESS` to a sample, of an even reach. */
  static windowedSinc(cut) {
    const bessel = (x) => {
      let sum = 1;
      let term = 1;
      for (let k = 1; k < 30; k++) sum += term *= (x / 2 / k) ** 2;
      return sum;
    };
    const found = new Float32Array(REACH * FINENESS + 2);
    for (let i = 0; i <= REACH * FINENESS; i++) {
      const x = i / FINENESS;
      const angle = Math.PI * x * cut;
      found[i] = cut * (i ? Math.sin(angle) / angle : 1) * (bessel(8 * Math.sqrt(1 - (x / REACH) ** 2)) / bessel(8));
    }
    return found;
  }

  write(sample) {
    this.ring[this.written++ & this.mask] = sample;
  }

  read() {
    if (this.through) return this.ring[this.at++ & this.mask];
    const place = this.at - REACH;
    const nearest = Math.floor(place);
    let sum = 0;
    for (let i = nearest - REACH + 1; i <= nearest + REACH; i++) {
      if (i >= 0) sum += this.ring[i & this.mask] * this.filter[Math.round(Math.abs(place - i) * FINENESS)];
    }
    this.at += this.step;
    return sum;
  }
}
