// A MIDI keyboard: notes with velocity, aftertouch, wheels, pedals and breath controllers, as a Performer takes them.

const BEND_SEMITONES = 2; // to either side, as usual
const CONTROLLERS = { 2: "breath", 7: "volume", 11: "expression" }; // those that scale the loudness

/** Reads the messages of all keyboards into `sound`, which has `press`, `move`, `lift` and `post(name, value)`. */
class Midi {
  constructor(sound) {
    this.sound = sound;
    this.held = new Map(); // velocity of each note that is down, by its id
    this.shares = { breath: 1, volume: 1, expression: 1 };
    this.names = [];
  }

  /** Whether this browser can. */
  static get there() {
    return typeof navigator !== "undefined" && Boolean(navigator.requestMIDIAccess);
  }

  /** Listen to all keyboards, those too that are plugged in later. @param {() => void} changed called when there are others */
  async connect(changed) {
    this.access = await navigator.requestMIDIAccess();
    const listen = () => {
      const inputs = [...this.access.inputs.values()];
      for (const input of inputs) input.onmidimessage = ({ data }) => this.heed(data);
      this.names = inputs.map((input) => input.name || "MIDI keyboard");
      if (!inputs.length) this.rest();
      changed();
    };
    this.access.onstatechange = listen;
    listen();
  }

  leave() {
    if (!this.access) return;
    this.access.onstatechange = null;
    for (const input of this.access.inputs.values()) input.onmidimessage = null;
  }

  /** @param {Uint8Array | number[]} message */
  heed([status, first, second = 0]) {
    const channel = status & 15;
    const id = `midi ${channel} ${first}`;
    const kind = status >> 4;
    if (kind === 9 && second > 0) {
      this.held.set(id, second / 127);
      this.sound.press({ id, midi: first, share: second / 127 });
    } else if (kind === 8 || kind === 9) {
      this.held.delete(id);
      this.sound.lift({ id, midi: first });
    } else if (kind === 10) this.harder(id, second / 127);
    else if (kind === 13) for (const held of this.held.keys()) this.harder(held, first / 127);
    else if (kind === 14) this.sound.post("wheel", (BEND_SEMITONES * (first + 128 * second - 8192)) / 8192);
    else if (kind === 11) this.turned(first, second);
  }

  /** Aftertouch goes on from how hard the key was struck. */
  harder(id, pressure) {
    const velocity = this.held.get(id);
    if (velocity !== undefined) this.sound.move({ id, share: velocity + pressure * (1 - velocity) });
  }

  turned(controller, value) {
    const scaling = CONTROLLERS[controller];
    if (scaling) {
      this.shares[scaling] = value / 127;
      this.sound.post("expression", this.shares.breath * this.shares.volume * this.shares.expression);
    } else if (controller === 1) this.sound.post("depth", value / 127);
    else if (controller === 64) this.sound.post("pedal", value >= 64);
    else if (controller === 120 || controller === 123) this.rest();
    else if (controller === 121) {
      this.shares = { breath: 1, volume: 1, expression: 1 };
      for (const [name, rest] of [["expression", 1], ["depth", 0], ["wheel", 0], ["pedal", false]]) this.sound.post(name, rest);
    }
  }

  rest() {
    for (const id of [...this.held.keys()]) this.sound.lift({ id, midi: Number(id.split(" ")[2]) });
    this.held.clear();
    this.sound.post("rest");
  }
}
