// Several sounds that play at once, of which one is heard: switching is instant and keeps the position.

const FADE_S = 0.006; // long enough not to click, short enough to seem instant
const SOON_S = 0.02; // so that all can start at the same sample
const LATE_S = 0.1; // enough ahead for one that joins to be in time on a busy machine

class Mixer {
  constructor(onChange) {
    this.onChange = onChange;
    this.tracks = []; // {url, duration, buffer, loading, gain, node, source}
    this.rate = RATE; // of the context
    this.current = 0;
    this.audible = 0; // the current one, once it is there
    this.loop = false;
    this.playing = false;
    this.wanted = false; // it is to play as soon as the current sound is there
    this.offset = 0;
    this.startedAt = 0;
    this.error = "";
  }

  // Take up sounds and keep what is known. Gains are factors; `lazy` leaves them with the server until somebody plays.
  // Of sounds at several rates all are played at the highest.
  load(sounds, { lazy = false } = {}) {
    const signature = sounds.map((sound) => sound.url).join("\n");
    this.lazy = lazy;
    if (signature === this.signature) {
      this.setGains(sounds.map((sound) => sound.gain));
      return this.loading;
    }
    this.signature = signature;
    const before = this.tracks;
    const plays = this.playing || this.wanted;
    const heard = before[this.current]?.url;
    const position = this.position;
    this.pause();
    this.error = "";
    const rate = sounds.some((sound) => sound.rate > RATE) ? FULL_BAND_RATE : RATE;
    const decoded = rate === this.rate; // what was decoded for the other context isn't what this one plays
    this.rate = rate;
    this.tracks = sounds.map(({ url, gain, duration }) => {
      const known = before.find((track) => track.url === url);
      const buffer = (decoded && known?.buffer) || null;
      return { url, gain, duration: duration ?? known?.duration ?? 0, buffer };
    });
    const same = sounds.findIndex((sound) => sound.url === heard);
    this.current = same >= 0 ? same : Math.min(this.current, Math.max(0, this.tracks.length - 1));
    this.onChange();
    this.loading = lazy ? Promise.resolve() : this.fetchAll();
    return this.loading.then(() => {
      if (signature !== this.signature) return;
      this.offset = Math.min(position, Math.max(0, this.duration - 0.05));
      if (plays) this.play();
      this.onChange();
    });
  }

  fetchAll() {
    return Promise.all(this.tracks.map((track) => this.fetch(track)));
  }

  fetch(track) {
    if (track.buffer || !track.url) return Promise.resolve();
    track.loading ??= this.decode(track);
    return track.loading;
  }

  async decode(track) {
    try {
      const answer = await fetch(track.url);
      if (!answer.ok) throw new Error(String(answer.status));
      track.buffer = await this.context.decodeAudioData(await answer.arrayBuffer());
      track.duration = track.buffer.duration;
    } catch {
      this.error = "A sound could not be loaded; reload the page.";
      track.loading = null;
    }
  }

  get context() {
    return shared.open(this.rate);
  }

  get ready() {
    return this.tracks.length > 0 && (this.lazy || this.tracks.every((track) => track.buffer));
  }

  get duration() {
    return Math.max(0, ...this.tracks.map((track) => track.duration));
  }

  get position() {
    if (!this.playing) return this.offset;
    return Math.min(this.offset + Math.max(0, this.context.currentTime - this.startedAt), this.duration);
  }

  // Play, at once or as soon as the sounds have come, so that they start together; of long ones the current is enough,
  // and another joins at the same position when it is chosen.
  async play() {
    if (!this.tracks.length || this.playing || this.wanted) return;
    const { context } = this;
    context.resume(); // while the click still counts as one
    shared.starts(this, () => this.pause());
    const { signature } = this;
    this.wanted = true;
    this.onChange();
    await this.prefetch();
    if (!this.wanted || signature !== this.signature) return;
    this.wanted = false;
    if (this.ready && this.tracks[this.current].buffer) this.begin(context); // a missing one would seem to be heard
    this.onChange();
  }

  begin(context) {
    this.error = ""; // what could not be loaded at first is there now
    if (this.offset >= this.duration - 0.02) this.offset = 0;
    this.startedAt = context.currentTime + SOON_S;
    this.playing = true;
    this.audible = this.current;
    this.tracks.forEach((track) => this.join(track, SOON_S));
    this.tick();
  }

  // Fetch what will be played: of short sounds all, of long ones the current.
  prefetch() {
    return this.long ? this.fetch(this.tracks[this.current]) : this.fetchAll();
  }

  // A sound's place in what plays; one that comes late joins where the others are.
  join(track, ahead_s) {
    if (!track.buffer || track.source) return;
    const { context } = this;
    const index = this.tracks.indexOf(track);
    const start = Math.max(this.startedAt, context.currentTime + ahead_s);
    const offset = this.offset + start - this.startedAt;
    track.node = context.createGain();
    track.node.gain.value = index === this.audible ? track.gain : 0;
    track.node.connect(context.destination);
    track.source = context.createBufferSource();
    track.source.buffer = track.buffer;
    track.source.connect(track.node);
    if (offset < track.buffer.duration) track.source.start(start, offset);
  }

  // The current sound joins what plays.
  async followUp() {
    const { signature } = this;
    const track = this.tracks[this.current];
    await this.fetch(track);
    if (signature !== this.signature) return;
    if (this.playing) this.join(track, LATE_S);
    this.apply();
    this.onChange();
  }

  get long() {
    return this.duration > 60;
  }

  tick() {
    if (!this.playing) return;
    if (this.position >= this.duration) {
      this.pause();
      this.offset = 0;
      if (this.loop) this.play();
    }
    this.onChange();
    if (this.playing) requestAnimationFrame(() => this.tick());
  }

  pause() {
    this.wanted = false;
    if (!this.playing) return;
    this.offset = this.position;
    this.playing = false;
    for (const track of this.tracks) {
      try {
        track.source?.stop();
      } catch {
        // it never began
      }
      track.node?.disconnect();
      track.source = track.node = null;
    }
    this.onChange();
  }

  toggle() {
    this.playing || this.wanted ? this.pause() : this.play();
  }

  seek(seconds) {
    const plays = this.playing || this.wanted;
    this.pause();
    this.offset = Math.min(Math.max(0, seconds), this.duration);
    if (plays) this.play();
    this.onChange();
  }

  choose(index) {
    if (index < 0 || index >= this.tracks.length) return;
    this.current = index;
    this.apply();
    if (this.playing && !this.tracks[index].buffer) this.followUp();
    this.onChange();
  }

  setGains(gains) {
    this.tracks.forEach((track, index) => (track.gain = gains[index]));
    this.apply();
    this.onChange();
  }

  apply() {
    if (!this.playing) return;
    if (this.tracks[this.current].source) this.audible = this.current; // else the one before is heard a little longer
    this.tracks.forEach((track, index) => {
      const wanted = index === this.audible ? track.gain : 0;
      track.node?.gain.setTargetAtTime(wanted, this.context.currentTime, FADE_S / 3);
    });
  }

  close() {
    this.pause();
    this.signature = null;
    this.tracks = [];
  }
}
