// What an instrument sounds like above 8 kHz, as `ddsing.engine.top` has it: frames at 48 kHz that overlap by two thirds, each of one
// spectrum, of noise with phases by chance and of harmonics that go on where those below end. Within -80 dB of Python's for the same chance.

const TOP_RATE = 48000; // Hz, of its synthesis
const LEAST_TOP_RATE = 44100; // of a loudspeaker that it is played on
const TOP_HOP = TOP_RATE / FRAME_RATE;
const TOP_FRAME = 3 * TOP_HOP;
const TOP_BIN_HZ = TOP_RATE / TOP_FRAME;
const [TOP_LOW_HZ, TOP_HARMONICS_HZ, TOP_HIGH_HZ] = [7200, 12000, 24000];
const TOP_FIRST = Math.floor(TOP_LOW_HZ / TOP_BIN_HZ); // bin of the noise
const LEAST_POWER = 1e-12; // of full scale
const LOBE_REACH = 3; // bins around a harmonic
const LOBE_FINENESS = 2048; // places between two bins for which the lobe is known

/** The inverse transform of complex spectra of one size, whose factors are 2, 3 and 4; not divided by the size. */
class Transform {
  constructor(n) {
    this.n = n;
    this.factors = [];
    for (let left = n, factor; left > 1; left /= factor) this.factors.push((factor = [4, 3, 2].find((one) => left % one === 0)));
    this.cos = Float64Array.from({ length: n }, (_, k) => Math.cos((2 * Math.PI * k) / n));
    this.sin = Float64Array.from({ length: n }, (_, k) => Math.sin((2 * Math.PI * k) / n));
    [this.re, this.im, this.spareRe, this.spareIm] = [0, 1, 2, 3].map(() => new Float64Array(n));
  }

  /** Transform `re` and `im`, in place. Stockham's way: each stage writes what the next one reads in order. */
  run() {
    const { n, cos, sin } = this;
    let stride = 1;
    for (const factor of this.factors) {
      const { re, im, spareRe, spareIm } = this;
      const parts = n / stride / factor;
      for (let part = 0; part < parts; part++) {
        for (let k = 0; k < factor; k++) {
          const to = stride * (factor * part + k);
          spareRe.fill(0, to, to + stride);
          spareIm.fill(0, to, to + stride);
          for (let j = 0; j < factor; j++) {
            const turn = (k * (part * stride + (j * n) / factor)) % n;
            const [c, s] = [cos[turn], sin[turn]];
            const from = stride * (part + parts * j);
            for (let q = 0; q < stride; q++) {
              spareRe[to + q] += re[from + q] * c - im[from + q] * s;
              spareIm[to + q] += re[from + q] * s + im[from + q] * c;
            }
          }
        }
      }
      [this.re, this.im, this.spareRe, this.spareIm] = [spareRe, spareIm, re, im];
      stride *= factor;
    }
  }
}

/** Where a frequency lies among a top's bands: 0 at 7.2 kHz and below, 1 in the middle of the first one. */
function bandOf(hz, nBands) {
  const mel = (f) => 2595 * Math.log10(1 + f / 700);
  const place = ((mel(hz) - mel(TOP_LOW_HZ)) / (mel(TOP_HIGH_HZ) - mel(TOP_LOW_HZ))) * (nBands + 1);
  return Math.min(nBands + 1, Math.max(0, place));
}

/** Power densities in a top's bands, from what a frame's decoder has made. */
class TopPowers {
  constructor({ model, arrays }) {
    this.model = model;
    for (const name of ["kernel", "bias", "centre", "scale", "low", "high", "least", "most"]) this[name] = arrays[`top/${name}`].values;
    const n = this.bias.length;
    this.share = arrays["top/harmonic_share"].values.map((share, band) => (band + 1 < bandOf(TOP_HARMONICS_HZ, n) ? share : 0));
    this.inputs = new Float32Array(14);
    this.logs = new Float32Array(n);
    this.harmonic = new Float32Array(n + 2); // with a 0 at both ends, where power falls to
    this.noise = new Float32Array(n + 2);
    this.sums = new Float64Array(5);
  }

