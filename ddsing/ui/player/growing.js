// A sound that is still being made: what is there of it plays, and more is joined to it, sample by sample, as it comes.

class GrowingMixer extends Mixer {
  constructor(onChange) {
    super(onChange);
    this.parts = []; // {url, at, buffer}, one after the other; `at` is where in the sound a part begins, in s
    this.sources = new Set();
  }

  // Take up more parts of the one sound. Where all that was there had been played, it goes on now.
  grow(parts, { url, duration, rate, gain }) {
    this.rate = rate > RATE ? FULL_BAND_RATE : RATE;
    this.tracks = [{ url, gain, duration }];
    for (const { url, at } of parts.slice(this.parts.length)) {
      const part = { url, at, buffer: null };
      this.parts.push(part);
      this.fetchPart(part);
    }
    this.apply();
    this.onChange();
  }

  async fetchPart(part) {
    try {
      let answer = await fetch(part.url);
      while (answer.status === 204 && this.parts.includes(part)) answer = await fetch(part.url); // it is not there yet
      if (!answer.ok) throw new Error(String(answer.status));
      part.buffer = await this.context.decodeAudioData(await answer.arrayBuffer());
    } catch {
      return; // the take, which is complete, comes soon
    }
    if (this.playing) this.follow(part);
    else if (this.wanted && this.offset < this.end - 0.1) this.begin(this.context);
    this.onChange();
  }

  // What can be played without a gap, in s.
  get end() {
    let end = 0;
    for (const { at, buffer } of this.parts) {
      if (!buffer) break;
      end = at + buffer.duration;
    }
    return end;
  }

  get whole() {
    return this.end > this.duration - 0.05;
  }

  get ready() {
    return this.end > 0;
  }

  get position() {
    if (!this.playing) return this.offset;
    return Math.min(this.offset + Math.max(0, this.context.currentTime - this.startedAt), this.end);
  }

  prefetch() {
    return Promise.resolve();
  }

  play() {
    if (this.playing || this.wanted) return;
    this.context.resume(); // while the click still counts as one
    shared.starts(this, () => this.pause());
    if (this.whole && this.offset > this.end - 0.05) this.offset = 0;
    if (this.offset < this.end - 0.02) this.begin(this.context);
    else this.wanted = true;
    this.onChange();
  }

  begin(context) {
    this.wanted = false;
    this.startedAt = Math.ceil((context.currentTime + SOON_S) * context.sampleRate) / context.sampleRate;
    this.node = context.createGain();
    this.node.gain.value = this.tracks[0].gain;
    this.node.connect(context.destination);
    this.playing = true;
    for (const part of this.parts) {
      if (!part.buffer) break;
      this.schedule(part);
    }
    this.tick();
  }

  schedule({ at, buffer }) {
    const into = Math.max(0, this.offset - at);
    if (into >= buffer.duration) return;
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.node);
    source.start(this.startedAt + Math.max(0, at - this.offset), into);
    this.sources.add(source);
    source.onended = () => this.sources.delete(source);
  }

  // A part has come while others play: in time, or so late that playing goes on from where it had to end.
  follow(part) {
    const due = this.startedAt + part.at - this.offset;
    const before = this.parts[this.parts.indexOf(part) - 1];
    if (before && !before.buffer) return; // it is scheduled with that
    if (due > this.context.currentTime + 0.01) {
      this.schedule(part);
      const next = this.parts[this.parts.indexOf(part) + 1];
      if (next?.buffer) this.follow(next);
      return;
    }
    this.pause();
    this.offset = part.at;
    this.begin(this.context);
  }

  tick() {
    if (!this.playing) return;
    if (this.position >= this.end) {
      const { whole, end } = this;
      this.pause();
      this.offset = whole ? 0 : end;
      this.wanted = !whole;
      if (whole && this.loop) this.play();
    }
    this.onChange();
    if (this.playing) requestAnimationFrame(() => this.tick());
  }

  pause() {
    this.wanted = false;
    if (!this.playing) return;
    this.offset = this.position;
    this.playing = false;
    this.sources.forEach((source) => source.stop());
    this.sources.clear();
    this.node.disconnect();
    this.onChange();
  }

  seek(seconds) {
    const plays = this.playing || this.wanted;
    this.pause();
    this.offset = Math.min(Math.max(0, seconds), this.end);
    if (plays) this.play();
    this.onChange();
  }

  choose() {}

  apply() {
    if (this.playing) this.node.gain.setTargetAtTime(this.tracks[0].gain, this.context.currentTime, FADE_S / 3);
  }

  close() {
    this.pause();
    this.parts = [];
  }
}
