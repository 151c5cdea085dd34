// From fingers to curves: what is held, bent and pressed becomes pitch and loudness, 250 frames per second, by the rules of
// `ddsing.play.expression`, as far as they can be followed without knowing what comes next. One note at a time: the last one
// pressed sounds, and when it is let go the one before it that is still held.

const SMOOTH_S = 0.012; // in which bends and pressure follow the finger
const CALM_S = 0.05; // in which a vibrato ends where the next note begins
const LEAST_GAIN = 1e-6;
const LOUD_ATTACK = 0.5; // share of the attack that a loud note takes
const MAX_OVERSHOOT = 0.5; // semitones
const HIGHEST = 110; // MIDI
const SOFTLY_S = 0.02; // at least, in which loudness changes from note to note

/** From 0 to 1 as a half cosine, for x from 0 to 1. */
function sCurve(x) {
  return 0.5 - 0.5 * Math.cos(Math.PI * Math.min(1, Math.max(0, x)));
}

/** The share of the way that a frame takes towards a value which is to be reached in about so many seconds. */
function approach(seconds) {
  return 1 - Math.exp(-1 / (FRAME_RATE * Math.max(seconds, 1e-3)));
}

/** How loud a share of a voice's own notes is at most, in dB. @param {number} share 0 to 1 */
function quantileDb({ references, quantiles }, share) {
  let i = 1;
  while (i < references.length - 1 && references[i] < share) i++;
  const way = (share - references[i - 1]) / Math.max(references[i] - references[i - 1], 1e-9);
  return quantiles[i - 1] + Math.min(1, Math.max(0, way)) * (quantiles[i] - quantiles[i - 1]);
}

/** Noise of standard deviation 1 between two frequencies, a value per frame. */
class Wander {
  constructor(draw, lowHz, highHz) {
    this.draw = draw;
    this.high = 1 - Math.exp((-2 * Math.PI * highHz) / FRAME_RATE);
    this.low = lowHz ? 1 - Math.exp((-2 * Math.PI * lowHz) / FRAME_RATE) : 0;
    this.fast = this.smooth = this.slow = 0;
    this.scale = 1;
    let power = 0;
    for (let i = 0; i < 8000; i++) power += this.next() ** 2;
    this.scale = 1 / Math.sqrt(power / 8000);
  }

  next() {
    this.fast += this.high * (this.draw() - this.fast);
    this.smooth += this.high * (this.fast - this.smooth);
    this.slow += this.low * (this.smooth - this.slow);
    return this.scale * (this.smooth - this.slow);
  }
}

/**
 * What is played.
 *
 * `manner` has the numbers of a `ddsing.play.style.Style`, by its names; `loudness` the voice's `references`, `quantiles` and `silence_db`.
 */
class Performer {
  constructor({ manner, loudness, seed = 0 }) {
    this.manner = manner;
    this.loudness = loudness;
    this.held = []; // { id, midi, share, bend }, the last one pressed at the end
    this.sustained = false; // by the pedal
    this.wheel = 0; // bend of all keys, in semitones
    this.expression = 1; // share of the loudness, of a pedal
    this.depth = 0; // of the vibrato by a wheel, 0 to 1, beside that of the manner
    const draw = chance(seed + 1);
    this.wander = new Wander(draw, 0, 2);
    this.drift = new Wander(draw, 1, 10);
    this.note = null; // what sounds, or sounded last
    this.pitch = 60; // without what lives in it
    this.from = 60;
    this.legato = false;
    this.sinceNote_s = 0;
    this.sinceTurn_s = 10; // since the last attack or release
    this.gainAtTurn = 0;
    this.gain = 0;
    this.sounding = false; // whether a note is held
    this.levelDb = loudness.silence_db;
    this.bend = 0;
    this.swelling = 0; // of the vibrato, 0 to 1
    this.phase = 0;
    this.target = { f0Hz: 261.6, loudnessDb: loudness.silence_db, z: null };
  }

  /** Whether nothing is heard, nor will be until a key is pressed. */
  get silent() {
    return !this.sounding && this.gain === 0;
  }

  /** @param {{id: string, midi: number, share?: number, bend?: number}} note `share` is how loud, 0 to 1 */
  press({ id, midi, share = 0.7, bend = 0 }) {
    this.held = this.held.filter((one) => one.id !== id);
    this.held.push({ id, midi, share, bend, down: true });
    this.turnTo(this.held.at(-1));
  }

  /** A finger moves on a key, or presses it harder. */
  move({ id, share, bend }) {
    const note = this.held.find((one) => one.id === id);
    if (!note) return;
    note.share = share ?? note.share;
    note.bend = bend ?? note.bend;
  }

  lift({ id }) {
    const note = this.held.find((one) => one.id === id);
    if (!note) return;
    note.down = false;
    if (!this.sustained) this.letGo();
  }

  pedal(down) {
    this.sustained = down;
    if (!down) this.letGo();
  }

