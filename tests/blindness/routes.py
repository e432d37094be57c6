"""Each address of Marlin, with who may open it and how it answers. An address that is not here is a failure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

RATERS = ("riley", "rosa")  # Riley holds the work, Rosa is another rater
REVIEWERS = ("robin", "remy")  # Robin has decided about it
RESEARCHERS = ("rowan", "rhea")  # Rowan has asked for the export
ADMINS = ("ada",)
SIGNED_IN = (*RATERS, *REVIEWERS, *RESEARCHERS, *ADMINS)
EVERYBODY = ("anonymous", *SIGNED_IN)

#: An id that exists nowhere.
MISSING = "00000000-0000-4000-8000-000000000000"
NOT_ALLOWED = 405
UNAUTHORIZED = 401


@dataclass(frozen=True)
class Route:
    """`who` has the role, `owners` the object; both get these statuses, others do not find the page."""

    path: str
    who: tuple[str, ...]
    get: int = NOT_ALLOWED
    post: int = NOT_ALLOWED
    owners: tuple[str, ...] = ()
    #: What `{id}` in the path is the id of.
    of: str = ""
    #: Asked for the password before the object is looked up: to every holder of the role, whatever the id.
    reauthenticates: bool = False

    def expected(self, person: str, method: str, *, exists: bool = True) -> int:
        if person not in self.who:
            return 302 if person == "anonymous" else 404
        status = self.get if method == "GET" else self.post
        if status == NOT_ALLOWED or self.reauthenticates:
            return status
        if self.of and not (exists and person in self.owners):
            return 404
        return status


def _work(tail: str, get: int = NOT_ALLOWED, post: int = NOT_ALLOWED) -> Route:
    return Route(f"/work/{{id}}/{tail}", RATERS, get, post, owners=("riley",), of="assignment")


def _review(tail: str, get: int = NOT_ALLOWED, post: int = NOT_ALLOWED) -> Route:
    return Route(f"/review/{{id}}/{tail}", REVIEWERS, get, post, owners=("robin",), of="reviewed")


def _api(tail: str, of: str = "", post: int = NOT_ALLOWED, get: int = UNAUTHORIZED) -> Route:
    """No session opens the API: everybody is asked for a token, before anything is looked up."""
    return Route(f"/api/v1/{tail}", EVERYBODY, get, post, of=of, reauthenticates=True)


def _repository(tail: str, get: int = NOT_ALLOWED, post: int = NOT_ALLOWED) -> Route:
    return Route(f"/repositories/{{id}}/{tail}", ADMINS, get, post, owners=ADMINS, of="repository")


def _operation(tail: str, of: str, get: int = NOT_ALLOWED, post: int = NOT_ALLOWED) -> Route:
    return Route(f"/operations/{tail}", ADMINS, get, post, owners=ADMINS, of=of)


def _experiment(tail: str, get: int = NOT_ALLOWED, post: int = NOT_ALLOWED) -> Route:
    return Route(f"/experiments/{{id}}/{tail}", ADMINS, get, post, owners=ADMINS, of="experiment")


def _provider(tail: str, get: int = NOT_ALLOWED, post: int = NOT_ALLOWED) -> Route:
    return Route(f"/providers/{{id}}/{tail}", ADMINS, get, post, owners=ADMINS, of="provider")


def _agent(tail: str, get: int = NOT_ALLOWED, post: int = NOT_ALLOWED) -> Route:
    return Route(f"/agents/{{id}}/{tail}", ADMINS, get, post, owners=ADMINS, of="agent")


def _draft(tail: str, get: int = NOT_ALLOWED, post: int = NOT_ALLOWED) -> Route:
    return Route(f"/scenarios/{{id}}/{tail}", RATERS, get, post, owners=("riley",), of="draft")


def _result(tail: str, get: int = NOT_ALLOWED, post: int = NOT_ALLOWED, of: str = "experiment") -> Route:
    return Route(f"/results/{tail}", RESEARCHERS, get, post, owners=RESEARCHERS, of=of)


ROUTES = {
    "home": Route("/", SIGNED_IN, 302),
    "healthz": Route("/healthz", EVERYBODY, 200),
    "account_reauthenticate": Route("/account/reauthenticate/", SIGNED_IN, 200, 200),
    "tokens": Route("/account/tokens/", RESEARCHERS, 200),
    "create_token": Route("/account/tokens/new", RESEARCHERS, post=302, reauthenticates=True),
    "revoke_token": Route(
        "/account/tokens/{id}/revoke", RESEARCHERS, post=302, owners=("rowan",), of="token"
    ),
    "tasks:repositories": Route("/repositories/", ADMINS, 200, 422),
    "tasks:keep_token": Route("/repositories/tokens", ADMINS, post=302),
    "tasks:forget_token": Route("/repositories/tokens/forget", ADMINS, post=302),
    "tasks:repository_row": Route("/repositories/{id}/row", ADMINS, 200, owners=ADMINS, of="repository"),
    "tasks:refresh_repository": Route(
        "/repositories/{id}/refresh", ADMINS, post=302, owners=ADMINS, of="repository"
    ),
    "tasks:repository": _repository("", 200, 422),
    "tasks:repository_progress": _repository("progress", 200),
    "tasks:send_again": _repository("send", post=302),
    "tasks:retire_repository": _repository("retire", post=302),
    "tasks:waive": _repository("environments/1/waive", post=302),
    "tasks:try_again": _repository("environments/1/again", post=302),
    "tasks:imports": Route("/imports/", ADMINS, 200, 422),
    "tasks:import": Route("/imports/{id}/", ADMINS, 200, owners=ADMINS, of="import"),
    "tasks:repeat_import": Route("/imports/{id}/again", ADMINS, post=302, owners=ADMINS, of="import"),
    "tasks:categories": Route("/categories/", ADMINS, 200, 302),
    "tasks:people": Route("/people/", ADMINS, 200),
    "tasks:new_qualification": Route("/people/qualifications", ADMINS, 200, 422),
    "tasks:person": Route("/people/{id}/", ADMINS, 200, 302, owners=ADMINS, of="person"),
    "tasks:scenarios": Route("/scenarios/", RATERS, 200),
    "tasks:new_scenario": Route("/scenarios/new", RATERS, 200),
    "tasks:begin_scenario": Route("/scenarios/begin", RATERS, post=404),
    "tasks:preview": Route("/scenarios/preview", (*RATERS, *REVIEWERS), post=200),
    "tasks:scenario": _draft("", 200),
    "tasks:save_scenario": _draft("save", post=302),
    "tasks:propose": _draft("propose", post=422),
    "tasks:held": Route("/held/", ADMINS, 200, 302),
    "tasks:approvals": Route("/approvals/", REVIEWERS, 200),
    "tasks:decided": Route("/approvals/decided/", REVIEWERS, 200),
    "tasks:approval": Route("/approvals/{id}/", REVIEWERS, 200, owners=REVIEWERS, of="proposed"),
    "tasks:decide_scenario": Route(
        "/approvals/{id}/decide", REVIEWERS, post=422, owners=REVIEWERS, of="proposed"
    ),
    "tasks:agents": Route("/agents/", ADMINS, 200, 422),
    "tasks:write_agent": Route("/agents/written", ADMINS, post=422),
    "tasks:agent": _agent("", 200),
    "tasks:check_agent": _agent("check", 200, 302),
    "tasks:retire_agent": _agent("retire", post=302),
    "tasks:restore_agent": _agent("restore", post=302),
    "tasks:providers": Route("/providers/", ADMINS, 200, 422),
    "tasks:provider": _provider("", 200, 422),
    "tasks:provider_key": Route("/providers/{id}/key", ADMINS, 302, 302, reauthenticates=True, of="provider"),
    "tasks:provider_price": _provider("price", post=422),
    "tasks:pause_provider": _provider("pause", post=302),
    "tasks:resume_provider": _provider("resume", post=302),
    "tasks:operations": Route("/operations/", ADMINS, 200),
    "tasks:story": _operation("tasks/{id}/", "task", get=200),
    "tasks:unblind_story": Route(
        "/operations/tasks/{id}/unblind", ADMINS, post=302, reauthenticates=True, of="task"
    ),
    "tasks:regenerate": _operation("tasks/{id}/turns/1/regenerate", "task", post=302),
    "tasks:log": _operation("candidates/{id}/log", "candidate", get=200),
    "tasks:retry_candidate": _operation("candidates/{id}/retry", "candidate", post=302),
    "tasks:cancel_candidate": _operation("candidates/{id}/cancel", "candidate", post=302),
    "tasks:pause_experiment": _operation("experiments/{id}/pause", "experiment", post=302),
    "tasks:resume_experiment": _operation("experiments/{id}/resume", "experiment", post=302),
    "grading:guidelines": Route("/guidelines/{id}/", RATERS, 200, 302, owners=("riley",), of="experiment"),
    "grading:experiments": Route("/experiments/", ADMINS, 200),
    "grading:new_experiment": Route("/experiments/new", ADMINS, 200, 422),
    "grading:preview_guidelines": Route("/experiments/preview", ADMINS, post=200),
    "grading:experiment": _experiment("", 200),
    "grading:edit_experiment": _experiment("edit", 302, 302),
    "grading:experiment_figures": _experiment("figures", 200),
    "grading:look_experiment": _experiment("look", post=302),
    "grading:start_experiment": _experiment("start", post=302),
    "grading:pause_experiment": _experiment("pause", post=302),
    "grading:resume_experiment": _experiment("resume", post=302),
    "grading:finish_experiment": _experiment("finish", post=302),
    "grading:write_guidelines": _experiment("guidelines", post=302),
    "grading:experiment_scenarios": _experiment("scenarios", 200, 302),
    "grading:experiment_tasks": _experiment("tasks", 200),
    "grading:gold": Route("/gold/{id}/", ADMINS, 200, 422, owners=ADMINS, of="task"),
    "grading:rubrics": Route("/rubrics/", ADMINS, 200),
    "grading:new_rubric": Route("/rubrics/new", ADMINS, 200, 422),
    "grading:ship_rubrics": Route("/rubrics/ship", ADMINS, post=302),
    "grading:preview_rubric": Route("/rubrics/preview", ADMINS, post=200),
    "grading:rubric": Route("/rubrics/1/", ADMINS, 200, 422),
    "grading:work": Route("/work/", RATERS, 200),
    "grading:claim": Route("/work/claim", RATERS, post=302),
    "grading:resume": _work("resume", post=302),
    "grading:release": _work("release", post=302),
    "grading:compare": _work("", 200),
    "grading:transcripts": _work("transcripts", 200),
    "grading:tests": _work("tests", 200),
    "grading:write_up": _work("write-up", 200),
    "grading:file": _work("files/0", 200),
    "grading:gap": _work("files/0/gaps/0", 200),
    "grading:mark": _work("files/0/read", post=302),
    "grading:image": _work("files/0/image/a", 404),
    "grading:search": _work("search", 200),
    "grading:base": _work("base/", 200),
    "grading:save_draft": _work("draft", post=302),
    "grading:submit": _work("submit", post=422),
    "grading:go_on": _work("next", post=422),
    "grading:waiting": _work("waiting", 204),
    "grading:receipt": Route("/receipts/{id}", RATERS, 200, owners=("riley",), of="receipt"),
    "grading:guess": Route("/receipts/{id}/guess", RATERS, post=302, owners=("riley",), of="receipt"),
    "grading:scenario_files": _draft("files/", 200),
    "grading:proposed_files": Route(
        "/approvals/{id}/files/", REVIEWERS, 200, owners=REVIEWERS, of="proposed"
    ),
    "grading:reviews": Route("/review/", REVIEWERS, 200),
    "grading:decided": Route("/review/decided/", REVIEWERS, 200),
    "grading:review": _review("", 200),
    "grading:review_transcripts": _review("transcripts", 200),
    "grading:review_tests": _review("tests", 200),
    "grading:review_write_up": _review("write-up", 200),
    "grading:review_file": _review("files/0", 200),
    "grading:review_gap": _review("files/0/gaps/0", 200),
    "grading:review_mark": _review("files/0/read", post=302),
    "grading:review_image": _review("files/0/image/a", 404),
    "grading:review_search": _review("search", 200),
    "grading:review_base": _review("base/", 200),
    "grading:decide": _review("decide", post=422),
    "grading:results": Route("/results/", RESEARCHERS, 200),
    "grading:result": _result("{id}/", 200),
    "grading:ask_result": _result("{id}/ask", post=302),
    "grading:unblind_result": Route(
        "/results/{id}/unblind", RESEARCHERS, post=302, reauthenticates=True, of="experiment"
    ),
    "grading:result_records": _result("{id}/records", 200),
    "grading:result_record": _result("records/{id}/", 200, of="record"),
    "grading:result_state": _result("at/{id}/", 200, of="result"),
    "grading:freeze_result": _result("at/{id}/freeze", post=302, of="result"),
    "grading:result_chart": _result("at/{id}/heat.csv", 200, of="result"),
    "grading:exports": Route("/exports/", RESEARCHERS, 200),
    "grading:ask_export": Route("/exports/ask", RESEARCHERS, 302, 302, reauthenticates=True),
    "grading:export": Route("/exports/{id}/", RESEARCHERS, 200, owners=("rowan",), of="export"),
    "grading:retry_export": Route(
        "/exports/{id}/retry", RESEARCHERS, post=302, owners=("rowan",), of="export"
    ),
    "grading:download": Route(
        "/exports/{id}/preferences.jsonl", RESEARCHERS, 302, reauthenticates=True, of="export"
    ),
    "grading:api:docs": Route("/api/v1/docs", RESEARCHERS, 200),
    "grading:api:openapi-json": Route("/api/v1/openapi.json", EVERYBODY, 200, 200),
    "grading:api:experiments": _api("experiments"),
    "grading:api:experiment": _api("experiments/{id}", of="experiment"),
    "grading:api:records": _api("experiments/{id}/records", of="experiment"),
    "grading:api:results": _api("experiments/{id}/results", of="experiment"),
    "grading:api:exports": _api("exports", post=UNAUTHORIZED),
    "grading:api:ask": _api("exports", post=UNAUTHORIZED),
    "grading:api:export": _api("exports/{id}", of="export"),
    "grading:api:export_file": _api("exports/{id}/files/preferences.jsonl", of="export"),
    "grading:api:api-root": _api("", get=404, post=404),
    "grading:api:unknown": _api("", get=404, post=404),
}

#: Signing in and out answers by whether one is signed in, and to nobody with an object: (GET, POST) for
#: strangers, then for everybody else.
DOORS = {
    "account_login": ("/account/login/", (200, 200), (302, 302)),
    "account_logout": ("/account/logout/", (302, 302), (200, 302)),
}


def names() -> Iterator[str]:
    """The name of every address in the URLconf, with its namespace."""
    yield from _names(get_resolver(), "")


def _names(resolver: URLResolver, namespace: str) -> Iterator[str]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            yield f"{namespace}{entry.name or entry.pattern}"
        else:
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from _names(entry, inner)
