// What a microphone hears, at the device's rate, brought to 16 kHz and kept for a moment; and how loud it is.

const CUT_HZ = 800; // above which nothing is left for the pitch
const MEASURED = 512; // samples of the loudness
const FLOOR_POWER = 1e-8; // -80 dB

/** A Butterworth low-pass of second order. */
class LowPass {
  constructor(cutHz, rate) {
    const w = Math.tan((Math.PI * cutHz) / rate);
    const norm = 1 / (1 + Math.SQRT2 * w + w * w);
    this.gain = w * w * norm;
    this.a1 = 2 * (w * w - 1) * norm;
    this.a2 = (1 - Math.SQRT2 * w + w * w) * norm;
    this.first = this.second = 0;
  }

  next(x) {
    const y = this.gain * x + this.first;
    this.first = 2 * this.gain * x - this.a1 * y + this.second;
    this.second = this.gain * x - this.a2 * y;
    return y;
  }
}

class Ear {
  /** @param {number} rate Hz */
  constructor(rate) {
    this.resampler = new Resampler(MODEL_RATE, rate);
    this.lowPass = new LowPass(CUT_HZ, MODEL_RATE);
    this.due = 0; // samples at 16 kHz, times the rate
    this.rate = rate;
    this.sound = new Float32Array(8192); // the last ones end at `end`
    this.low = new Float32Array(8192); // without what is above `CUT_HZ`
    this.end = COMPARED;
  }

  /** @param {Float32Array} samples the next ones, at the device's rate */
  hear(samples) {
    for (let n = 0; n < samples.length; n++) {
      this.resampler.write(samples[n]);
      this.due += MODEL_RATE;
      for (; this.due >= this.rate; this.due -= this.rate) this.take(this.resampler.read());
    }
  }

  take(sample) {
    if (this.end === this.sound.length) {
      for (const kept of [this.sound, this.low]) kept.copyWithin(0, this.end - COMPARED);
      this.end = COMPARED;
    }
    this.sound[this.end] = sample;
    this.low[this.end++] = this.lowPass.next(sample);
  }
}

/** Loudness as `ddsing.sound.loudness` computes it for generation 3, of 512 samples at 16 kHz: that of their middle. */
class LoudnessMeter {
  constructor() {
    const half = MEASURED / 2;
    this.hann = Float64Array.from({ length: MEASURED }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / MEASURED));
    this.weights = Float64Array.from({ length: half + 1 }, (_, bin) => LoudnessMeter.aWeight((bin * MODEL_RATE) / MEASURED) / (half + 1));
    this.cos = Float64Array.from({ length: half }, (_, n) => Math.cos((2 * Math.PI * n) / MEASURED));
    this.sin = Float64Array.from({ length: half }, (_, n) => -Math.sin((2 * Math.PI * n) / MEASURED));
    const bits = Math.log2(MEASURED);
    this.order = Int32Array.from({ length: MEASURED }, (_, n) => {
      let turned = 0;
      for (let bit = 0; bit < bits; bit++) turned = (turned << 1) | ((n >> bit) & 1);
      return turned;
    });
    this.real = new Float64Array(MEASURED);
    this.imaginary = new Float64Array(MEASURED);
  }

  /** A-weighting as power, not below -80 dB. */
  static aWeight(hz) {
    const squared = hz * hz;
    const [a, b, c, d] = [12194.217, 20.598997, 107.65265, 737.86223].map((corner) => corner * corner);
    const amplitude = (a * squared * squared) / ((squared + a) * (squared + b) * Math.sqrt((squared + c) * (squared + d)));
    return Math.max(1e-8, 10 ** 0.2 * amplitude ** 2);
  }

  /** @param {Float32Array} sound @param {number} from the first of `MEASURED` samples in it @returns {number} dB */
  next(sound, from = 0) {
    const { real, imaginary, hann, order, weights } = this;
    for (let n = 0; n < MEASURED; n++) real[order[n]] = sound[from + n] * hann[n];
    imaginary.fill(0);
    this.transform();
    let power = 0;
    for (let bin = 0; bin <= MEASURED / 2; bin++) power += weights[bin] * (real[bin] ** 2 + imaginary[bin] ** 2);
    return 10 * Math.log10(Math.max(FLOOR_POWER, power));
  }

  /** The fast Fourier transform by Cooley and Tukey, in place, of numbers in bit-reversed order. */
  transform() {
    const { real, imaginary, cos, sin } = this;
    for (let half = 1; half < MEASURED; half *= 2) {
      const turn = MEASURED / (2 * half);
      for (let from = 0; from < MEASURED; from += 2 * half) {
        for (let k = 0; k < half; k++) {
          const one = from + k;
          const other = one + half;
          const at = k * turn;
          const x = real[other] * cos[at] - imaginary[other] * sin[at];
          const y = real[other] * sin[at] + imaginary[other] * cos[at];
          real[other] = real[one] - x;
          imaginary[other] = imaginary[one] - y;
          real[one] += x;
          imaginary[one] += y;
        }
      }
    }
  }
}
