"""The page Play's products: the binary is what its source builds, any size is right, plain code takes over."""

import os
import shutil
import subprocess

import numpy as np
import pytest

from ddsing.play import browser
from ddsing.ui.play import scripts
from tests.support import in_node, playing


def test_the_binary_is_what_its_source_builds(tmp_path):
    program = shutil.which("wat2wasm")
    if program is None:
        message = "This test needs wat2wasm: apt-get install wabt (Debian)."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    built = tmp_path / "products.wasm"
    subprocess.run([program, scripts.FOLDER / "products.wat", "--output", built], check=True)
    assert built.read_bytes() == (scripts.FOLDER / "products.wasm").read_bytes()


@pytest.mark.parametrize(("n_in", "n_out"), [(1, 1), (3, 8), (4, 9), (13, 126), (512, 24)])
def test_products_are_those_of_numpy(n_in, n_out, tmp_path):
    """Twice with one matrix, so that what the first has left beyond its numbers shows."""
    rng = np.random.default_rng(n_in)
    rows, bias, x = rng.normal(size=(n_out, n_in)), rng.normal(size=n_out), rng.normal(size=(2, n_in))
    body = """
    const { nIn, nOut } = given;
    const products = new FastProducts(nIn * nOut);
    const [rows, bias] = [products.rows(array("rows"), nIn, nOut), products.room(nOut, array("bias"))];
    const [x, y] = [products.room(nIn), products.room(nOut)];
    const found = [];
    for (const at of [0, 1]) {
      x.set(array("x").subarray(at * nIn, (at + 1) * nIn));
      products.dense(y, rows, bias, x, nIn, nOut);
      found.push(...y);
    }
    give("y", found);
    """
    given = {"rows": rows, "bias": bias, "x": x, "nIn": n_in, "nOut": n_out}
    found = in_node.run(tmp_path, body, **given)["y"].reshape(2, n_out)
    np.testing.assert_allclose(found, x @ rows.T + bias, atol=1e-5 * n_in**0.5)


def test_plain_code_takes_over_without_webassembly_its_simd_or_memory(tmp_path):
    body = """
    const pack = unpack(buffer("pack"));
    const plain = () => Number(productsFor(pack) instanceof PlainProducts);
    const { validate, Memory } = WebAssembly;
    const found = [plain()];
    WebAssembly.validate = () => false; // as a browser says of what it does not know
    found.push(plain());
    WebAssembly.validate = validate;
    WebAssembly.Memory = class { constructor() { throw new RangeError("could not allocate memory"); } };
    found.push(plain());
    WebAssembly.Memory = Memory;
    delete globalThis.WebAssembly;
    found.push(plain());
    give("plain", found);
    """
    found = in_node.run(tmp_path, body, pack=browser.pack(playing.odd()))
    assert found["plain"].tolist() == [0, 1, 1, 1]
