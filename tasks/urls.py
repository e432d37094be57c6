"""Pages about repositories and what is made of them."""

from django.urls import path

from tasks.views import (
    approvals,
    categories,
    held,
    imports,
    operations,
    people,
    providers,
    repositories,
    scenarios,
)

app_name = "tasks"
urlpatterns = [
    path("repositories/", repositories.repositories, name="repositories"),
    path("repositories/tokens", repositories.keep_token, name="keep_token"),
    path("repositories/tokens/forget", repositories.forget_token, name="forget_token"),
    path("repositories/<uuid:public_id>/row", repositories.row, name="repository_row"),
    path("repositories/<uuid:public_id>/refresh", repositories.refresh, name="refresh_repository"),
    path("repositories/<uuid:public_id>/", repositories.repository, name="repository"),
    path("repositories/<uuid:public_id>/progress", repositories.progress, name="repository_progress"),
    path("repositories/<uuid:public_id>/send", repositories.send_again, name="send_again"),
    path("repositories/<uuid:public_id>/retire", repositories.retire, name="retire_repository"),
    path("repositories/<uuid:public_id>/environments/<int:pk>/waive", repositories.waive, name="waive"),
    path(
        "repositories/<uuid:public_id>/environments/<int:pk>/again", repositories.try_again, name="try_again"
    ),
    path("imports/", imports.imports, name="imports"),
    path("imports/<uuid:public_id>/", imports.one, name="import"),
    path("imports/<uuid:public_id>/again", imports.repeat, name="repeat_import"),
    path("categories/", categories.categories, name="categories"),
    path("people/", people.people, name="people"),
    path("people/qualifications", people.new_qualification, name="new_qualification"),
    path("people/<uuid:public_id>/", people.person, name="person"),
    path("scenarios/", scenarios.scenarios, name="scenarios"),
    path("scenarios/new", scenarios.new, name="new_scenario"),
    path("scenarios/begin", scenarios.begin, name="begin_scenario"),
    path("scenarios/preview", scenarios.preview, name="preview"),
    path("scenarios/<uuid:public_id>/", scenarios.scenario, name="scenario"),
    path("scenarios/<uuid:public_id>/save", scenarios.save, name="save_scenario"),
    path("scenarios/<uuid:public_id>/propose", scenarios.propose, name="propose"),
    path("held/", held.page, name="held"),
    path("approvals/", approvals.approvals, name="approvals"),
    path("approvals/<uuid:public_id>/", approvals.approval, name="approval"),
    path("approvals/<uuid:public_id>/decide", approvals.decide, name="decide_scenario"),
    path("providers/", providers.providers, name="providers"),
    path("providers/<uuid:public_id>/", providers.provider, name="provider"),
    path("providers/<uuid:public_id>/key", providers.key, name="provider_key"),
    path("providers/<uuid:public_id>/price", providers.price, name="provider_price"),
    path("providers/<uuid:public_id>/pause", providers.pause, name="pause_provider"),
    path("providers/<uuid:public_id>/resume", providers.resume, name="resume_provider"),
    path("operations/", operations.page, name="operations"),
    path("operations/tasks/<uuid:public_id>/", operations.task, name="story"),
    path("operations/tasks/<uuid:public_id>/unblind", operations.unblind, name="unblind_story"),
    path(
        "operations/tasks/<uuid:public_id>/turns/<int:number>/regenerate",
        operations.regenerate,
        name="regenerate",
    ),
    path("operations/candidates/<uuid:public_id>/log", operations.log, name="log"),
    path("operations/candidates/<uuid:public_id>/retry", operations.retry, name="retry_candidate"),
    path("operations/candidates/<uuid:public_id>/cancel", operations.cancel, name="cancel_candidate"),
    path("operations/experiments/<uuid:public_id>/pause", operations.pause, name="pause_experiment"),
    path("operations/experiments/<uuid:public_id>/resume", operations.resume, name="resume_experiment"),
]
