import pytest

from fairtune import addresses
from fairtune.addresses import login_of, shown, whole, without_secrets
from fairtune.errors import InvalidInput
from fairtune.spec import Place

SECRETS = {
    "postgresql://user:s3cret@host:5432/db": "postgresql://user:***@host:5432/db",
    "mysql+pymysql://user:p%40ss:w@host/db": "mysql+pymysql://user:***@host/db",
    "http://user:s3cret@127.0.0.1:5000": "http://user:***@127.0.0.1:5000",
    "http://:s3cret@host": "http://:***@host",
    "postgresql://host/db?user=me&password=s3cret&sslmode=require": "postgresql://host/db?user=me&password=***&sslmode=require",
}
PLAIN = ["http://127.0.0.1:5000", "postgresql://user@host/db", "sqlite:////runs/a:b@c/mlflow.db", "http://host/a@b:c"]


@pytest.mark.parametrize(("address", "masked"), SECRETS.items())
def test_secrets_are_shown_as_stars(address, masked):
    assert shown(address) == shown(masked) == masked


@pytest.mark.parametrize("address", PLAIN)
def test_an_address_without_secrets_is_shown_as_it_is(address):
    assert shown(address) == whole(address) == address


@pytest.mark.parametrize(("address", "masked"), SECRETS.items())
def test_a_place_is_written_without_them_and_used_with_them(address, masked):
    place = Place(data="data", runs="runs", name="run", tracking_uri=address)
    assert place.mlflow == address
    for text in (place.model_dump_json(), repr(place), str(place), str(place.model_dump())):
        assert shown(text) == text
    assert Place.model_validate_json(place.model_dump_json()).mlflow == masked


def test_what_was_not_kept_comes_from_the_environment(monkeypatch):
    (address, masked), (other, _), *_ = SECRETS.items()
    monkeypatch.setenv(addresses.VARIABLE, address)
    assert whole(masked) == address
    monkeypatch.setenv(addresses.VARIABLE, other)
    with pytest.raises(InvalidInput, match=r"^passwords are not kept, and FAIRTUNE_TRACKING_URI is mysql") as refusal:
        whole(masked)
    assert shown(str(refusal.value)) == str(refusal.value)
    monkeypatch.delenv(addresses.VARIABLE)
    with pytest.raises(InvalidInput) as refusal:
        whole(masked)
    sentence = f"passwords are not kept, and FAIRTUNE_TRACKING_URI is not set: set it to the whole address of {masked}"
    assert str(refusal.value) == sentence


def test_texts_of_others_lose_them_too():
    text = "API request to http://user:p%40ss@host/api failed for p@ss"
    assert without_secrets(text, "http://user:p%40ss@host") == "API request to http://user:***@host/api failed for ***"


def test_a_server_is_asked_at_its_address_with_its_login():
    assert login_of("http://user:p%40ss@host:1/a") == ("http://host:1/a", "user:p@ss")
    assert login_of("http://host:1") == ("http://host:1", None)