  /** @param {{amplitudes: Float32Array, noise: Float32Array}} controls */
  next(f0Hz, loudnessDb, controls) {
    const { kernel, bias, centre, scale, low, high, least, most, inputs, logs } = this;
    const voiced = this.listen(f0Hz, loudnessDb, controls);
    for (let i = 0; i < inputs.length; i++) inputs[i] = (Math.min(high[i], Math.max(low[i], inputs[i])) - centre[i]) / scale[i];
    dense(logs, kernel, bias, inputs, inputs.length, logs.length);
    for (let band = 0; band < logs.length; band++) {
      const density = Math.exp(Math.min(most[band], Math.max(least[band], logs[band])));
      this.harmonic[band + 1] = density * voiced * this.share[band];
      this.noise[band + 1] = density - this.harmonic[band + 1];
    }
  }

  /** What the top reads: loudness, pitch, and how strong harmonics and noise are in each quarter below 8 kHz. */
  listen(f0Hz, loudnessDb, { amplitudes, noise }) {
    const { inputs, sums, model } = this;
    sums.fill(0);
    for (let k = 0; k < amplitudes.length; k++) {
      sums[Math.min(4, Math.floor((f0Hz * (k + 1)) / (MODEL_RATE / 8)))] += (amplitudes[k] * amplitudes[k]) / 2;
    }
    let [harmonic, breath, from] = [0, 0, 0];
    for (let quarter = 0; quarter < 4; quarter++) {
      const count = Math.floor(noise.length / 4) + (quarter < noise.length % 4 ? 1 : 0);
      let sum = 0;
      for (let band = from; band < from + count; band++) sum += (noise[band] * noise[band]) / 3;
      const power = sum / Math.max(1, count) / 4;
      from += count;
      inputs[6 + quarter] = Math.log(sums[quarter] + LEAST_POWER);
      inputs[10 + quarter] = Math.log(power + LEAST_POWER);
      harmonic += sums[quarter];
      breath += power;
    }
    const loud = loudnessDb / model.db_range + 1;
    const midi = f0Hz > 0 ? (12 * Math.log2(f0Hz / 440) + 69) / 127 : 0;
    inputs[5] = harmonic / (harmonic + breath + LEAST_POWER);
    [inputs[0], inputs[1], inputs[2], inputs[3], inputs[4]] = [loud, midi, loud * loud, midi * midi, loud * midi];
    return inputs[5];
  }
}

/** An instrument's top as a stream of 48 kHz, late by `delay` samples. */
class Top {
  /** Whether an instrument has one, and a loudspeaker's rate room for it. */
  static isPlayed({ arrays }, rate) {
    return rate >= LEAST_TOP_RATE && "top/kernel" in arrays;
  }

  /**
   * @param {ReturnType<typeof unpack>} pack
   * @param {number} rate Hz at which the harmonics below are synthesised, whose phase goes on here
   * @param {() => number} draw chance from -1 to 1
   */
  constructor(pack, rate, draw) {
    this.powers = new TopPowers(pack);
    this.rate = rate;
    this.draw = draw;
    this.delay = TOP_FRAME / 2;
    this.transform = new Transform(TOP_FRAME);
    const nBands = this.powers.bias.length;
    this.places = Float64Array.from({ length: TOP_FRAME / 2 - TOP_FIRST }, (_, bin) => bandOf((TOP_FIRST + bin) * TOP_BIN_HZ, nBands));
    const amount = Math.sqrt((TOP_BIN_HZ * 4) / 9); // of the noise: windows' squares add up to 9/8
    this.window = Float64Array.from({ length: TOP_FRAME }, (_, n) => amount * (0.5 - 0.5 * Math.cos((2 * Math.PI * n) / TOP_FRAME)));
    this.lobes = Float64Array.from({ length: (LOBE_FINENESS + 1) * (2 * LOBE_REACH + 1) }, (_, at) => {
      const offset = (at % (2 * LOBE_REACH + 1)) - LOBE_REACH;
      return Top.lobe(offset - Math.floor(at / (2 * LOBE_REACH + 1)) / LOBE_FINENESS + 0.5) * (offset % 2 ? -1 : 1);
    });
    this.sums = [new Float64Array(TOP_FRAME), new Float64Array(TOP_FRAME)]; // of harmonics and noise: what is still to come
    this.cycles = 0; // as those of `Harmonics`
    this.beforeHz = null;
    // A harmonic near 8 kHz passes the filter of Python's 48 kHz as far as this, in steps from 0 to 8 kHz.
    this.passed = pack.arrays["top/passed"].values;
  }

