"""The places in z of a voice: measured, kept in its instrument's file, and what z is pulled towards."""

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from ddsing.errors import InstrumentError, SettingsError
from ddsing.instrument import Instrument, read, read_summary, to_bytes
from ddsing.model import places
from ddsing.model.config import ModelConfig, ZConfig
from ddsing.model.places import Places
from ddsing.model.weights import random_weights
from ddsing.transfer.settings import Settings
from ddsing.transfer.timbre import z_of

CONFIG = ModelConfig(
    rnn_channels=8, ch=8, layers_per_stack=1, n_harmonics=5, n_noise_bands=9, z=ZConfig(6, 3, 125), noise_window_size=0
)
CORNERS = np.array([[0, 0, 0], [10, 0, 0], [0, 10, 0], [0, 0, 10]], np.float32)


def listener(**changes) -> Instrument:
    return Instrument("Listener", CONFIG, None, random_weights(CONFIG), **changes)


def test_the_centres_of_clusters_are_the_places():
    random = np.random.default_rng(1)
    z = (CORNERS[:, None] + random.normal(0.0, 0.1, (4, 200, 3))).reshape(-1, 3)
    found = places.measure(z, n_places=4)
    assert np.abs(np.sort(found.centres, axis=0) - np.sort(CORNERS, axis=0)).max() < 0.05
    assert np.array_equal(found.centres, places.measure(z, n_places=4).centres), "the same each time"
    assert len(places.measure(z).centres) <= 200 and len(places.measure(z[:3]).centres) == 1


def test_z_goes_to_the_nearest_place_by_a_share_of_the_way_and_without_jumps():
    known = Places(CORNERS)
    z = np.array([[9.0, 1.0, 0.5], [0.2, 0.1, 14.0]], np.float32)
    assert known.pulled(z, 0.0) is z
    whole, half = known.pulled(z, 1.0), known.pulled(z, 0.5)
    assert np.abs(whole - CORNERS[[1, 3]]).max() < 0.5
    np.testing.assert_allclose(half, (z + whole) / 2, atol=1e-6)
    way = np.linspace(CORNERS[0], CORNERS[1], 2001).astype(np.float32)
    steps = np.abs(np.diff(known.pulled(way, 1.0), axis=0)).max()
    assert steps < 10 * np.abs(np.diff(way, axis=0)).max(), "between places it is between them"


def test_an_instrument_keeps_its_places_and_one_without_them_is_as_it_was():
    plain, with_places = to_bytes(listener()), to_bytes(listener(places=Places(CORNERS)))
    assert read(plain).places is None and not read_summary(plain).has_places
    assert np.array_equal(read(with_places).places.centres, CORNERS) and read_summary(with_places).has_places
    versions = []
    for data in (plain, with_places):
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            versions.append(json.loads(file.read("instrument.json"))["format_version"])
    assert versions == [1, 2], "older readers refuse what they don't know, and say so"
    assert listener().digest != listener(places=Places(CORNERS)).digest


def altered(change) -> bytes:
    """The file with its members changed."""
    with zipfile.ZipFile(io.BytesIO(to_bytes(listener(places=Places(CORNERS))))) as file:
        members = {name: file.read(name) for name in file.namelist()}
    change(members)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    return buffer.getvalue()


def test_places_that_were_altered_are_refused():
    def touch(members):
        members["timbre.safetensors"] = members["timbre.safetensors"][:-1] + b"\1"

    def declare_old(members):
        members["instrument.json"] = members["instrument.json"].replace(b'"format_version": 2', b'"format_version": 1')
        members["instrument.json"] = members["instrument.json"].replace(b'"format_version":2', b'"format_version":1')

    with pytest.raises(InstrumentError, match="timbre.safetensors is damaged"):
        read(altered(touch))
    with pytest.raises(InstrumentError, match="which doesn't belong there"):
        read(altered(declare_old))
    with pytest.raises(InstrumentError, match="timbre has 2 dimensions, its model 3"):
        listener(places=Places(CORNERS[:, :2]))
    with pytest.raises(InstrumentError, match="NaN"):
        Places(CORNERS * np.nan)
    with pytest.raises(InstrumentError, match="1 to 1024 places"):
        Places(np.zeros((2000, 3)))


class Ear:
    """An encoder whose z is known."""

    z_dims = 3

    def encode(self, audio, n_frames):
        return np.tile(np.float32([8.0, 1.0, 0.0]), (n_frames, 1))


def test_a_transfer_pulls_the_recordings_z_and_asks_for_places():
    audio = np.zeros(640, np.float32)
    assert z_of(Ear(), None, Settings(), 10, audio, None, places=Places(CORNERS)) is None, "left to the renderer"
    pulled = z_of(Ear(), None, Settings(pull=1.0), 10, audio, None, places=Places(CORNERS))
    assert np.abs(pulled - CORNERS[1]).max() < 0.5
    with pytest.raises(SettingsError, match="export it again"):
        z_of(Ear(), None, Settings(pull=0.1), 10, audio, None)
    assert Settings(pull=0.5).without_z() == Settings() and Settings.from_json(Settings(pull=0.5).to_json()).pull == 0.5
    with pytest.raises(SettingsError, match="pull towards the voice is 1.5; it must be a number from 0 to 1"):
        replace(Settings(), pull=1.5)
