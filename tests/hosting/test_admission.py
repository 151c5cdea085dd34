"""Who may come in: by claims that the provider vouches for, and by nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddsing.hosting import admission
from ddsing.hosting.config import Login, Provider

PROVIDERS = {
    name: Provider(f"https://{name}.example/.well-known/openid-configuration", "ddsing", "secret")
    for name in ("university", "other")
}
CLAIMS = {
    "iss": "https://university.example",
    "sub": "abc-123",
    "iat": 1_800_000_000,
    "nonce": "n1",
    "provider": "university",
    "email": "Ann@Example.org",
    "email_verified": True,
    "name": "Ann",
}


def role(login, **changes):
    claims = {**CLAIMS, **changes}
    found = admission.identity(claims)
    return admission.role(found, claims, Login(providers=PROVIDERS, **login))


@pytest.mark.parametrize(
    ("login", "changes", "expected"),
    [
        ({}, {}, None),
        ({"everybody": True}, {}, "member"),
        ({"everybody": True}, {"provider": "unknown"}, None),
        ({"domains": ("example.org",)}, {}, "member"),
        ({"domains": ("EXAMPLE.org",)}, {}, "member"),
        ({"domains": ("university:example.org",)}, {}, "member"),
        ({"domains": ("other:example.org",)}, {}, None),
        ({"domains": ("ample.org",)}, {}, None),
        ({"domains": ("example.org",)}, {"email": "ann@sub.example.org"}, None),
        ({"domains": ("example.org",)}, {"email": "ann@example.org@evil.example"}, None),
        ({"domains": ("example.org",)}, {"email_verified": False}, None),
        ({"domains": ("example.org",)}, {"email_verified": "true"}, None),
        ({"domains": ("example.org",)}, {"email": None}, None),
        ({"domains": ("example.org",)}, {"email": ["ann@example.org"]}, None),
        ({"addresses": ("ann@example.org",)}, {}, "member"),
        ({"addresses": ("ann@example.org",)}, {"email": "bob@example.org"}, None),
        ({"addresses": ("other:ann@example.org",)}, {}, None),
        ({"claims": {"groups": ("singers",)}}, {"groups": ["staff", "singers"]}, "member"),
        ({"claims": {"groups": ("singers",)}}, {"groups": "singers"}, "member"),
        ({"claims": {"groups": ("singers",)}}, {"groups": ["singer"]}, None),
        ({"claims": {"groups": ("singers",)}}, {}, None),
        ({"claims": {"groups": ("True",)}}, {"groups": True}, None),
        ({"admins": ("ann@example.org",)}, {}, "admin"),
        ({"admins": ("ann@example.org",)}, {"email_verified": False}, None),
        ({"admins": ("university:abc-123",)}, {}, "admin"),
        ({"admins": ("other:abc-123",)}, {}, None),
        ({"admins": ("university:abc-123",), "everybody": True}, {"sub": "abc-1234"}, "member"),
    ],
)
def test_a_role_follows_from_the_claims(login, changes, expected):
    assert role(login, **changes) == expected


def test_a_provider_s_addresses_can_be_taken_as_verified():
    trusted = Provider("https://university.example/x", "ddsing", "secret", addresses_verified=True)
    claims = {name: value for name, value in CLAIMS.items() if name != "email_verified"}
    login = Login(providers={"university": trusted}, domains=("example.org",))
    assert admission.role(admission.identity(claims), claims, login) == "member"


@pytest.mark.parametrize(
    "changes",
    [
        *({"iss": None}, {"sub": ""}, {"sub": 3}, {"sub": "x" * 501}, {"sub": "a\0b"}),
        *({"iat": None}, {"iat": "now"}, {"iat": True}, {"iat": 0}),
    ],
)
def test_what_is_no_answer_of_a_provider_is_nobody(changes):
    assert admission.identity({**CLAIMS, **changes}) is None


def test_a_person_is_an_issuer_and_a_subject_and_no_address():
    same = admission.identity({**CLAIMS, "email": "new@example.org", "name": "Anna"})
    assert (same.issuer, same.subject) == ("https://university.example", "abc-123")
    names = {
        admission.workspace(issuer, subject)
        for issuer, subject in [("a", "bc"), ("ab", "c"), ("a\0b", "c"), ("a", "b"), ("b", "a")]
    }
    assert len(names) == 5 and all(name.isalnum() and len(name) == 40 for name in names)


def test_each_sign_in_is_a_session_of_its_own():
    sessions = {
        admission.identity({**CLAIMS, **changes}).session
        for changes in [{}, {"nonce": "n2"}, {"iat": 1_800_000_001}, {"sub": "x"}, {"iss": "y"}, {"provider": "other"}]
    }
    assert len(sessions) == 6
    assert admission.identity({**CLAIMS, "name": "Anna"}).session == admission.identity(CLAIMS).session


ANYTHING = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from([*CLAIMS, "groups"]), ANYTHING))
def test_whatever_a_provider_says_nobody_is_let_in_without_a_verified_address(changes):
    claims = {**CLAIMS, **changes, "email_verified": False}
    found, ann = admission.identity(claims), ("ann@example.org",)
    login = Login(providers=PROVIDERS, domains=("example.org",), addresses=ann, admins=ann)
    assert found is None or admission.role(found, claims, login) is None