  /** The transform of a Hann window some bins from its middle, where it is 1. */
  static lobe(offset) {
    const square = offset * offset;
    if (Math.abs(square - 1) < 1e-9) return 0.5;
    return (offset ? Math.sin(Math.PI * offset) / (Math.PI * offset) : 1) / (1 - square);
  }

  /**
   * The next frame.
   * @param {{amplitudes: Float32Array, noise: Float32Array}} controls of the decoder
   * @param {(harmonic: number, noise: number) => void} give called for its 192 samples
   */
  next(f0Hz, loudnessDb, controls, give) {
    const { transform, sums: [harmonic, noise], window } = this;
    this.powers.next(f0Hz, loudnessDb, controls);
    transform.re.fill(0);
    transform.im.fill(0);
    this.addNoise();
    this.addHarmonics(f0Hz);
    transform.run();
    for (let n = 0; n < TOP_FRAME; n++) {
      harmonic[n] += transform.re[n];
      noise[n] += transform.im[n] * window[n];
    }
    for (let n = 0; n < TOP_HOP; n++) give(harmonic[n], noise[n]);
    for (const sum of this.sums) {
      sum.copyWithin(0, TOP_HOP);
      sum.fill(0, TOP_FRAME - TOP_HOP);
    }
  }

  static at(power, place) {
    const below = Math.min(power.length - 2, Math.floor(place));
    return power[below] + (power[below + 1] - power[below]) * (place - below);
  }

  /** The noise's spectrum, times i: both parts are transformed at once, and the noise comes out as the imaginary one. */
  addNoise() {
    const { places, powers, transform: { re, im }, draw } = this;
    for (let bin = 0; bin < places.length; bin++) {
      const size = Math.sqrt(Top.at(powers.noise, places[bin]));
      const angle = (2 * Math.PI * Math.floor(128 * (draw() + 1))) / 256;
      const [x, y] = [size * Math.cos(angle), size * Math.sin(angle)];
      const at = TOP_FIRST + bin;
      re[at] -= y;
      im[at] += x;
      re[TOP_FRAME - at] += y;
      im[TOP_FRAME - at] += x;
    }
  }

  addHarmonics(f0Hz) {
    const { powers, transform: { re, im }, lobes, rate } = this;
    const lead = leadOf(f0Hz, rate);
    if (this.beforeHz === null) this.cycles = lead;
    else {
      const hop = rate / FRAME_RATE;
      this.cycles += (this.beforeHz * hop + ((f0Hz - this.beforeHz) * (hop - 1)) / 2) / rate;
      this.cycles -= Math.floor(this.cycles);
    }
    this.beforeHz = f0Hz;
    if (!(f0Hz > 20) || Math.max(...powers.harmonic) <= LEAST_POWER / TOP_RATE) return;
    const cycles = this.cycles + f0Hz / rate + lead; // a sample has moved on already when it sounds
    for (let number = Math.ceil(TOP_LOW_HZ / f0Hz); number * f0Hz <= TOP_HARMONICS_HZ; number++) {
      const place = (number * f0Hz) / TOP_BIN_HZ;
      const nearest = Math.round(place);
      const first = Math.round((place - nearest + 0.5) * LOBE_FINENESS) * (2 * LOBE_REACH + 1);
      const power = Top.at(powers.harmonic, bandOf(number * f0Hz, powers.bias.length));
      const size = (Math.sqrt(2 * f0Hz * power) / 6) * (nearest % 2 ? -1 : 1); // windows add up to 3/2
      const angle = 2 * Math.PI * ((number * cycles) % 1);
      const [x, y] = [size * Math.sin(angle), -size * Math.cos(angle)];
      for (let i = 0; i <= 2 * LOBE_REACH; i++) {
        const at = nearest - LOBE_REACH + i;
        re[at] += x * lobes[first + i];
        im[at] += y * lobes[first + i];
        re[TOP_FRAME - at] += x * lobes[first + i];
        im[TOP_FRAME - at] -= y * lobes[first + i];
      }
    }
  }

  /** Soften the harmonics near 8 kHz, where the top takes over. */
  hand(f0Hz, amplitudes) {
    const { passed } = this;
    const step = MODEL_RATE / 2 / (passed.length - 1);
    for (let k = Math.max(0, Math.floor(TOP_LOW_HZ / f0Hz) - 1); k < amplitudes.length; k++) {
      amplitudes[k] *= Top.at(passed, Math.min(passed.length - 1, ((k + 1) * f0Hz) / step));
    }
  }
}
