// Where the products of a decoder are computed: in WebAssembly, four numbers at once, where the browser has that; else in plain code.
//
// `productsWasm` is products.wasm, which `ddsing.ui.play.scripts` puts before this file as bytes. All arrays that take part are asked for
// here: WebAssembly sees only its own memory, and wants zeros up to full fours and eights behind them.

/** `y[0..nOut)` = rows · x + bias, where `x` has nIn numbers and `rows` as many per output. */
function dense(y, rows, bias, x, nIn, nOut) {
  let row = 0;
  let out = 0;
  for (; out + 4 <= nOut; out += 4) {
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    const second = row + nIn;
    const third = second + nIn;
    const fourth = third + nIn;
    for (let i = 0; i < nIn; i++) {
      const value = x[i];
      a += rows[row + i] * value;
      b += rows[second + i] * value;
      c += rows[third + i] * value;
      d += rows[fourth + i] * value;
    }
    y[out] = a + bias[out];
    y[out + 1] = b + bias[out + 1];
    y[out + 2] = c + bias[out + 2];
    y[out + 3] = d + bias[out + 3];
    row = fourth + nIn;
  }
  for (; out < nOut; out++, row += nIn) {
    let sum = 0;
    for (let i = 0; i < nIn; i++) sum += rows[row + i] * x[i];
    y[out] = sum + bias[out];
  }
}

class PlainProducts {
  /** @returns {Float32Array} a matrix of so many rows, as it is multiplied */
  rows(values) {
    return values;
  }

  /** @returns {Float32Array} room for n numbers, with `values` in it or zeros */
  room(n, values = null) {
    return values ?? new Float32Array(n);
  }

  dense(y, rows, bias, x, nIn, nOut) {
    dense(y, rows, bias, x, nIn, nOut);
  }
}

const PAGE_BYTES = 65536;
const fours = (n) => (n + 3) & ~3;
const eights = (n) => (n + 7) & ~7;

class FastProducts {
  /** @param {number} n how many numbers the matrices have together */
  constructor(n) {
    const bytes = 2 * 4 * n + 2 ** 20; // what is not written takes no memory
    this.memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE_BYTES) });
    FastProducts.module ??= new WebAssembly.Module(productsWasm);
    this.product = new WebAssembly.Instance(FastProducts.module, { products: { memory: this.memory } }).exports.dense;
    this.taken = 0; // bytes
  }

  static get there() {
    return typeof WebAssembly === "object" && WebAssembly.validate(productsWasm);
  }

  /** Eight rows lie together: four numbers of each, then the next four of each. */
  rows(values, nIn, nOut) {
    const width = fours(nIn);
    const rows = this.room(width * eights(nOut));
    for (let row = 0; row < nOut; row++) {
      const first = (row - (row % 8)) * width + 4 * (row % 8);
      for (let i = 0; i < nIn; i++) rows[first + 8 * (i - (i % 4)) + (i % 4)] = values[row * nIn + i];
    }
    return rows;
  }

  room(n, values = null) {
    const found = new Float32Array(this.memory.buffer, this.taken, n);
    this.taken += 4 * eights(n);
    if (values) found.set(values);
    return found;
  }

  dense(y, rows, bias, x, nIn, nOut) {
    this.product(y.byteOffset, rows.byteOffset, bias.byteOffset, x.byteOffset, fours(nIn), eights(nOut));
  }
}

/** What computes an instrument's products on this device. @param {ReturnType<typeof unpack>} pack */
function productsFor({ arrays }) {
  if (!FastProducts.there) return new PlainProducts();
  try {
    return new FastProducts(Object.values(arrays).reduce((sum, { values }) => sum + values.length, 0));
  } catch {
    return new PlainProducts(); // no memory for it, or forbidden by the page's own policy
  }
}
