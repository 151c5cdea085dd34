// An instrument that sounds: its decoder and both synthesisers, at the loudspeaker's rate, for targets that are asked for frame by
// frame while it plays.

const TOP_SEED = 2; // beside that of the noise, so that both draw chance of their own

/** @typedef {{f0Hz: number, loudnessDb: number, z: Float32Array | null}} Target */

/**
 * z some standard deviations from its mean, null for an instrument without.
 * @param {ReturnType<typeof unpack>} pack @param {number[]} shares along the first directions
 */
function timbreOf({ arrays }, shares) {
  const { "z/mean": mean, "z/directions": directions } = arrays;
  if (!mean) return null;
  const z = Float32Array.from(mean.values);
  const n = z.length;
  for (let d = 0; d < Math.min(shares.length, directions.shape[0]); d++) {
    for (let i = 0; i < n; i++) z[i] += shares[d] * directions.values[d * n + i];
  }
  return z;
}

/** A plain tone in an instrument's place, where that is too large to be played live. */
class Hum {
  next(f0Hz, loudnessDb, { amplitudes, noise }) {
    const level = Math.min(0.4, 0.2 * 10 ** ((loudnessDb + 14) / 20));
    for (let k = 0; k < amplitudes.length; k++) amplitudes[k] = k < 8 ? level / (k + 1) : 0;
    noise.fill(0);
    return level;
  }
}

class Voice {
  /**
   * @param {ReturnType<typeof unpack>} pack
   * @param {number} rate of the sound, Hz
   * @param {() => Target} targets what to play in the next frame; a frame or a few before it is heard
   * @param {number | (() => number)} chanceOrSeed of the noise
   * @param {{next: Function}} decoder another than the instrument's own, such as a `Hum`
   */
  constructor(pack, rate, targets, chanceOrSeed = 0, decoder = new Decoder(pack)) {
    this.rate = rate;
    this.targets = targets;
    this.decoder = decoder;
    this.harmonics = new Harmonics(pack.model);
    this.noise = new Noise(pack, typeof chanceOrSeed === "function" ? chanceOrSeed : chance(chanceOrSeed));
    this.resampler = new Resampler(rate);
    this.ahead = Math.max(1, Math.ceil(this.noise.delay / this.noise.hop)); // frames that are decoded before they are heard
    this.top = null;
    if (!(decoder instanceof Hum) && Top.isPlayed(pack, rate)) this.addTop(pack, typeof chanceOrSeed === "function" ? 0 : chanceOrSeed);
    this.frames = Array.from({ length: this.ahead + 1 }, () => ({
      f0Hz: 0, amplitudes: new Float32Array(pack.model.n_harmonics), noise: new Float32Array(pack.model.n_noise_bands),
    }));
    this.toDrop = this.noise.delay;
    this.give = (sample) => {
      if (this.toDrop > 0) this.toDrop--;
      else this.resampler.write(sample);
    };
    this.oldest = 0; // among the frames: the one that is heard
    this.decoded = 0;
    this.since = 0; // the frame that is heard, in samples · 250
  }

  /** What sounds above 8 kHz: a frame more is decoded ahead for it. */
  addTop(pack, seed) {
    this.top = new Top(pack, this.rate, chance(seed + TOP_SEED));
    this.above = [0, 1].map(() => new Resampler(this.rate, TOP_RATE));
    let toDrop = this.top.delay + (this.rate === TOP_RATE ? 0 : REACH);
    this.ahead = Math.max(this.ahead, Math.ceil(toDrop / TOP_HOP));
    this.giveAbove = (harmonic, noise) => {
      if (toDrop-- > 0) return;
      this.above[0].write(harmonic);
      this.above[1].write(noise);
    };
  }

  /** Decode the next frame, in the place of the oldest. */
  decode() {
    const frame = this.frames[this.decoded++ % this.frames.length];
    const { f0Hz, loudnessDb, z } = this.targets();
    frame.f0Hz = f0Hz;
    this.decoder.next(f0Hz, loudnessDb, frame, z);
    this.noise.next(frame.noise, this.give);
    if (!this.top) return;
    this.top.next(f0Hz, loudnessDb, frame, this.giveAbove);
    this.top.hand(f0Hz, frame.amplitudes);
  }

  /** Write the next samples of both parts. @param {Float32Array} harmonic @param {Float32Array} noise */
  next(harmonic, noise) {
    while (this.decoded < this.frames.length) this.decode();
    for (let n = 0; n < harmonic.length; n++) {
      const before = this.frames[this.oldest % this.frames.length];
      const after = this.frames[(this.oldest + 1) % this.frames.length];
      const share = this.since / this.rate;
      const f0Hz = before.f0Hz + (after.f0Hz - before.f0Hz) * share;
      harmonic[n] = this.harmonics.next(f0Hz, before.amplitudes, after.amplitudes, share, this.rate);
      noise[n] = this.resampler.read();
      if (this.top) {
        harmonic[n] += this.above[0].read();
        noise[n] += this.above[1].read();
      }
      this.since += FRAME_RATE;
      if (this.since >= this.rate) {
        this.since -= this.rate;
        this.oldest++;
        this.decode();
      }
    }
  }
}

/**
 * How long a frame takes this device to decode and to synthesise.
 * @param {ReturnType<typeof unpack>} pack @param {number} rate Hz @param {() => number} clock ms
 * @returns {number} ms of each frame's 4; the quickest of some stretches, since a page is busy with other things in between
 */
function paceOf(pack, rate, clock, stretches = 5) {
  const voice = new Voice(pack, rate, () => ({ f0Hz: 220, loudnessDb: -0.4 * pack.model.db_range, z: pack.arrays["z/mean"]?.values ?? null }));
  const [harmonic, noise] = [new Float32Array(rate / 50), new Float32Array(rate / 50)]; // 20 ms
  voice.next(harmonic, noise); // compiled by then
  let best = Infinity;
  for (let i = 0; i < stretches; i++) {
    const from = clock();
    voice.next(harmonic, noise);
    best = Math.min(best, (clock() - from) / 5);
  }
  return best;
}
