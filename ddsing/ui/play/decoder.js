// The decoder of an instrument, frame by frame, as `ddsing.engine.decoder` has it; within 1e-4 of it.
//
// The instrument comes as one buffer, see `ddsing.play.browser`. Plain JavaScript without imports: the files of the engine are put one after
// the other into the page's script and into that of the audio thread.

const MAGIC = "ddsing play\0";
const PACK_VERSION = 1;
const MODEL_RATE = 16000; // Hz, of the model
const FRAME_RATE = 250;
const EPSILON = 1e-3; // of Keras's layer normalisation
const LEAK = 0.2;

/**
 * An instrument as `ddsing.play.browser.pack` writes it.
 * @param {ArrayBuffer} buffer
 * @returns {{model: object, arrays: Object<string, {shape: number[], values: Float32Array}>}} `values` are views of the buffer.
 */
function unpack(buffer) {
  const text = (from, length) => String.fromCharCode(...new Uint8Array(buffer, from, length));
  if (buffer.byteLength < MAGIC.length + 4 || text(0, MAGIC.length) !== MAGIC) throw new Error("This is no instrument of ddsing's.");
  const length = new DataView(buffer).getUint32(MAGIC.length, true);
  const start = MAGIC.length + 4;
  let header = "";
  for (let at = 0; at < length; at += 4096) header += text(start + at, Math.min(4096, length - at));
  const { version, model, arrays } = JSON.parse(header);
  if (version !== PACK_VERSION) throw new Error("The instrument was packed by another version of ddsing. Reload the page.");
  const found = {};
  for (const [name, shape, offset] of arrays) {
    const size = shape.reduce((product, n) => product * n, 1);
    found[name] = { shape, values: new Float32Array(buffer, start + length + 4 * offset, size) };
  }
  return { model, arrays: found };
}

/** Layers of a dense one, a normalisation and a leaky rectifier each. */
class Stack {
  constructor(arrays, name, count, products) {
    this.products = products;
    this.layers = [];
    for (let layer = 0; layer < count; layer++) {
      const part = (which) => arrays[`${name}/${layer}/${which}`].values;
      const [size, nIn] = arrays[`${name}/${layer}/0/kernel`].shape;
      this.layers.push({
        size, nIn, rows: products.rows(part("0/kernel"), nIn, size), bias: products.room(size, part("0/bias")),
        gamma: part("1/gamma"), beta: part("1/beta"), y: products.room(size),
      });
    }
  }

  /** @param {Float32Array} x of the products' room @returns {Float32Array} the stack's own, which the next call changes */
  next(x) {
    for (const { rows, bias, gamma, beta, y, nIn, size } of this.layers) {
      this.products.dense(y, rows, bias, x, nIn, size);
      let mean = 0;
      for (let i = 0; i < size; i++) mean += y[i];
      mean /= size;
      let variance = 0;
      for (let i = 0; i < size; i++) variance += (y[i] - mean) * (y[i] - mean);
      const scale = 1 / Math.sqrt(variance / size + EPSILON);
      for (let i = 0; i < size; i++) {
        const value = (y[i] - mean) * scale * gamma[i] + beta[i];
        y[i] = value > 0 ? value : LEAK * value;
      }
      x = y;
    }
    return x;
  }
}

