"""The OpenAPI document is kept: schemathesis asks a real server all that it allows, and what it does not.

Never is there a status that the document has not, another kind of content, an answer of another form, an answer without
a token, or an error of the server.
"""

import pytest
import schemathesis
from hypothesis import HealthCheck, seed, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from ddsing.sound.audio import encode
from ddsing.tokens import Tokens
from ddsing.ui.rest import openapi
from tests.support import counts, tiny_workspace
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.slow

SONG = encode(tiny_workspace.sung(1.0))
NAME = tiny_workspace.NAMES[0]
THERE = "what-is-there"


def document():
    """The document, with what is there among what is asked for, under a name that is known beforehand."""
    made = openapi.document()
    for item in made["paths"].values():
        for parameter in item.get("parameters", ()):
            parameter["schema"] = {"anyOf": [{"const": THERE}, parameter["schema"]]}
    return made


schema = schemathesis.openapi.from_dict(document())


@pytest.fixture(scope="module")
def there(program):
    """What is there, by the first part of its address."""
    done = program.ended(program.order(SONG, NAME).json())
    return {"instruments": NAME, "transfers": done["id"], "takes": done["recordings"][0]["take"]}


@pytest.fixture(scope="module")
def headers(local):
    """With a token."""
    return {"Authorization": f"Bearer {Tokens(local[1]).make('schema')[1]}"}


@schema.parametrize()
@seed(counts.seed())
@settings(
    max_examples=counts.rounds(full=200, push=8), database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
def test_every_answer_is_as_the_document_says(case, local, headers, there):
    for name, value in (case.path_parameters or {}).items():
        if value == THERE:
            case.path_parameters[name] = there[case.path.split("/")[1]]
    unknown = [positive_data_acceptance]  # what a recording is, and a control, no schema can say
    if isinstance(case.body, dict) and case.meta.generation.mode.is_positive:
        case.body["recording"] = [SONG] if isinstance(case.body["recording"], list) else SONG
        case.body |= {"instrument": NAME, "tracker": "instant"} if "settings" in case.body else {}
        unknown.append(negative_data_rejection)  # which knows what the body was
    address = f"{local[0].url}/api/v1"
    case.call_and_validate(base_url=address, headers=headers, timeout=PATIENCE_S, excluded_checks=unknown)
