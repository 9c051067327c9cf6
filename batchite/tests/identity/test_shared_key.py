"""What a shared key signs, and what the check refuses."""

import base64
import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchite.clock import http_date
from batchite.errors import ServiceError
from batchite.http.asgi import _headers, parse_query
from batchite.http.types import Principal, Request
from batchite.identity.shared_key import MAX_SKEW, sign, strings_to_sign, verify

pytestmark = pytest.mark.documented
KEYS = (base64.b64encode(b"one").decode(), base64.b64encode(b"two").decode())
NOW = 1_700_000_000.0
names = st.sampled_from(["ocp-date", "ocp-range", "Content-Type", "If-Match", "Date", "accept", "User-Agent"])


def signed(method: str, target: str, headers: Mapping[str, str], text: str, account: str = "mine") -> Request:
    """A request whose Authorization signs `text`."""
    path, _, query = target.partition("?")
    lines = {"authorization": f"SharedKey {account}:{sign(KEYS[1], text)}", **headers}
    return Request(method, path, path, parse_query(query), lines, b"", "http://127.0.0.1", account="mine")


def refusal(request: Request, now: float = NOW, code: str = "AuthenticationFailed") -> ServiceError:
    """What the check raises."""
    with pytest.raises(ServiceError) as caught:
        verify(request, "mine", KEYS, now)
    assert caught.value.code == code
    return caught.value


DATED = {"ocp-date": http_date(NOW)}
DELETE = f"DELETE\n\n\n0\n\n\n\n\n\n\n\n\nocp-date:{DATED['ocp-date']}\n/mine/jobs/a%20b\napi-version:1\ntimeOut:30"


def test_the_text_is_the_documented_one() -> None:
    """Verb, eleven headers, ocp headers in order, account and encoded path, sorted query with decoded values."""
    headers = {"content-length": "2", "content-type": "application/json", "ocp-b": "2", "ocp-a": "1", "if-match": '"x"'}
    query = parse_query("timeout=30&%24filter=id%20eq%20'a'&empty=")
    signed_headers = 'POST\n\n\n2\n\napplication/json\n\n\n"x"\n\n\n\nocp-a:1\nocp-b:2\n'
    resource = "/mine/batch/mine/jobs\n$filter:id eq 'a'\ntimeout:30"
    texts = list(strings_to_sign("POST", "mine", "/batch/mine/jobs", headers, query))
    assert texts == [signed_headers + resource]


@given(st.dictionaries(names, st.text("abc ", min_size=1), max_size=7), st.randoms(use_true_random=False))
def test_order_and_case_of_headers_do_not_matter(headers: dict[str, str], random: object) -> None:
    """Whatever order and case the client's library sends them in, the signed texts are the same."""
    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    shuffled = [(name.swapcase(), value) for name, value in lines]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random without saying so
    texts = [list(strings_to_sign("GET", "mine", "/jobs", _headers(form), {})) for form in (lines, shuffled)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("text", [DELETE, DELETE.replace("\n0\n", "\n\n"), DELETE.replace("timeOut", "timeout")])
def test_every_clients_form_is_accepted(text: str) -> None:
    """Bodyless verbs with length `0` or empty; query names as sent or in lower case."""
    request = signed("DELETE", "/jobs/a%20b?timeOut=30&api-version=1", DATED, text)
    assert verify(request, "mine", KEYS, NOW) == Principal(account="mine")


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("PUT", "/jobs/a%20b?timeOut=30&api-version=1", DATED),
        ("DELETE", "/jobs/other?timeOut=30&api-version=1", DATED),
        ("DELETE", "/jobs/a b?timeOut=30&api-version=1", DATED),
        ("DELETE", "/jobs/a%20b?timeOut=31&api-version=1", DATED),
        ("DELETE", "/jobs/a%20b?timeOut=30&api-version=1&force=true", DATED),
        ("DELETE", "/jobs/a%20b?timeOut=30&api-version=1", {**DATED, "if-match": "*"}),
        ("DELETE", "/jobs/a%20b?timeOut=30&api-version=1", {**DATED, "content-length": "7"}),
        ("DELETE", "/jobs/a%20b?timeOut=30&api-version=1", {"ocp-date": http_date(NOW + 1)}),
    ],
)
def test_what_was_changed_after_signing_is_refused(method: str, target: str, headers: dict[str, str]) -> None:
    """Verb, path, query, headers, date: all are under the signature."""
    detail = refusal(signed(method, target, headers, DELETE)).values["AuthenticationErrorDetail"]
    assert "not the same" in detail


@pytest.mark.parametrize(
    ("target", "path"),
    [("//[", "//["), ("//host/jobs", "//host/jobs"), ("http://127.0.0.1:1/jobs", "/jobs"), ("http://127.0.0.1", "/")],
)
def test_any_path_can_be_signed(target: str, path: str) -> None:
    """The path is signed as it was sent, whatever it holds; of a whole URL it is the path."""
    text = "GET" + "\n" * 12 + f"ocp-date:{DATED['ocp-date']}\n/mine{path}"
    assert verify(signed("GET", target, DATED, text), "mine", KEYS, NOW) == Principal(account="mine")


@pytest.mark.parametrize("late", [-MAX_SKEW - 1, MAX_SKEW + 1])
def test_an_old_or_early_request_is_refused(late: float) -> None:
    """More than fifteen minutes from the server's clock, whatever the signature."""
    assert (
        "clock"
        in refusal(signed("DELETE", "/jobs/a%20b", DATED, DELETE), NOW + late).values["AuthenticationErrorDetail"]
    )


@pytest.mark.parametrize("headers", [{}, {"ocp-date": "yesterday"}])
def test_a_request_without_a_date_is_refused(headers: dict[str, str]) -> None:
    """A signature without a date would be good for ever."""
    refusal(signed("DELETE", "/jobs/a%20b", headers, DELETE))


@pytest.mark.parametrize("authorization", ["", "SharedKey", "SharedKey mine", "SharedKey mine:", "Basic mine:x"])
def test_a_header_of_another_form_is_refused(authorization: str) -> None:
    """Account and signature are both needed."""
    refusal(signed("GET", "/jobs", {**DATED, "authorization": authorization}, ""), code="InvalidAuthenticationInfo")


def test_the_key_of_one_account_opens_no_other() -> None:
    """The name in the header must be the account of the URL; letter case does not matter."""
    refusal(signed("DELETE", "/jobs/a%20b", DATED, DELETE, account="other"))
    text = DELETE.replace("/mine/", "/Mine/").partition("\napi")[0]
    assert verify(signed("DELETE", "/jobs/a%20b", DATED, text, account="Mine"), "mine", KEYS, NOW).account == "mine"


def test_the_answer_repeats_no_signature() -> None:
    """Neither what was sent nor what was expected."""
    request = signed("PUT", "/jobs/a%20b", {"ocp-date": http_date(time.time())}, DELETE)
    error = refusal(request, time.time())
    assert sign(KEYS[1], DELETE) not in f"{error} {error.values}"
