"""Ed25519 against the vectors of RFC 8032, section 7.1."""

import pytest

from grading.export import signing

#: Seed, public key, message, signature.
VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), VECTORS)
def test_the_vectors_of_the_standard_hold(seed, public, message, signature):
    seed, public, message, signature = map(bytes.fromhex, (seed, public, message, signature))

    assert signing.public_key(seed) == public
    assert signing.sign(seed, message) == signature
    assert signing.verify(public, message, signature)


def test_any_changed_bit_is_refused():
    seed = bytes(range(32))
    public, signature = signing.public_key(seed), signing.sign(seed, b"reef")

    for place in range(0, 512, 23):
        assert not signing.verify(public, b"reef", flipped(signature, place))
    for place in range(0, 256, 23):
        assert not signing.verify(flipped(public, place), b"reef", signature)
    assert not signing.verify(public, b"leaf", signature)


def test_the_other_form_of_the_same_signature_is_refused():
    """Adding the group's order to the second half gives the same point: only one form may pass."""
    seed = bytes(32)
    signature = signing.sign(seed, b"")
    answer = int.from_bytes(signature[32:], "little") + signing.ORDER

    assert not signing.verify(signing.public_key(seed), b"", signature[:32] + answer.to_bytes(32, "little"))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_seed_has_32_bytes(length):
    with pytest.raises(ValueError, match="32 bytes"):
        signing.sign(bytes(length), b"")
    assert not signing.verify(bytes(length), b"", bytes(64))


def flipped(data, place):
    changed = bytearray(data)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)
