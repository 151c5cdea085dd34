// The audio thread: an instrument that plays what a `Performer` makes of the page's messages, or curves that it was given.
//
// Options: `pack`, and `hum` for a plain tone in its place; and either `performer` (what the Performer takes) or `curves` ({f0Hz, loudnessDb}); `seed`.
// Messages: [name of a Performer's method, argument], or ["manner", ...], ["wheel", semitones], ["expression", share], ["depth", share],
// ["breath", dB], ["timbre", directions' shares], ["listen", whether the input, a microphone, is followed], ["octaves", by which what it hears is moved],
// ["record", whether what is played is kept], ["end"]. It answers with what is heard, about 25 times per second.

const TOLD_S = 0.04;
const IDLE_S = 0.5; // of silence, after which nothing is computed

class Played extends AudioWorkletProcessor {
  constructor({ processorOptions: options }) {
    super();
    this.pack = unpack(options.pack);
    this.z = this.pack.arrays["z/mean"]?.values ?? null;
    this.performer = options.performer ? new Performer(options.performer) : null;
    this.loudness = options.performer?.loudness;
    this.follower = null; // of a microphone, while that is on
    this.octaves = 0;
    this.target = this.performer?.target; // of the last frame
    this.curves = options.curves ?? null;
    this.frame = 0;
    const targets = this.performer ? () => this.performed() : () => this.given();
    this.voice = new Voice(this.pack, sampleRate, targets, options.seed ?? 0, options.hum ? new Hum() : undefined);
    this.kept = null; // frames since the page was told, while it records: pitch, loudness, pitch, …
    this.breath = 1;
    this.peak = 0;
    this.untold = 0;
    this.idle = Infinity;
    this.attended = 0; // frames, in part
    this.ended = false;
    this.spare = new Float32Array(128);
    this.nothing = new Float32Array(128);
    this.port.onmessage = ({ data: [name, value] }) => this.heed(name, value);
  }

  /** What the keys ask for, or else the voice at the microphone. */
  performed() {
    const { performer, follower } = this;
    const [played, sung] = [performer.next(), follower?.next(performer.manner.release_s, !performer.silent)];
    const target = sung && performer.silent ? sung : played;
    if (follower && !follower.listening && follower.silent) this.follower = null;
    this.target = target;
    target.z = this.z;
    this.kept?.push(target.f0Hz, target.loudnessDb);
    return target;
  }

  given() {
    const { f0Hz, loudnessDb } = this.curves;
    const at = Math.min(this.frame++, f0Hz.length - 1);
    return { f0Hz: f0Hz[at], loudnessDb: loudnessDb[at], z: this.z };
  }

  heed(name, value) {
    const { performer } = this;
    if (name === "end") this.ended = true;
    else if (name === "record") this.record(value);
    else if (name === "breath") this.breath = 10 ** (value / 20);
    else if (name === "timbre") this.z = timbreOf(this.pack, value);
    else if (name === "listen") this.listen(value);
    else if (name === "octaves") this.octaves = value;
    else if (["manner", "wheel", "expression", "depth"].includes(name)) performer[name] = value;
    else if (["press", "move", "lift", "pedal", "rest"].includes(name)) performer[name](value);
  }

  /** Whether neither keys nor voice sound. */
  get silent() {
    return this.performer.silent && (this.follower?.silent ?? true);
  }

  listen(on) {
    if (on) this.follower ??= new Follower(sampleRate, this.loudness);
    if (this.follower) this.follower.listening = on;
  }

  record(on) {
    this.untold = Infinity;
    this.tell(0);
    this.kept = on ? [] : null;
    if (!on) this.port.postMessage({ recorded: true });
  }

  process([input], [output]) {
    if (this.ended) return false;
    const [sound, second] = output;
    this.tell(sound.length);
    this.follow(input?.[0], sound.length);
    this.idle = this.performer && this.silent ? this.idle + sound.length / sampleRate : 0;
    if (this.idle > IDLE_S && !this.kept) { // outputs are silent as they come
      this.attend(sound.length);
      return true;
    }
    if (this.spare.length !== sound.length) this.spare = new Float32Array(sound.length);
    const noise = this.curves && second ? second : this.spare;
    this.voice.next(sound, noise);
    if (this.curves) return true; // both parts, each on its channel
    for (let n = 0; n < sound.length; n++) {
      sound[n] = Math.min(1, Math.max(-1, sound[n] + this.breath * noise[n]));
      this.peak = Math.max(this.peak, Math.abs(sound[n]));
    }
    return true;
  }

  /** @param {Float32Array} [heard] none where nothing is plugged in */
  follow(heard, n) {
    if (!this.follower) return;
    if (this.nothing.length !== n) this.nothing = new Float32Array(n);
    this.follower.octaves = this.octaves;
    this.follower.hear(heard ?? this.nothing);
  }

  /** While nothing sounds, the microphone is followed, too. */
  attend(n) {
    if (!this.follower) return;
    this.attended += (n * FRAME_RATE) / sampleRate;
    for (; this.attended >= 1; this.attended--) this.performed();
  }

  tell(n) {
    this.untold += n / sampleRate;
    if (this.untold < TOLD_S || !this.performer) return;
    const { target, silent } = this;
    const frames = this.kept?.length ? Float32Array.from(this.kept) : null;
    if (frames) this.kept.length = 0;
    this.port.postMessage({ peak: this.peak, f0Hz: target.f0Hz, silent, at_s: currentTime, frames });
    this.untold = this.peak = 0;
  }
}

registerProcessor("ddsing-play", Played);
