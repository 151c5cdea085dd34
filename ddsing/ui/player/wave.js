// The sound as it is heard, drawn by wavesurfer.js from figures that come with the page; what plays it is the mixer.

const BARS = { barWidth: 2, barGap: 1, barRadius: 1 };

// What wavesurfer.js asks its media for, answered by a mixer.
class MixerMedia extends EventTarget {
  constructor(mixer) {
    super();
    Object.assign(this, { mixer, src: "", currentSrc: "", volume: 1, muted: false, playbackRate: 1, seeking: false });
  }
  get currentTime() { return this.mixer.position; }
  set currentTime(seconds) { this.mixer.seek(seconds); }
  get duration() { return this.mixer.duration; }
  get paused() { return !this.mixer.playing; }
  get ended() { return false; }
  get readyState() { return 4; }
  play() { return this.mixer.play(); }
  pause() { this.mixer.pause(); }
  load() {}
  remove() {}
  removeAttribute() {}
  canPlayType() { return "probably"; }
}

class Wave {
  constructor(box, mixer) {
    this.box = box;
    this.mixer = mixer;
    this.drawn = "";
  }

  // The address is that of wavesurfer.js on the dashboard's own server.
  async open(address) {
    if (!address || this.asked) return;
    this.asked = true;
    try {
      await import(new URL(address, document.baseURI).href);
    } catch {
      this.asked = false;
      return;
    }
    this.paint(this.shown);
  }

  colours() {
    const style = getComputedStyle(this.box);
    return [style.getPropertyValue("--waiting").trim(), style.getPropertyValue("--played").trim()];
  }

  // `track` has `wave`, the largest magnitude in each of its equal parts, of 1000; `gain` is what it is heard with.
  paint(track, gain = 1) {
    this.shown = track ?? this.shown;
    if (track) this.gain = gain;
    if (!globalThis.WaveSurfer || !this.shown?.wave?.length || !this.mixer.duration) return;
    const [waveColor, progressColor] = this.colours();
    const wanted = [this.shown.url, this.gain, this.mixer.duration, waveColor, progressColor].join();
    if (wanted !== this.drawn) this.redraw(waveColor, progressColor);
    this.drawn = wanted;
    this.media.dispatchEvent(new Event("timeupdate"));
  }

  redraw(waveColor, progressColor) {
    const share = (this.shown.duration ?? this.mixer.duration) / this.mixer.duration;
    const heights = this.shown.wave.map((level) => Math.max(0.015, Math.sqrt(Math.min(1, (level / 1000) * this.gain))));
    const silence = new Array(Math.max(0, Math.round(heights.length * (1 / share - 1)))).fill(0.015);
    const look = { ...BARS, waveColor, progressColor, peaks: [[...heights, ...silence]], duration: this.mixer.duration };
    if (this.surfer) {
      this.surfer.setOptions(look);
      this.surfer.load("", look.peaks, look.duration); // without which the heights stay what they were
      return;
    }
    this.media = new MixerMedia(this.mixer);
    this.surfer = WaveSurfer.create({
      ...look, container: this.box, media: this.media, height: "auto", interact: false, cursorWidth: 1,
      hideScrollbar: true, normalize: false,
    });
  }

  close() {
    this.surfer?.destroy();
    this.surfer = null;
    this.drawn = "";
  }
}