/** The network of an instrument, with its state; `next` is called once per frame of 4 ms. */
class Decoder {
  /** @param {ReturnType<typeof unpack>} pack @param {PlainProducts | FastProducts} products */
  constructor(pack, products = productsFor(pack)) {
    const { model, arrays } = pack;
    this.model = model;
    this.products = products;
    const stack = (name) => new Stack(arrays, name, model.layers_per_stack, products);
    const layer = (kernel, bias) => {
      const { shape: [size, nIn], values } = arrays[kernel];
      return { rows: products.rows(values, nIn, size), bias: products.room(size, bias && arrays[bias].values) };
    };
    this.ofLoudness = stack("input_stacks/0");
    this.ofPitch = stack("input_stacks/1");
    this.ofTimbre = model.z ? stack("input_stacks/2") : null;
    this.out = stack("out_stack");
    this.head = layer("dense_out/kernel", "dense_out/bias");
    this.kernel = layer("gru/kernel", "gru/bias");
    this.recurrent = layer("gru/recurrent", null);
    this.candidateBias = arrays["gru/candidate_bias"].values;
    const channels = model.rnn_channels;
    this.nInputs = (model.z ? 3 : 2) * model.ch;
    this.x = products.room(this.nInputs + channels); // the inputs' stacks, then the recurrent layer
    this.state = products.room(channels);
    this.outer = products.room(3 * channels);
    this.inner = products.room(3 * channels);
    this.one = products.room(1);
    this.outputs = products.room(1 + model.n_harmonics + model.n_noise_bands);
    this.zRoom = model.z ? products.room(model.z.z_dims) : null;
    this.z = null;
  }

  /**
   * The controls of the next frame.
   * @param {{amplitudes: Float32Array, noise: Float32Array}} controls
   *   What they are written to: the amplitude of each harmonic, and the magnitude of each noise band.
   * @param {Float32Array} [z] the timbre; a new array where it has changed
   * @returns {number} the amplitude of all harmonics together, `amps`
   */
  next(f0Hz, loudnessDb, controls, z = null) {
    const { model, one, x, nInputs } = this;
    one[0] = loudnessDb / model.db_range + 1;
    x.set(this.ofLoudness.next(one), 0);
    one[0] = f0Hz > 0 ? (12 * Math.log2(f0Hz / 440) + 69) / 127 : 0;
    x.set(this.ofPitch.next(one), model.ch);
    if (this.ofTimbre && z !== this.z) {
      this.zRoom.set(z);
      x.set(this.ofTimbre.next(this.zRoom), 2 * model.ch);
      this.z = z;
    }
    this.recur();
    x.set(this.state, nInputs);
    this.products.dense(this.outputs, this.head.rows, this.head.bias, this.out.next(x), model.ch, this.outputs.length);
    return this.scale(f0Hz, controls);
  }

  /** One step of Keras's GRU with `reset_after`. */
  recur() {
    const { x, nInputs, state, outer, inner, kernel, recurrent, candidateBias, products } = this;
    const channels = state.length;
    products.dense(outer, kernel.rows, kernel.bias, x, nInputs, 3 * channels);
    products.dense(inner, recurrent.rows, recurrent.bias, state, channels, 3 * channels);
    for (let i = 0; i < channels; i++) {
      const update = 1 / (1 + Math.exp(-(outer[i] + inner[i])));
      const reset = 1 / (1 + Math.exp(-(outer[channels + i] + inner[channels + i])));
      const own = inner[2 * channels + i] + candidateBias[i];
      const candidate = Math.tanh(outer[2 * channels + i] + reset * own);
      state[i] = candidate + update * (state[i] - candidate);
    }
  }

  scale(f0Hz, { amplitudes, noise }) {
    const { model, outputs } = this;
    const n = model.n_harmonics;
    const amps = this.expSigmoid(outputs[0]);
    let total = 0;
    for (let i = 0; i < n; i++) {
      const silent = model.normalize_below_nyquist && f0Hz * (i + 1) >= MODEL_RATE / 2;
      amplitudes[i] = silent ? 0 : this.expSigmoid(outputs[1 + i]);
      total += amplitudes[i];
    }
    const share = amps / (total === 0 ? 1e-7 : total);
    for (let i = 0; i < n; i++) amplitudes[i] *= share;
    for (let i = 0; i < model.n_noise_bands; i++) {
      noise[i] = this.expSigmoid(outputs[1 + n + i] + model.noise_initial_bias);
    }
    return amps;
  }

  expSigmoid(x) {
    const logSigmoid = x < 0 ? x - Math.log1p(Math.exp(x)) : -Math.log1p(Math.exp(-x));
    const { scale_max_value: most, scale_exponent: exponent, scale_threshold: least } = this.model;
    return most * Math.exp(Math.log(exponent) * logSigmoid) + least;
  }
}