  /** Everything is let go. */
  rest() {
    this.sustained = false;
    for (const note of this.held) note.down = false;
    this.letGo();
  }

  letGo() {
    this.held = this.held.filter((note) => note.down);
    const last = this.held.at(-1);
    if (last && last !== this.note) this.turnTo(last);
    else if (!last && this.sounding) {
      this.sounding = false;
      this.turn();
    }
  }

  turn() {
    this.sinceTurn_s = 0;
    this.gainAtTurn = this.gain;
  }

  turnTo(note) {
    const { manner } = this;
    const going = this.sounding || (this.gain > 0 && this.sinceTurn_s < manner.legato_gap_s);
    this.legato = going;
    this.from = this.pitch;
    this.note = note;
    this.sinceNote_s = 0;
    if (!this.sounding) {
      this.sounding = true;
      this.turn();
    }
    if (!going) {
      this.bend = note.bend + this.wheel;
      this.levelDb = this.wantedDb();
      this.swelling = 0;
      this.phase = 0;
    }
  }

  /** How loud the note is to be: a share of the voice's own notes, softest to loudest. */
  wantedDb() {
    const { soft, loud } = this.manner;
    return quantileDb(this.loudness, soft + Math.min(1, Math.max(0, this.note.share * this.expression)) * (loud - soft));
  }

  attack_s() {
    const loud = Math.min(1, Math.max(0, (this.note.share - 0.5) / 0.4));
    return this.manner.attack_s * (1 - (1 - LOUD_ATTACK) * loud);
  }

  /** The next frame's target; the same object each time. */
  next() {
    const { manner, target, loudness } = this;
    const step = 1 / FRAME_RATE;
    if (!this.note) return target;
    this.sinceNote_s += step;
    this.sinceTurn_s += step;
    const swing = this.vibrato();
    const drift = manner.drift_cents ? (manner.drift_cents * this.drift.next()) / 100 : 0;
    this.pitch = this.steps();
    this.bend += approach(SMOOTH_S) * (this.note.bend + this.wheel - this.bend);
    const depth = Math.max(manner.vibrato_cents, 60 * this.depth) / 100;
    const midi = Math.min(HIGHEST, Math.max(0, this.pitch + this.bend + depth * swing + drift));
    this.levelDb += approach(Math.max(manner.portamento_s / 3, SOFTLY_S)) * (this.wantedDb() - this.levelDb);
    this.gain = this.envelope();
    target.f0Hz = 440 * 2 ** ((midi - 69) / 12);
    const levelDb = this.levelDb + manner.vibrato_db * swing + 20 * Math.log10(Math.max(this.gain, LEAST_GAIN));
    target.loudnessDb = this.gain === 0 ? loudness.silence_db : Math.min(0, Math.max(loudness.silence_db, levelDb));
    return target;
  }

  /** Pitch in an S from note to note, beyond it and back; or up to it after a rest. */
  steps() {
    const { manner, note } = this;
    if (!this.legato) {
      const way = manner.scoop_s > 1e-3 ? sCurve(this.sinceNote_s / manner.scoop_s) : 1;
      return note.midi - manner.scoop_semitones * (1 - way);
    }
    const way = manner.portamento_s > 1e-3 ? sCurve(this.sinceNote_s / manner.portamento_s) : 1;
    const peak = Math.min(MAX_OVERSHOOT, Math.max(-MAX_OVERSHOOT, manner.overshoot * (note.midi - this.from)));
    const x = Math.max(0, this.sinceNote_s - manner.portamento_s) / manner.overshoot_s;
    return this.from + way * (note.midi + peak * x * Math.exp(1 - x) - this.from);
  }

  /** The vibrato's swing, about -1 to 1: it begins late, grows, and calms down where another note begins. */
  vibrato() {
    const { manner } = this;
    const irregular = manner.vibrato_irregularity;
    this.phase += (manner.vibrato_hz * (1 + irregular * this.wander.next())) / FRAME_RATE;
    this.phase -= Math.floor(this.phase);
    const late_s = this.sinceNote_s - (this.depth > 0 ? 0 : manner.vibrato_delay_s);
    const wanted = late_s <= 0 ? 0 : manner.vibrato_growth_s > 1e-3 ? sCurve(late_s / manner.vibrato_growth_s) : 1;
    if (wanted >= this.swelling) this.swelling = wanted;
    else this.swelling += approach(CALM_S) * (wanted - this.swelling);
    return this.swelling * Math.sin(2 * Math.PI * this.phase);
  }

  /** Attack and release, as amplitude. */
  envelope() {
    const length_s = this.sounding ? this.attack_s() : this.manner.release_s;
    const way = length_s > 1e-3 ? sCurve(this.sinceTurn_s / length_s) : 1;
    return this.gainAtTurn + way * ((this.sounding ? 1 : 0) - this.gainAtTurn);
  }
}
