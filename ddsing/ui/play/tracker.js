// The pitch of a voice while it is sung, a frame at a time, of the last 48 ms of sound below 800 Hz: that of 24 ms ago, their middle.
//
// Pitch is where the sound is most like itself, by the normalised square difference of McLeod and Wyvill, "A smarter way to find pitch",
// ICMC 2005; and of the places where it is, that which follows best from what was before, by the forward half of a Viterbi search.
// `benchmarks/microphone.py` has how often it is right, and what the numbers were chosen by.

const COMPARED = 768; // samples at 16 kHz
const THINNED = 2; // only each second sample is compared: nothing is left above 4 kHz
const LOWEST_HZ = 75;
const HIGHEST_HZ = 1100;
const MOST_PLACES = 16;
const LEAST_CLARITY = 0.05;
const LOWER = 0.11; // what an octave further down costs, in clarity: twice a period is as clear as the period
const LEAP = 1.25; // what an octave costs from one frame to the next

class PitchTracker {
  constructor() {
    const rate = MODEL_RATE / THINNED;
    this.rate = rate;
    this.size = COMPARED / THINNED;
    this.least = Math.floor(rate / HIGHEST_HZ);
    this.most = Math.ceil(rate / LOWEST_HZ);
    this.likeness = new Float32Array(this.most + 2);
    this.flat = new Float32Array(this.size);
    this.now = PitchTracker.places();
    this.before = PitchTracker.places();
    this.f0Hz = 0;
    this.clarity = 0; // how periodic the sound is, 0 to 1
  }

  static places() {
    const numbers = () => new Float32Array(MOST_PLACES);
    return { n: 0, lag: numbers(), clarity: numbers(), worth: numbers(), merit: numbers() };
  }

  /** Sets `f0Hz` and `clarity`. @param {Float32Array} sound without its high part @param {number} from the first of `COMPARED` samples in it */
  next(sound, from = 0) {
    this.compare(sound, from);
    const found = this.before;
    this.find(found);
    if (!found.n) {
      this.clarity = 0;
      return;
    }
    [this.now, this.before] = [found, this.now];
    this.choose(this.now, this.before);
  }

  /** How like itself the sound is so many samples later: 1 where it repeats. */
  compare(sound, from) {
    const { flat, likeness, size, most } = this;
    let mean = 0;
    for (let n = 0; n < size; n++) mean += sound[from + THINNED * n] / size;
    let power = 0;
    for (let n = 0; n < size; n++) {
      flat[n] = sound[from + THINNED * n] - mean;
      power += 2 * flat[n] * flat[n];
    }
    for (let lag = 0; lag <= most + 1; lag++) {
      let product = 0;
      for (let n = lag; n < size; n++) product += flat[n] * flat[n - lag];
      likeness[lag] = power > 1e-9 ? (2 * product) / power : 0;
      power -= flat[lag] ** 2 + flat[size - 1 - lag] ** 2;
    }
  }

  /** Where the likeness is greatest, beyond its first fall below zero; of too many places the best. */
  find(found) {
    const { likeness, least, most } = this;
    found.n = 0;
    let lag = 1;
    while (lag <= most && likeness[lag] > 0) lag++;
    for (lag = Math.max(lag, least); lag <= most; lag++) {
      const here = likeness[lag];
      if (here > LEAST_CLARITY && here > likeness[lag - 1] && here >= likeness[lag + 1]) this.keep(found, lag);
    }
  }

  keep(found, lag) {
    const [left, middle, right] = [this.likeness[lag - 1], this.likeness[lag], this.likeness[lag + 1]];
    const shift = (0.5 * (left - right)) / (left - 2 * middle + right);
    const clarity = middle - 0.25 * (left - right) * shift;
    const worth = clarity - LOWER * Math.log2(lag + shift);
    let at = found.n;
    if (at < MOST_PLACES) found.n++;
    else {
      at = 0;
      for (let i = 1; i < MOST_PLACES; i++) if (found.worth[i] < found.worth[at]) at = i;
      if (found.worth[at] >= worth) return;
    }
    found.lag[at] = lag + shift;
    found.clarity[at] = clarity;
    found.worth[at] = worth;
  }

  choose(now, before) {
    let best = 0;
    for (let i = 0; i < now.n; i++) {
      let past = before.n ? -Infinity : 0;
      for (let j = 0; j < before.n; j++) {
        past = Math.max(past, before.merit[j] - LEAP * Math.abs(Math.log2(now.lag[i] / before.lag[j])));
      }
      now.merit[i] = past + now.worth[i];
      if (now.merit[i] > now.merit[best]) best = i;
    }
    const most = now.merit[best];
    for (let i = 0; i < now.n; i++) now.merit[i] -= most; // so that they stay small
    this.clarity = Math.min(1, now.clarity[best]);
    this.f0Hz = this.rate / now.lag[best];
  }
}
