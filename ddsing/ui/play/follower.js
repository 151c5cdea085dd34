// From a voice to curves: what a microphone hears becomes pitch and loudness for an instrument, 250 frames per second.
//
// The pitch is the voice's own, moved by octaves if it is asked to. How loud a voice arrives depends on the microphone, so that its usual
// loudness, as it was up to now, is put where the middle of the instrument's own notes is, and everything else by as much beside it.
// What has no clear pitch, such as a consonant or somebody else's chair, is not followed: the note is released meanwhile.

const SURE = 0.7; // clarity from which a note begins
const UNSURE = 0.5; // below which it ends
const FAINT_DB = 45; // below the voice's usual loudness, where it is not meant
const BEGIN_S = 0.012; // in which a note comes in
const USUAL_DB = -10; // of a voice that was not heard yet
const EXPECTED_S = 0.06; // for which that counts
const REMEMBERED_S = 8;
const MOST_HZ = 440 * 2 ** ((HIGHEST - 69) / 12);

class Follower {
  /** @param {number} rate Hz @param {{references: number[], quantiles: number[], silence_db: number}} loudness of the instrument */
  constructor(rate, loudness) {
    this.ear = new Ear(rate);
    this.tracker = new PitchTracker();
    this.meter = new LoudnessMeter();
    this.middleDb = quantileDb(loudness, 0.5);
    this.mostDb = loudness.quantiles.at(-1);
    this.silenceDb = loudness.silence_db;
    this.usualDb = USUAL_DB;
    this.heard = EXPECTED_S * FRAME_RATE; // frames that the usual loudness is of
    this.octaves = 0;
    this.listening = true;
    this.voiced = false;
    this.f0Hz = 0; // of the voice
    this.levelDb = this.silenceDb;
    this.gain = 0;
    this.target = { f0Hz: 261.6, loudnessDb: this.silenceDb, z: null };
  }

  /** Whether nothing is heard of it. */
  get silent() {
    return this.gain === 0;
  }

  /** @param {Float32Array} samples */
  hear(samples) {
    this.ear.hear(samples);
  }

  /**
   * The next frame's target; the same object each time.
   * @param {number} release_s in which a note ends
   * @param {boolean} mute whether something else sounds in its place
   */
  next(release_s, mute = false) {
    this.listen();
    const { target, silenceDb } = this;
    if (mute) this.gain = 0;
    else if (this.voiced) this.gain = Math.min(1, this.gain + 1 / (FRAME_RATE * BEGIN_S));
    else this.gain = Math.max(0, this.gain - 1 / (FRAME_RATE * Math.max(release_s, BEGIN_S)));
    const levelDb = this.levelDb + 20 * Math.log10(Math.max(this.gain, 1e-6));
    target.loudnessDb = this.gain === 0 ? silenceDb : Math.min(0, Math.max(silenceDb, levelDb));
    if (this.f0Hz > 0) target.f0Hz = Math.min(MOST_HZ, this.f0Hz * 2 ** this.octaves);
    return target;
  }

  listen() {
    const { ear, tracker } = this;
    const soundDb = this.meter.next(ear.sound, ear.end - MEASURED);
    tracker.next(ear.low, ear.end - COMPARED);
    const meant = this.listening && soundDb > this.usualDb - FAINT_DB;
    this.voiced = meant && tracker.clarity > (this.voiced ? UNSURE : SURE);
    if (!this.voiced) return;
    this.f0Hz = tracker.f0Hz;
    this.heard = Math.min(this.heard + 1, REMEMBERED_S * FRAME_RATE);
    this.usualDb += (soundDb - this.usualDb) / this.heard;
    this.levelDb = Math.min(this.mostDb, this.middleDb + soundDb - this.usualDb);
  }
}
