"""The route table: literals, parameters, refusals."""

import pytest

from batchite.errors import ServiceError
from batchite.http.router import Router
from batchite.http.types import Request, Response, Route

pytestmark = pytest.mark.ours


async def nothing(_request: Request) -> Response:
    """Answers nothing."""
    return Response(200)


def table(*rows: str) -> Router:
    """A router over rows written as `METHOD template`; the operation is the row itself."""
    return Router([Route(row, row.partition(" ")[0], row.partition(" ")[2], 200, nothing) for row in rows])


def refusal(router: Router, method: str, path: str) -> ServiceError:
    """What the router refuses the request with."""
    with pytest.raises(ServiceError) as caught:
        router.resolve(method, path)
    return caught.value


def test_a_parameter_is_decoded_once() -> None:
    """An encoded slash stays inside its parameter, and a doubly encoded one stays encoded."""
    route, params = table("GET /jobs/{jobId}/files/{filePath}").resolve("GET", "/jobs/a%2520b/files/wd%2Fout.txt")
    assert route.operation == "GET /jobs/{jobId}/files/{filePath}"
    assert params == {"jobId": "a%20b", "filePath": "wd/out.txt"}


def test_literals_win_over_parameters_and_ignore_case() -> None:
    """`/Jobs/new` finds the literal row although a parameter row stands before it."""
    router = table("GET /jobs/{jobId}", "GET /jobs/new")
    assert router.resolve("GET", "/Jobs/New")[0].operation == "GET /jobs/new"
    assert router.resolve("GET", "/JOBS/Mine")[1] == {"jobId": "Mine"}


def test_a_method_missing_on_the_literal_is_found_on_the_parameter() -> None:
    """A path that two templates fit is served when either has the method."""
    router = table("POST /pools/evaluate", "GET /pools/{poolId}")
    assert router.resolve("GET", "/pools/evaluate")[1] == {"poolId": "evaluate"}


def test_a_plus_parameter_takes_several_segments() -> None:
    """`{scope+}` spans one or more segments and literals follow it."""
    router = table("GET /{scope+}/providers/Microsoft.Authorization/roleAssignments/{name}")
    path = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Batch/batchAccounts/a"
    params = router.resolve("GET", f"{path}/providers/microsoft.authorization/roleassignments/n")[1]
    assert params == {"scope": path[1:], "name": "n"}


def test_a_trailing_slash_is_ignored() -> None:
    """`/jobs/` is `/jobs`."""
    assert table("GET /jobs").resolve("GET", "/jobs/")[0].operation == "GET /jobs"


def test_an_empty_segment_is_no_parameter() -> None:
    """`/jobs//tasks` names no job."""
    assert refusal(table("GET /jobs/{jobId}/tasks"), "GET", "/jobs//tasks").code == "NotImplemented"


def test_wrong_method_names_the_right_ones() -> None:
    """405 with an Allow header."""
    error = refusal(table("GET /jobs", "POST /jobs"), "DELETE", "/jobs")
    assert (error.code, error.status, error.headers) == ("UnsupportedHttpVerb", 405, {"allow": "GET, POST"})


def test_no_route_names_the_operation() -> None:
    """The default fallback is a 501 that names what was asked for; a plane may give its own."""
    error = refusal(table("GET /jobs"), "GET", "/certificates")
    assert (error.status, "GET /certificates" in error.text) == (501, True)
    own = Router([], lambda _method, path: ServiceError("ResourceNotFound", path))
    assert refusal(own, "GET", "/x").text.endswith("/x")


def test_a_path_that_is_not_utf8_is_refused() -> None:
    """Percent-encoded bytes must be UTF-8."""
    assert refusal(table("GET /jobs/{jobId}"), "GET", "/jobs/%FF").code == "InvalidUri"


def test_two_rows_for_one_operation_are_a_mistake_of_ours() -> None:
    """The table itself is checked when it is built."""
    with pytest.raises(ValueError, match="two routes"):
        table("GET /jobs/{jobId}", "GET /jobs/{id}")
