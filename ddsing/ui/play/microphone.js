// The microphone, which the browser asks for permission to use: its sound goes into the audio thread and nowhere else.

const AS_IT_IS = { echoCancellation: false, noiseSuppression: false, autoGainControl: false }; // what was made for speech bends sung notes
const NO_MICROPHONE = {
  NotAllowedError: "The browser does not allow the microphone. Allow it for this page, beside the address, and press Microphone again.",
  NotFoundError: "No microphone was found. Plug one in and press Microphone again.",
  NotReadableError: "The microphone can't be opened. Close other programs that use it and press Microphone again.",
};

class Microphone {
  /** @param {() => void} changed called when it is unplugged, or taken away by the browser */
  constructor(changed) {
    this.changed = changed;
    this.stream = null;
    this.source = null;
    this.why = ""; // a sentence, if it can't be used
    this.wanted = false; // switched on, whether it is there already or not
    this.asked = 0;
  }

  /** Whether this browser has any. */
  static get there() {
    return Boolean(navigator.mediaDevices?.getUserMedia);
  }

  /** Ask for it; `why` says what is in the way. */
  async open() {
    const asked = ++this.asked;
    this.why = "";
    this.wanted = true;
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: AS_IT_IS });
    } catch (error) {
      if (asked === this.asked) this.close(NO_MICROPHONE[error.name] ?? `The microphone can't be used: ${error.message}`);
      return;
    }
    if (asked !== this.asked) {
      for (const track of stream.getTracks()) track.stop(); // it was switched off meanwhile
      return;
    }
    this.stream = stream;
    stream.getTracks()[0].onended = () => {
      this.close("The microphone is gone. Plug it in and press Microphone again.");
      this.changed();
    };
  }

  /** Let a node of the audio graph hear it. */
  plug(node) {
    this.source?.disconnect();
    if (this.source?.context !== node.context) this.source = node.context.createMediaStreamSource(this.stream);
    this.source.connect(node);
  }

  /** @param {string} [why] it can't be used */
  close(why = "") {
    this.asked++;
    this.wanted = false;
    this.source?.disconnect();
    for (const track of this.stream?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    this.stream = this.source = null;
    this.why = why;
  }
}
