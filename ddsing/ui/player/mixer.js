// Several sounds that play at once, of which one is heard: switching is instant and keeps the position.

const RATE = 16000; // of every sound; the context resamples to the loudspeaker's
const FADE_S = 0.006; // long enough not to click, short enough to seem instant
const N_PEAKS = 480;

class Mixer {
  constructor(onChange) {
    this.onChange = onChange;
    this.tracks = []; // {url, buffer, peaks, gain, node, source}
    this.current = 0;
    this.loop = false;
    this.playing = false;
    this.offset = 0;
    this.startedAt = 0;
    this.error = "";
    this.context = null;
  }

  open() {
    if (this.context) return this.context;
    try {
      this.context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
    } catch {
      this.context = new AudioContext();
    }
    return this.context;
  }

  // Load what is new, keep what is known. Gains are factors, one per sound.
  async load(sounds) {
    const signature = sounds.map((sound) => sound.url).join("\n");
    if (signature === this.signature) {
      this.setGains(sounds.map((sound) => sound.gain));
      return this.loading;
    }
    this.signature = signature;
    const before = this.tracks;
    const wasPlaying = this.playing;
    const position = this.position;
    this.pause();
    this.error = "";
    this.tracks = sounds.map(({ url, gain }) => {
      const known = before.find((track) => track.url === url);
      return { url, gain, buffer: known?.buffer ?? null, peaks: known?.peaks ?? null };
    });
    this.current = Math.min(this.current, Math.max(0, this.tracks.length - 1));
    this.onChange();
    this.loading = Promise.all(this.tracks.map((track) => this.fetch(track)));
    await this.loading;
    if (signature !== this.signature) return;
    this.offset = Math.min(position, Math.max(0, this.duration - 0.05));
    if (wasPlaying) this.play();
    this.onChange();
  }

  async fetch(track) {
    if (track.buffer || !track.url) return;
    try {
      const answer = await fetch(track.url);
      if (!answer.ok) throw new Error(String(answer.status));
      track.buffer = await this.open().decodeAudioData(await answer.arrayBuffer());
      track.peaks = peaks(track.buffer);
    } catch {
      this.error = "A sound could not be loaded; reload the page.";
    }
  }

  get ready() {
    return this.tracks.length > 0 && this.tracks.every((track) => track.buffer);
  }

  get duration() {
    return Math.max(0, ...this.tracks.map((track) => track.buffer?.duration ?? 0));
  }

  get position() {
    if (!this.playing) return this.offset;
    return Math.min(this.offset + this.context.currentTime - this.startedAt, this.duration);
  }

  play() {
    if (!this.ready || this.playing) return;
    const context = this.open();
    context.resume();
    document.querySelectorAll("audio").forEach((element) => element.pause());
    if (this.offset >= this.duration - 0.02) this.offset = 0;
    this.startedAt = context.currentTime + 0.02; // so that all can start at the same sample
    this.tracks.forEach((track, index) => {
      track.node = context.createGain();
      track.node.gain.value = index === this.current ? track.gain : 0;
      track.node.connect(context.destination);
      track.source = context.createBufferSource();
      track.source.buffer = track.buffer;
      track.source.connect(track.node);
      if (this.offset < track.buffer.duration) track.source.start(this.startedAt, this.offset);
    });
    this.playing = true;
    this.onChange();
    this.tick();
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
    this.playing ? this.pause() : this.play();
  }

  seek(seconds) {
    const wasPlaying = this.playing;
    this.pause();
    this.offset = Math.min(Math.max(0, seconds), this.duration);
    if (wasPlaying) this.play();
    this.onChange();
  }

  choose(index) {
    if (index < 0 || index >= this.tracks.length) return;
    this.current = index;
    this.apply();
    this.onChange();
  }

  setGains(gains) {
    this.tracks.forEach((track, index) => (track.gain = gains[index]));
    this.apply();
    this.onChange();
  }

  apply() {
    if (!this.playing) return;
    this.tracks.forEach((track, index) => {
      const wanted = index === this.current ? track.gain : 0;
      track.node.gain.setTargetAtTime(wanted, this.context.currentTime, FADE_S / 3);
    });
  }

  close() {
    this.pause();
    this.context?.close();
    this.context = null;
  }
}

// The largest magnitude in each of N_PEAKS stretches of a sound.
function peaks(buffer) {
  const samples = buffer.getChannelData(0);
  const found = new Float32Array(N_PEAKS);
  for (let i = 0; i < N_PEAKS; i++) {
    const stop = Math.floor(((i + 1) * samples.length) / N_PEAKS);
    for (let j = Math.floor((i * samples.length) / N_PEAKS); j < stop; j++) {
      const level = Math.abs(samples[j]);
      if (level > found[i]) found[i] = level;
    }
  }
  return found;
}

function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// A canvas with the current sound as it is heard, and how far it has been played.
function drawWave(canvas, mixer, anonymous) {
  const width = canvas.clientWidth * devicePixelRatio;
  const height = canvas.clientHeight * devicePixelRatio;
  if (!width || !height) return;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  pen.clearRect(0, 0, width, height);
  const track = mixer.tracks[mixer.current];
  const played = mixer.duration ? (mixer.position / mixer.duration) * width : 0;
  const bars = Math.max(24, Math.floor(width / (3 * devicePixelRatio)));
  const share = track?.buffer && mixer.duration ? track.buffer.duration / mixer.duration : 1;
  for (let i = 0; i < bars; i++) {
    const x = (i / bars) * width;
    let level = 0.12;
    if (!anonymous && track?.peaks) {
      const first = Math.floor(((i / bars) * N_PEAKS) / share);
      const stop = Math.max(first + 1, Math.floor((((i + 1) / bars) * N_PEAKS) / share));
      level = 0;
      for (let j = first; j < Math.min(stop, N_PEAKS); j++) level = Math.max(level, track.peaks[j]);
      level = Math.min(1, level * track.gain);
    }
    const tall = Math.max(1.5 * devicePixelRatio, Math.sqrt(level) * height * 0.96);
    pen.fillStyle = x < played ? style.getPropertyValue("--played") : style.getPropertyValue("--waiting");
    pen.fillRect(x, (height - tall) / 2, Math.max(1, (width / bars) * 0.62), tall);
  }
}

// Whether a key is meant for something else on the page: a text field, an open dialog, a table.
function meantElsewhere(event, root) {
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  const path = event.composedPath();
  const target = path[0];
  if (path.includes(root)) return target.matches?.('input[type="range"]') && event.key.startsWith("Arrow");
  const field = 'input, textarea, select, [contenteditable="true"], [role="dialog"], [role="listbox"]';
  if (path.some((element) => element.matches?.(field))) return true;
  const table = path.some((element) => element.matches?.('[data-testid="stDataFrame"]'));
  const pressed = target.matches?.('button, a, summary, [role="button"], [role="tab"], [role="radio"], audio');
  return (table || pressed) && (event.key === " " || event.key === "Enter" || event.key.startsWith("Arrow"));
}

const instances = new WeakMap();
